//! Lines of a header block that make a request, and those that make none.

use super::*;

const LIMITS: HeadLimits = HeadLimits { bytes: 64 << 10, fields: 100, target_bytes: 16 << 10 };
const GET: [(&str, &str); 4] = [(":method", "GET"), (":scheme", "https"), (":authority", "a.test"), (":path", "/x?y")];

fn read(lines: &[(&str, &str)], ends_stream: bool) -> Result<(Request, RequestInfo), Malformed> {
    let mut request = Request::default();
    let mut reader = HeadReader::new(&mut request, LIMITS, Version::Http2);
    for (name, value) in lines {
        reader.take(&Line::new(Name::OTHER, name.as_bytes(), value.as_bytes()));
    }
    reader.finish(ends_stream).map(|info| (request, info))
}

fn refusal(lines: &[(&str, &str)]) -> Option<Malformed> {
    read(lines, true).err()
}

/// A usual request with a line behind its others.
fn with<'a>(line: (&'a str, &'a str)) -> Vec<(&'a str, &'a str)> {
    [&GET[..], &[line]].concat()
}

/// A usual request with one pseudo-field's value replaced.
fn but<'a>(name: &str, value: &'a str) -> Vec<(&'static str, &'a str)> {
    GET.iter().map(|(known, usual)| (*known, if *known == name { value } else { *usual })).collect()
}

#[test]
fn a_usual_request_is_read() {
    let (request, info) = read(&with(("x-a", "1")), true).unwrap();
    assert_eq!((request.method, request.version), (Method::Get, Version::Http2));
    assert_eq!(request.head.bytes(info.target), b"/x?y");
    let fields: Vec<_> = request.head.iter().collect();
    assert_eq!(fields, [(&b"x-a"[..], &b"1"[..]), (b"host", b"a.test")]);
    assert_eq!((info.framing, request.declared_length), (Framing::None, Some(0)));
}

#[test]
fn b10_pseudo_fields_that_hide_another_request_are_refused() {
    for (name, value) in [
        (":method", "GET /x HTTP/1.1\r\nHost: a"),
        (":method", "GE T"),
        (":method", ""),
        (":path", "/a b"),
        (":path", "/a\r\nb: c"),
        (":path", "a"),
        (":path", "http://b/"),
        (":path", "*/x"),
        (":scheme", "http://x/?"),
        (":scheme", "gopher"),
    ] {
        assert_eq!(refusal(&but(name, value)), Some(Malformed::PseudoField), "{name} {value:?}");
    }
    assert_eq!(refusal(&but(":authority", "a\r\nb")), Some(Malformed::Host));
}

#[test]
fn b11_pseudo_fields_come_once_first_and_all_of_them() {
    for missing in [":method", ":scheme", ":path"] {
        let lines: Vec<_> = GET.into_iter().filter(|(name, _)| *name != missing).collect();
        assert_eq!(refusal(&lines), Some(Malformed::PseudoField), "{missing}");
    }
    assert_eq!(refusal(&but(":path", "")), Some(Malformed::PseudoField));
    for line in [(":path", "/"), (":status", "200"), (":odd", "1")] {
        assert_eq!(refusal(&with(line)), Some(Malformed::PseudoField), "{line:?}");
    }
    let mut late = with(("a", "1"));
    late.swap(3, 4);
    assert_eq!(refusal(&late), Some(Malformed::PseudoField));
}

#[test]
fn b12_b13_names_and_values_hold_nothing_that_http_1_could_misread() {
    for name in ["X-A", "a b", "a:b", "a\r", "a\n", "a\0", ""] {
        assert_eq!(refusal(&with((name, "1"))), Some(Malformed::FieldName), "{name:?}");
    }
    for value in ["a\rb", "a\nb", "a\0b", " a", "a ", "\ta"] {
        assert_eq!(refusal(&with(("x-a", value))), Some(Malformed::FieldValue), "{value:?}");
    }
}

#[test]
fn b14_fields_of_one_connection_are_refused() {
    for line in [
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("te", "gzip"),
    ] {
        assert_eq!(refusal(&with(line)), Some(Malformed::ConnectionField), "{line:?}");
    }
    assert!(read(&with(("te", "trailers")), true).unwrap().1.takes_trailers);
}

