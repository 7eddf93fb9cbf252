//! Request heads: what is accepted, what is refused and under which name.

use super::*;

const LIMITS: HeadLimits = HeadLimits { bytes: 64 << 10, fields: 100, target_bytes: 16 << 10 };

fn check(text: &[u8]) -> Result<Option<RequestInfo>, Malformed> {
    parse_request(text, &LIMITS, &mut Request::default())
}

fn refusal(text: &[u8]) -> Option<Malformed> {
    check(text).err()
}

fn with_field(line: &[u8]) -> Vec<u8> {
    [b"GET / HTTP/1.1\r\nHost: a\r\n", line, b"\r\n\r\n"].concat()
}

#[test]
fn a_plain_request_is_taken_apart() {
    let text = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nEmpty:\r\nX-A:  1 \t\r\n\r\nabc";
    let mut request = Request::default();
    let info = parse_request(text, &LIMITS, &mut request).unwrap().unwrap();
    assert_eq!(info.length, text.len() - 3);
    assert_eq!(info.framing, Framing::Length(3));
    assert_eq!(request.method_text(), "POST");
    assert_eq!(request.head.bytes(info.target), b"/a?b=c");
    let fields: Vec<_> = request.head.iter().map(|(name, value)| [name, b"=", value].concat()).collect();
    assert_eq!(fields, [&b"Host=x"[..], b"Content-Length=3", b"Empty=", b"X-A=1"]);
}

#[test]
fn every_prefix_of_a_request_is_incomplete() {
    let text = b"GET /a HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n";
    for end in 0..text.len() {
        assert!(matches!(check(&text[..end]), Ok(None)), "{end}");
        assert!(!head_may_be_complete(&text[..end], 0), "{end}");
    }
    assert!(head_may_be_complete(text, text.len() - 1));
}

#[test]
fn a9_folded_fields_are_refused() {
    assert!(refusal(&with_field(b"A: b\r\n c")).is_some());
    assert!(refusal(&with_field(b"Transfer-Encoding:\r\n chunked")).is_some());
}

#[test]
fn a10_malformed_names_are_refused() {
    for line in
        [&b"Content-Length : 5"[..], b"\tHost: a", b": x", b"Foo", b"X@Y: 1", b"\xefoo: 1", b"Te\nst: x", b" a: b"]
    {
        assert!(refusal(&with_field(line)).is_some(), "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn a11_bare_line_feeds_are_refused() {
    for text in [
        &b"GET / HTTP/1.1\nHost: a\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nB:\nC: d\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        b"GET / HTTP/1.1\r\nHost: a\n\n",
        b"GET / HTTP/1.1\n\n",
    ] {
        assert!(refusal(text).is_some(), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn a12_bare_carriage_returns_are_refused() {
    let in_names = [&b"Transfer\rEncoding: chunked"[..], b"Content\rLength: 5", b"cache\rcontrol: a", b"Host\0: b"];
    for line in [&b"a: b\rc: d"[..], b"a: b\r\n\rX", b"a: b\r\r"].into_iter().chain(in_names) {
        assert!(refusal(&with_field(line)).is_some(), "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn a13_controls_in_a_value_are_refused_and_tabs_are_not() {
    for byte in (0..=8).chain(10..=31).chain([127]) {
        assert!(refusal(&with_field(&[b'a', b':', b' ', b'b', byte, b'c'])).is_some(), "{byte}");
    }
    assert!(matches!(check(&with_field(b"a: b\tc")), Ok(Some(_))));
}

#[test]
fn a14_obs_text_is_kept_untrimmed() {
    let mut request = Request::default();
    parse_request(&with_field(b"User: \x85admin\xa0"), &LIMITS, &mut request).unwrap().unwrap();
    assert_eq!(request.head.get(b"user"), Some(&b"\x85admin\xa0"[..]));
}

#[test]
fn a27_other_versions_are_refused() {
    for (version, expected) in [
        ("HTTP/1.32", Malformed::StartLine),
        ("HTTP/2.0", Malformed::Version),
        ("http/1.1", Malformed::StartLine),
        ("HTTP/01.1", Malformed::StartLine),
        ("HTTP/1.1 ", Malformed::LineEnd),
    ] {
        let text = format!("GET / {version}\r\nHost: a\r\n\r\n");
        assert_eq!(refusal(text.as_bytes()), Some(expected), "{version}");
    }
    assert!(refusal(b"GET /\r\n\r\n").is_some());
}

#[test]
fn a28_request_lines_have_exactly_two_spaces() {
    for line in
        ["GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET\t/ HTTP/1.1", "GET HTTP/1.1", "GET  HTTP/1.1", " GET / HTTP/1.1"]
    {
        assert!(refusal(format!("{line}\r\nHost: a\r\n\r\n").as_bytes()).is_some(), "{line}");
    }
}

#[test]
fn a29_a_method_is_a_short_token() {
    assert!(refusal(b"G=\":<> / HTTP/1.1\r\nHost: a\r\n\r\n").is_some());
    assert!(refusal(&["A".repeat(10_000).as_bytes(), b" / HTTP/1.1\r\nHost: a\r\n\r\n"].concat()).is_some());
    let mut request = Request::default();
    parse_request(b"get / HTTP/1.1\r\nHost: a\r\n\r\n", &LIMITS, &mut request).unwrap();
    assert_eq!((request.method, request.method_text()), (Method::Other, "get"));
}

#[test]
fn a41_too_many_or_too_large_fields_are_refused() {
    let many = "a: b\r\n".repeat(101);
    assert_eq!(refusal(&with_field(many.trim_end().as_bytes())), Some(Malformed::TooManyFields));
    let large = format!("a: {}", "b".repeat(64 << 10));
    assert_eq!(refusal(&with_field(large.as_bytes())), Some(Malformed::HeadTooLarge));
    let unfinished = format!("GET / HTTP/1.1\r\nHost: a\r\na: {}", "b".repeat(64 << 10));
    assert_eq!(refusal(unfinished.as_bytes()), Some(Malformed::HeadTooLarge));
}

#[test]
fn a42_a_target_over_its_limit_is_refused_before_it_is_complete() {
    let target = "/".repeat((16 << 10) + 1);
    assert_eq!(refusal(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()), Some(Malformed::TargetTooLong));
    assert_eq!(refusal(format!("GET {target}").as_bytes()), Some(Malformed::TargetTooLong));
}

#[test]
fn a44_one_leading_empty_line_is_tolerated() {
    let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let behind_empty = [b"\r\n", &text[..]].concat();
    assert!(matches!(check(&behind_empty), Ok(Some(info)) if info.length == text.len() + 2));
    for at in 0..behind_empty.len() {
        assert!(matches!(check(&behind_empty[..at]), Ok(None)), "split at {at}");
    }
    assert!(refusal(&[b"\r\n\r\n", &text[..]].concat()).is_some());
    assert!(refusal(&[b"\n", &text[..]].concat()).is_some());
}

#[test]
fn a45_a_tls_hello_is_refused() {
    assert!(refusal(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]).is_some());
}

#[test]
fn a25_only_100_continue_is_expected() {
    let expectation = |value: &str| with_field(format!("Content-Length: 1\r\nExpect: {value}").as_bytes());
    assert!(check(&expectation("100-Continue")).unwrap().unwrap().expects_continue);
    assert_eq!(refusal(&expectation("x")), Some(Malformed::Expectation));
}

#[test]
fn a8_a_request_without_a_length_has_no_body() {
    let info = check(b"POST / HTTP/1.0\r\n\r\nbody").unwrap().unwrap();
    assert_eq!(info.framing, Framing::None);
}
