//! The parser of field lines accepts nothing that an independent one does not, and reads the same.

use super::*;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn own(bytes: &[u8]) -> Result<Option<Pairs>, Malformed> {
    let mut head = Head::default();
    let end = parse(bytes, 0, 64, &mut head)?;
    let pair = |field: &Field| (field.name.of(bytes).to_vec(), field.value.of(bytes).to_vec());
    Ok(end.map(|_| head.fields().iter().map(pair).collect()))
}

fn other(bytes: &[u8]) -> Option<Pairs> {
    let mut storage = [httparse::EMPTY_HEADER; 64];
    match httparse::parse_headers(bytes, &mut storage) {
        Ok(httparse::Status::Complete((_, fields))) => {
            Some(fields.iter().map(|field| (field.name.as_bytes().to_vec(), field.value.to_vec())).collect())
        }
        _ => None,
    }
}

/// Heads made of pieces that matter to a parser, by a seeded generator.
fn generated(seed: &mut u64) -> Vec<u8> {
    const PIECES: &[&[u8]] = &[
        b"Host",
        b"a",
        b": ",
        b":",
        b"\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b"x-y",
        b"value",
        b"\0",
        b"\x7f",
        b"\xe4",
        b"1",
        b"Content-Length",
        b"@",
        b"a: b\r\n",
        b"C: d\r\n",
    ];
    let mut next = |most: usize| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) as usize % most
    };
    let count = 1 + next(12);
    let mut bytes = Vec::new();
    for _ in 0..count {
        bytes.extend_from_slice(PIECES[next(PIECES.len())]);
    }
    bytes
}

#[test]
fn what_is_accepted_reads_as_an_independent_parser_reads_it() {
    let (mut seed, mut accepted) = (7, 0);
    for _ in 0..200_000 {
        let bytes = generated(&mut seed);
        if let Ok(Some(fields)) = own(&bytes) {
            accepted += 1;
            assert_eq!(Some(fields), other(&bytes), "{}", bytes.escape_ascii());
        }
    }
    assert!(accepted > 2_000, "only {accepted} were heads at all");
}

#[test]
fn what_an_independent_parser_accepts_is_refused_only_for_its_line_ends() {
    let mut seed = 11;
    for _ in 0..200_000 {
        let bytes = generated(&mut seed);
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|end| &bytes[..end + 4]);
        let Some(head) = head.filter(|head| other(head).is_some()) else { continue };
        let bare = |(at, byte): (usize, &u8)| *byte == b'\n' && (at == 0 || head[at - 1] != b'\r');
        if !head.iter().enumerate().any(bare) {
            assert!(matches!(own(head), Ok(Some(_))), "{}", head.escape_ascii());
        }
    }
}

#[test]
fn a_head_split_anywhere_is_incomplete_or_refused_but_never_accepted() {
    let mut seed = 13;
    for _ in 0..20_000 {
        let bytes = generated(&mut seed);
        let Ok(Some(end)) = parse(&bytes, 0, 64, &mut Head::default()) else { continue };
        for cut in 0..end {
            assert_eq!(own(&bytes[..cut]), Ok(None), "{} at {cut}", bytes.escape_ascii());
        }
    }
}

#[test]
fn what_is_refused_stays_refused_whatever_comes_behind_it() {
    let mut seed = 19;
    for _ in 0..20_000 {
        let bytes = generated(&mut seed);
        let Some(refused) = (0..bytes.len()).find(|cut| own(&bytes[..*cut]).is_err()) else { continue };
        for cut in refused..=bytes.len() {
            assert!(own(&bytes[..cut]).is_err(), "{} at {cut}", bytes.escape_ascii());
        }
    }
}

#[test]
fn a_plain_line_is_judged_as_any_line_is() {
    let (mut seed, mut plain) = (17, 0);
    for _ in 0..200_000 {
        let bytes = generated(&mut seed);
        for at in 0..bytes.len() {
            let Some((field, end)) = plain_line(&bytes, at) else { continue };
            plain += 1;
            let Ok(Line::Field(expected, expected_end)) = any_line(&bytes, at) else {
                panic!("{} at {at}", bytes.escape_ascii());
            };
            assert_eq!((field, end), (expected, expected_end), "{} at {at}", bytes.escape_ascii());
        }
    }
    assert!(plain > 10_000, "only {plain} were plain");
}
