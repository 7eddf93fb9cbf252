//! Header blocks as they come: those of RFC 7541, and those that break its rules.

use super::*;
use crate::exchange::Head;

fn lines(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<String>, HpackError> {
    let mut lines = Vec::new();
    decoder.decode(block, |line| {
        lines.push(format!("{}: {}", String::from_utf8_lossy(line.name), String::from_utf8_lossy(line.value)));
    })?;
    Ok(lines)
}

/// RFC 7541, appendix C.4: three requests on one connection.
#[test]
fn requests_of_the_standard_are_decoded_and_fill_the_table() {
    let mut decoder = Decoder::default();
    let first = [0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
    let common = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
    assert_eq!(lines(&mut decoder, &first).unwrap(), common);
    let second = [0x82, 0x86, 0x84, 0xbe, 0x58, 0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf];
    assert_eq!(lines(&mut decoder, &second).unwrap()[3..], [common[3], "cache-control: no-cache"]);
    let third = [
        0x82, 0x87, 0x85, 0xbf, 0x40, 0x88, 0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f, 0x89, 0x25, 0xa8, 0x49,
        0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf,
    ];
    let expected = [":method: GET", ":scheme: https", ":path: /index.html", common[3], "custom-key: custom-value"];
    assert_eq!(lines(&mut decoder, &third).unwrap(), expected);
    assert_eq!(decoder.table_bytes, 164);
}

#[test]
fn known_names_bring_their_tokens() {
    let mut decoder = Decoder::default();
    let mut tokens = Vec::new();
    // user-agent: x, added to the table, and again from it.
    decoder.decode(&[0x7a, 1, b'x', 0xbe], |line| tokens.push(line.token)).unwrap();
    assert_eq!(tokens, [Name::USER_AGENT, Name::USER_AGENT]);
}

#[test]
fn the_table_gives_up_its_oldest_lines_and_can_be_emptied() {
    let mut decoder = Decoder::default();
    let line = |name: u8, length: usize| {
        let mut block = vec![0x40, 1, name, 0x7f];
        block.extend([(length - 127) as u8 | 0x80, ((length - 127) >> 7) as u8]);
        block.extend(vec![b'v'; length]);
        block
    };
    for name in *b"abc" {
        lines(&mut decoder, &line(name, 1900)).unwrap();
    }
    assert_eq!((decoder.table.len(), decoder.table_bytes), (2, 2 * 1933));
    assert!(lines(&mut decoder, &[0xbe]).unwrap()[0].starts_with("c: "));
    assert_eq!(lines(&mut decoder, &[0x80 | 64]), Err(HpackError::Index));
    lines(&mut decoder, &line(b'd', 5000)).unwrap();
    assert_eq!(decoder.table_bytes, 0, "a line larger than the table empties it");
    lines(&mut decoder, &line(b'e', 200)).unwrap();
    lines(&mut decoder, &[0x20]).unwrap();
    assert_eq!(decoder.table_bytes, 0);
}

#[test]
fn what_is_no_block_is_refused() {
    let cases: [(&[u8], HpackError); 9] = [
        (&[0x80], HpackError::Index),
        (&[0xff, 0x00], HpackError::Index),
        (&[0x40, 3, b'a'], HpackError::Truncated),
        (&[0x00, 1, b'a'], HpackError::Truncated),
        (&[0x00, 1, b'a', 0x81, 0x00], HpackError::Text),
        (&[0x3f, 0xe2, 0x1f], HpackError::TableSize),
        (&[0x82, 0x20], HpackError::TableSize),
        (&[0x7f], HpackError::Truncated),
        (&[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff], HpackError::Integer),
    ];
    for (block, expected) in cases {
        assert_eq!(lines(&mut Decoder::default(), block), Err(expected), "{block:x?}");
    }
}

#[test]
fn no_bytes_make_it_fail_otherwise() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..20_000 {
        let mut decoder = Decoder::default();
        let block: Vec<u8> = (0..40)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        let _ = lines(&mut decoder, &block);
        assert!(decoder.table_bytes <= TABLE_BYTES);
    }
}

#[test]
fn a_line_that_is_named_again_is_judged_and_written_as_when_it_came() {
    let cases: [(&[u8], &[u8]); 10] = [
        (b"accept", b"text/html"),
        (b"x-tenant", b"north"),
        (b"x_odd", b"1"),
        (b"x-empty", b""),
        (b"te", b"trailers"),
        (b"te", b"gzip"),
        (b"connection", b"close"),
        (b"X-Large", b"1"),
        (b"x-space", b" 1"),
        (b"x-line", b"1\r\nhost: other"),
    ];
    for (name, value) in cases {
        let literal = [&[0x40, name.len() as u8], name, &[value.len() as u8], value].concat();
        let mut decoder = Decoder::default();
        let [first, again] = [&literal[..], &[0xbe]].map(|block| {
            let (mut head, mut outcome) = (Head::default(), Ok(Name::OTHER));
            decoder.decode(block, |line| outcome = line.add_to(&mut head, 10)).unwrap();
            let fields = head.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect::<Vec<_>>();
            (outcome, fields, head.buffer().to_vec(), head.may_have_odd_name())
        });
        assert_eq!(first, again, "{}", String::from_utf8_lossy(name));
    }
}