#[test]
fn b15_lengths_are_plain_numbers_given_once_and_true() {
    let framing = |value, ends| read(&with(("content-length", value)), ends).map(|(_, info)| info.framing);
    assert_eq!(framing("5", false), Ok(Framing::Length(5)));
    assert_eq!(framing("0", true), Ok(Framing::None));
    for (value, ends) in [("5", true), ("+5", false), ("5, 5", false), ("", false)] {
        assert_eq!(framing(value, ends), Err(Malformed::ContentLength), "{value}");
    }
    let mut twice = with(("content-length", "5"));
    twice.push(("content-length", "5"));
    assert_eq!(read(&twice, false).err(), Some(Malformed::ContentLength));
    assert_eq!(read(&GET, false).unwrap().1.framing, Framing::Stream);
}

#[test]
fn b16_host_and_authority_may_not_differ() {
    assert_eq!(refusal(&with(("host", "b.test"))), Some(Malformed::Host));
    let (request, _) = read(&with(("host", "A.test")), true).unwrap();
    assert_eq!(request.head.known(Name::HOST).collect::<Vec<_>>(), [b"A.test"]);
    let (request, _) = read(&[GET[0], GET[1], GET[3], ("host", "b.test")], true).unwrap();
    assert_eq!(request.head.known(Name::HOST).collect::<Vec<_>>(), [b"b.test"]);
}

#[test]
fn b5_a_large_line_named_again_and_again_is_counted_and_not_copied() {
    let mut request = Request::default();
    let mut reader = HeadReader::new(&mut request, LIMITS, Version::Http2);
    let value = [b'v'; 4000];
    for _ in 0..12_000 {
        reader.take(&Line::new(Name::OTHER, b"x", &value));
    }
    assert_eq!(reader.finish(true).err(), Some(Malformed::HeadTooLarge));
    assert!(request.head.buffer().len() <= LIMITS.bytes);
}

#[test]
fn a41_a_head_of_too_many_fields_is_refused() {
    let mut lines = GET.to_vec();
    lines.extend([("a", "1"); 101]);
    assert_eq!(refusal(&lines), Some(Malformed::TooManyFields));
}

#[test]
fn b22_cookies_become_one_field() {
    let mut lines = with(("cookie", "a=1"));
    lines.extend([("cookie", "b=2"), ("x", "y"), ("cookie", "c=3"), ("cookie", "")]);
    let (request, _) = read(&lines, true).unwrap();
    assert_eq!(request.head.known(Name::COOKIE).collect::<Vec<_>>(), [b"a=1; b=2; c=3"]);
}

/// The request that opens a WebSocket connection, with one value replaced and a line behind the others.
fn connect<'a>(name: &str, value: &'a str, line: Option<(&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
    let usual = [(":method", "CONNECT"), (":protocol", "websocket"), GET[1], GET[2], GET[3]];
    let replaced = usual.into_iter().map(|(known, usual)| (known, if known == name { value } else { usual }));
    replaced.chain(line).collect()
}

#[test]
fn a_tunnel_for_websocket_is_read_as_http_1_asks_for_it() {
    let line = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let (request, info) = read(&connect("", "", Some(line)), false).unwrap();
    assert_eq!((request.method, request.method_text(), request.version), (Method::Get, "GET", Version::Http2));
    assert_eq!((info.connects, info.framing, info.options.upgrade), (Connects::WebSocket, Framing::None, true));
    assert_eq!(request.head.bytes(info.target), b"/x?y");
    let fields: Vec<_> = request.head.iter().collect();
    assert_eq!(fields, [(&b"host"[..], &b"a.test"[..]), (b"upgrade", b"websocket")], "the key is not the client's");
}

#[test]
fn what_asks_for_another_tunnel_or_for_one_badly_is_refused() {
    for (name, value, line, expected) in [
        (":method", "GET", None, Malformed::PseudoField),
        (":method", "connect", None, Malformed::PseudoField),
        (":protocol", "connect-udp", None, Malformed::Protocol),
        (":protocol", "", None, Malformed::Protocol),
        (":scheme", "ws", None, Malformed::PseudoField),
        ("", "", Some(("content-length", "0")), Malformed::ContentLength),
        ("", "", Some(("upgrade", "websocket")), Malformed::ConnectionField),
    ] {
        let found = read(&connect(name, value, line), false).err();
        assert_eq!(found, Some(expected), "{name} {value} {line:?}");
    }
    assert_eq!(Malformed::Protocol.status(), 501, "RFC 9220, section 3");
}
