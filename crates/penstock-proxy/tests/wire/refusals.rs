//! Requests that are refused: the status, the close, nothing forwarded, others unharmed.

use penstock_plan::Underscores;

use crate::harness::{Config, End, Gateway, Kind, Origin, Parsed, parse, text};

/// A request, and the statuses it may be refused with.
type Case = (Vec<u8>, &'static [u16]);

/// Sends every case on a connection of its own, with a second request behind it that must
/// never be served, and asserts what REJECT means.
fn check_refused(cases: &[Case]) {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    for (request, statuses) in cases {
        let mut client = gateway.client();
        client.send(request).send("GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n").finish();
        let (received, end) = client.rest();
        let shown = text(request);
        let Ok(Parsed::Whole(answer, used)) = parse(&received, Kind::Answer) else {
            panic!("{shown}: no answer in {}", text(&received));
        };
        assert!(statuses.contains(&answer.status()), "{shown}: {answer:?}");
        assert_eq!(answer.field("connection"), Some("close"), "{shown}");
        assert_eq!((used, end), (received.len(), End::Closed), "{shown}: more than one answer");
        assert_eq!(text(&origin.captured()), "", "{shown}: something was forwarded");
    }
    let lines = gateway.log(cases.len());
    assert_eq!(lines.len(), cases.len(), "one line each");
    assert!(lines.iter().all(|line| !line["reason"].as_str().unwrap().is_empty()));
    assert_eq!(gateway.metric("penstock_failures_total"), cases.len() as u64);
    gateway.assert_canary();
}

fn refused(requests: &[&[u8]]) {
    let cases: Vec<Case> = requests.iter().map(|request| (request.to_vec(), &[400_u16][..])).collect();
    check_refused(&cases);
}

/// Heads with one odd field, as a GET.
fn refused_fields(fields: &[&[u8]]) {
    let cases: Vec<Case> = fields.iter().map(|field| (with_field("GET", field), &[400_u16][..])).collect();
    check_refused(&cases);
}

fn with_field(method: &str, field: &[u8]) -> Vec<u8> {
    [method.as_bytes(), b" / HTTP/1.1\r\nHost: a.test\r\n", field, b"\r\n\r\n"].concat()
}

fn with_line(line: &[u8]) -> Vec<u8> {
    [line, b"\r\nHost: a.test\r\n\r\n"].concat()
}

#[test]
fn a1_two_kinds_of_length_are_refused_in_either_order() {
    refused(&[
        b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG",
    ]);
}

#[test]
fn a2_a_second_length_is_refused_even_when_equal() {
    refused(&[
        b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nContent-Length: 0\r\n\r\nx",
        b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5, 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5, 6\r\n\r\nhello",
    ]);
}

#[test]
fn a3_a_length_that_is_not_digits_is_refused() {
    let values: [&[u8]; 9] = [b"+5", b"-1", b"0x10", b"1_0", b"5 6", b"", b"5\x00", b"18446744073709551621", b"\x0b5"];
    let cases: Vec<Case> = values
        .iter()
        .map(|value| (with_field("POST", &[b"Content-Length: ", *value].concat()), &[400_u16][..]))
        .collect();
    check_refused(&cases);
}

#[test]
fn a5_a_transfer_coding_other_than_chunked_is_refused() {
    let values: [&[u8]; 9] = [
        b"chunked, identity",
        b",chunked",
        b"chunked,",
        b"\"chunked\"",
        b"chunked;a=b",
        b"",
        b"\x0bchunked",
        b"\xa0chunked\xa0",
        b"chunked\r",
    ];
    let malformed = values.map(|value| (value, &[400_u16][..]));
    let unknown = [&b"xchunked"[..], b"identity", b"gzip"].map(|value| (value, &[501_u16][..]));
    let cases = malformed.into_iter().chain(unknown);
    let cases = cases.map(|(value, status)| (with_field("POST", &[b"Transfer-Encoding: ", value].concat()), status));
    check_refused(&cases.collect::<Vec<Case>>());
}

#[test]
fn a6_a_second_transfer_encoding_is_refused() {
    refused(&[
        b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ]);
}

#[test]
fn a7_chunks_in_http_1_0_are_refused() {
    refused(&[b"POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]);
}

#[test]
fn a9_folded_fields_are_refused() {
    refused_fields(&[b"Transfer-Encoding:\r\n chunked", b"A: b\r\n c", b"A: b\r\n\tc"]);
}

#[test]
fn a10_malformed_names_are_refused() {
    refused_fields(&[
        b"Content-Length : 5",
        b"\tHost: a",
        b": x",
        b"Foo",
        b"X@Y: 1",
        b"\xefoo: 1",
        b"Te\nst: x",
        b" A: b",
    ]);
}

#[test]
fn a11_bare_line_feeds_are_refused() {
    refused(&[
        b"GET / HTTP/1.1\nHost: a.test\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.test\nA: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.test\r\nA: b\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.test\r\n\n",
        b"GET / HTTP/1.1\nHost: a.test\n\n",
    ]);
}

#[test]
fn a12_bare_carriage_returns_are_refused() {
    refused_fields(&[b"a: b\rc: d", b"a: b\r\n\rX", b"a: b\r\r"]);
    refused_fields(&[b"Transfer\rEncoding: chunked", b"Content\rLength: 5", b"cache\rcontrol: a", b"Host\0: b"]);
}

#[test]
fn a13_controls_in_a_value_are_refused() {
    let values: Vec<Case> = (0..=8_u8)
        .chain([0x0b, 0x0c, 0x1b, 0x1f, 0x7f])
        .map(|byte| (with_field("GET", &[b'a', b':', b' ', b'b', byte, b'c']), &[400_u16][..]))
        .collect();
    check_refused(&values);
}

#[test]
fn a15_malformed_chunk_sizes_are_refused_before_anything_is_forwarded() {
    let sizes = ["0x5", "+5", "-0", "5_0", " 5", "5 ", "", "00000000000000005", "g", "ffffffffffffffff5"];
    let cases: Vec<Case> = sizes
        .iter()
        .map(|size| (with_chunks(format!("{size}\r\nhello\r\n0\r\n\r\n").as_bytes()), &[400_u16][..]))
        .collect();
    check_refused(&cases);
}

#[test]
fn a16_malformed_and_endless_chunk_extensions_are_refused() {
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(64 << 10));
    let bodies: [&[u8]; 9] = [
        b"5;\r\nhello\r\n0\r\n\r\n",
        b"5;\"\r\nhello\r\n0\r\n\r\n",
        b"5;a=\"\r\nhello\r\n0\r\n\r\n",
        b"5;\nX\r\nhello\r\n0\r\n\r\n",
        b"5;a\rX\r\nhello\r\n0\r\n\r\n",
        b"5;\"\r\nhello\"\r\n0\r\n\r\n",
        b"5;\x01\r\nhello\r\n0\r\n\r\n",
        b"5\n\r\nhello\r\n0\r\n\r\n",
        long.as_bytes(),
    ];
    let cases: Vec<Case> = bodies.iter().map(|body| (with_chunks(body), &[400_u16][..])).collect();
    check_refused(&cases);
}

#[test]
fn a17_chunk_data_that_ends_elsewhere_is_refused() {
    // The last ones lack a line end, so that the next request stands where a chunk or a trailer should.
    let bodies: [&[u8]; 6] = [
        b"5\r\nhelloXX0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello!\r\n0\r\n\r\n",
        b"0\r\nX: y\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello\r\n0\r\n",
    ];
    let cases: Vec<Case> = bodies.iter().map(|body| (with_chunks(body), &[400_u16][..])).collect();
    check_refused(&cases);
}

fn with_chunks(body: &[u8]) -> Vec<u8> {
    [b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n", body].concat()
}

#[test]
fn a25_an_unknown_expectation_is_refused_with_417() {
    check_refused(&[
        (b"POST / HTTP/1.1\r\nHost: a.test\r\nExpect: x\r\nContent-Length: 1\r\n\r\nx".to_vec(), &[417]),
        (with_field("GET", b"Expect: 100-continue, x"), &[417]),
    ]);
}

#[test]
fn a27_other_versions_are_refused() {
    let lines: [&[u8]; 8] = [
        b"GET / HTTP/1.32",
        b"GET / HTTP/2.0",
        b"GET / http/1.1",
        b"GET / HTTP/01.1",
        b"GET / HTTP/1.1 ",
        b"GET /",
        b"GET / HTTP/0.9",
        b"GET / HTTQ/1.1",
    ];
    let cases: Vec<Case> = lines.iter().map(|line| (with_line(line), &[400_u16, 505][..])).collect();
    check_refused(&cases);
}

#[test]
fn a28_odd_spaces_in_the_request_line_are_refused() {
    let lines: [&[u8]; 8] = [
        b"GET  / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b"GET /\tHTTP/1.1",
        b"GET HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET ! HTTP/1.1",
        b"GET / a HTTP/1.1",
    ];
    let cases: Vec<Case> = lines.iter().map(|line| (with_line(line), &[400_u16][..])).collect();
    check_refused(&cases);
}

#[test]
fn a29_a_method_that_is_no_token_is_refused() {
    let long = format!("{} / HTTP/1.1", "M".repeat(10 << 10));
    let cases: Vec<Case> =
        [&b"G=\":<> / HTTP/1.1"[..], long.as_bytes()].iter().map(|line| (with_line(line), &[400_u16][..])).collect();
    check_refused(&cases);
}

#[test]
fn a30_connect_and_trace_are_not_served() {
    check_refused(&[
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n".to_vec(), &[405, 501]),
        (with_line(b"TRACE / HTTP/1.1"), &[405, 501]),
    ]);
}

#[test]
fn a31_targets_of_a_form_that_the_method_has_not_are_refused() {
    let lines: [&[u8]; 5] = [
        b"GET * HTTP/1.1",
        b"GET host:80 HTTP/1.1",
        b"GET admin/a HTTP/1.1",
        b"OPTIONS */x HTTP/1.1",
        b"CONNECT / HTTP/1.1",
    ];
    let cases: Vec<Case> = lines.iter().map(|line| (with_line(line), &[400_u16, 501][..])).collect();
    check_refused(&cases);
}

#[test]
fn a32_a_host_at_odds_with_the_target_is_refused() {
    refused(&[b"GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n"]);
}

#[test]
fn a33_fragments_are_refused() {
    refused(&[&with_line(b"GET /a#b HTTP/1.1"), b"GET http://a.test#/b HTTP/1.1\r\nHost: a.test\r\n\r\n"]);
}

#[test]
fn a34_a_missing_repeated_or_malformed_host_is_refused() {
    let long = format!("Host: {}", "a".repeat(60 << 10));
    let fields: [&[u8]; 10] = [
        b"A: b",
        b"Host: a\r\nHost: a",
        b"Host: a,b",
        b"Host: u@a",
        b"Host: a/b",
        b"Host:",
        b"Host: a\x00b",
        b"Host: [::1",
        b"Host: a:99999",
        long.as_bytes(),
    ];
    let cases: Vec<Case> =
        fields.iter().map(|field| ([b"GET / HTTP/1.1\r\n", *field, b"\r\n\r\n"].concat(), &[400_u16][..])).collect();
    check_refused(&cases);
}

#[test]
fn a40_names_with_underscores_are_refused() {
    refused_fields(&[b"X_Forwarded_User: admin", b"Transfer_Encoding: chunked", b"Content_Length: 5"]);
}

#[test]
fn a40_names_with_underscores_are_dropped_where_the_listener_says_so() {
    let origin = Origin::echoing();
    let config = Config::to(&[origin.address()]);
    let gateway = Gateway::start(config.listener(|listener| listener.underscores = Underscores::Drop));
    let fields = "X_Forwarded_User: admin\r\nTransfer_Encoding: chunked\r\nContent_Length: 5\r\nX-Kept: 1\r\n";
    gateway.client().send(format!("GET / HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n")).answer();
    let seen = String::from_utf8(origin.captured()).unwrap();
    assert!(seen.contains("X-Kept: 1") && !seen.contains('_'), "{seen}");
}

#[test]
fn a41_too_many_or_too_large_fields_are_refused() {
    let many = "A: b\r\n".repeat(100) + "C: d";
    let large = format!("A: {}", "b".repeat(64 << 10));
    let total = format!("A: {}\r\n", "b".repeat(1 << 10)).repeat(64) + "C: d";
    let cases: Vec<Case> =
        [many, large, total].iter().map(|fields| (with_field("GET", fields.as_bytes()), &[431_u16][..])).collect();
    check_refused(&cases);
}

#[test]
fn a42_a_long_target_is_refused() {
    check_refused(&[(with_line(format!("GET /{} HTTP/1.1", "a".repeat(64 << 10)).as_bytes()), &[414])]);
}

#[test]
fn a44_more_than_one_empty_line_before_a_request_is_refused() {
    refused(&[
        &[b"\r\n\r\n", &with_line(b"GET / HTTP/1.1")[..]].concat(),
        &["\r\n".repeat(1000).as_bytes(), &with_line(b"GET / HTTP/1.1")[..]].concat(),
    ]);
}

#[test]
fn a45_a_tls_handshake_on_a_plain_port_is_refused() {
    let hello = [&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03][..], &[0xab; 506]].concat();
    refused(&[&hello]);
}

#[test]
fn the_line_of_a_refused_request_speaks_of_its_own_client_and_of_nobody_elses() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    gateway.client().send("HEAD /first HTTP/1.1\r\nHost: secret.test\r\nUser-Agent: one\r\n\r\n").answer_to_head();
    let mut client = gateway.client();
    client.send("\u{1}\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status(), answer.body.is_empty()), (400, false));
    let line = &gateway.log(2)[1];
    assert_eq!(line["client"], "127.0.0.1");
    for field in ["host", "path", "method", "user_agent", "route", "upstream", "endpoint"] {
        assert_eq!(line[field], "", "{field}");
    }
    assert_eq!((line["status"].as_u64(), line["reason"].as_str()), (Some(400), Some("start_line")));
}
