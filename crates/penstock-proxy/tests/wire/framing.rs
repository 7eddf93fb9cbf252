//! Requests that are served: what reaches the origin, byte for byte.

use serde_json::json;

use crate::harness::{Client, Config, Gateway, Message, Origin, forward_step, native_step, prefix, strict_requests};

/// What the origin receives of one request; every reader must agree on it.
fn forwarded(request: impl AsRef<[u8]>) -> Message {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let answer = gateway.client().send(request).answer();
    assert_eq!(answer.status(), 200, "{answer:?}");
    let mut requests = strict_requests(&origin.captured()).unwrap();
    assert_eq!(requests.len(), 1);
    gateway.assert_canary();
    requests.remove(0)
}

#[test]
fn a4_leading_zeros_leave_as_a_plain_number() {
    let message = forwarded("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 010\r\n\r\n0123456789");
    assert_eq!((message.field("content-length"), message.text().as_str()), (Some("10"), "0123456789"));
}

#[test]
fn a5_chunked_is_known_in_any_case_and_written_in_one() {
    let message =
        forwarded("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: cHuNkEd\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    assert_eq!((message.all("transfer-encoding"), message.text().as_str()), (vec!["chunked"], "hello"));
}

#[test]
fn a8_a_request_without_length_has_no_body_and_what_follows_is_not_one() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("POST / HTTP/1.0\r\nHost: a.test\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(client.answer().text(), "POST / ");
    assert!(client.rest().0.is_empty());
    assert_eq!(strict_requests(&origin.captured()).unwrap().len(), 1);
    gateway.assert_canary();
}

#[test]
fn a13_tabs_in_a_value_pass() {
    assert_eq!(forwarded("GET / HTTP/1.1\r\nHost: a.test\r\nX-A: b\tc\r\n\r\n").field("x-a"), Some("b\tc"));
}

#[test]
fn a14_bytes_beyond_ascii_pass_untouched() {
    let request = b"GET / HTTP/1.1\r\nHost: a.test\r\nX-User: \x85admin\xa0\r\n\r\n";
    assert_eq!(forwarded(request).field("x-user"), Some("\u{85}admin\u{a0}"));
}

#[test]
fn a16_chunk_extensions_are_never_forwarded() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let body = "5;a=b;c=\"d\"\r\nhello\r\n0;last\r\n\r\n";
    gateway.client().send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n").send(body).answer();
    let captured = String::from_utf8(origin.captured()).unwrap();
    assert!(captured.ends_with("5\r\nhello\r\n0\r\n\r\n"), "{captured}");
}

#[test]
fn a18_many_one_byte_chunks_are_joined() {
    let mut request = b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    request.extend(b"1\r\na\r\n".repeat(100_000));
    request.extend(b"0\r\n\r\n");
    let sent = request.len();
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    assert_eq!(gateway.client().send(&request).answer().body.len(), "POST / ".len() + 100_000);
    let captured = origin.captured();
    assert_eq!(strict_requests(&captured).unwrap()[0].body.len(), 100_000);
    assert!(captured.len() < sent / 4, "chunks are forwarded as they came: {} of {sent} bytes", captured.len());
}

#[test]
fn a19_trailers_pass_apart_from_headers_and_without_those_that_matter() {
    let trailers = "X-Sum: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\nAuthorization: x\r\n\
                    X-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nX-Penstock-A: b\r\nCookie: a=b\r\nX_Under: 1\r\n";
    let message = forwarded(format!(
        "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n{trailers}\r\n"
    ));
    assert_eq!(message.trailers, [("X-Sum".to_owned(), "1".to_owned())]);
    assert_eq!(message.field("x-sum"), None);
    assert_ne!(message.field("x-forwarded-for"), Some("1.2.3.4"));
}

#[test]
fn a20_a_body_of_a_method_without_meaning_for_it_keeps_its_length() {
    for method in ["GET", "OPTIONS", "DELETE"] {
        let message = forwarded(format!("{method} / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n0123456789"));
        assert_eq!((message.field("content-length"), message.text().as_str()), (Some("10"), "0123456789"), "{method}");
    }
}

#[test]
fn a20_a_body_of_a_head_request_keeps_its_length_too() {
    let origin = Origin::running(|caller| {
        while caller.request().is_some() {
            caller.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("HEAD /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n0123456789");
    assert_eq!(client.answer_to_head().status(), 200);
    let message = strict_requests(&origin.captured()).unwrap().remove(0);
    assert_eq!((message.field("content-length"), message.text().as_str()), (Some("10"), "0123456789"));
    client.send("HEAD /y HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!(client.answer_to_head().status(), 200, "the connection goes on");
}

#[test]
fn a29_an_unknown_method_is_forwarded_as_it_is() {
    for method in ["get", "PROPFIND", "M-SEARCH"] {
        let message = forwarded(format!("{method} / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
        assert_eq!(message.start, format!("{method} / HTTP/1.1"));
    }
}

#[test]
fn a29_a_method_in_small_letters_is_another_method() {
    let origin = Origin::echoing();
    let config = Config::to(&[origin.address()])
        .route_with("all", prefix(""), vec![forward_step()], |route| route.methods = vec!["GET".to_owned()]);
    let gateway = Gateway::start(config);
    let answer = gateway.client().send("get / HTTP/1.1\r\nHost: a.test\r\n\r\n").answer();
    assert_eq!((answer.status(), answer.field("allow")), (405, Some("GET")));
    assert_eq!(gateway.client().get("/").answer().status(), 200);
    assert_eq!(strict_requests(&origin.captured()).unwrap().len(), 1);
}

#[test]
fn a31_the_asterisk_is_no_path_below_the_root_and_the_gateway_answers_it() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    for target in ["*", "http://a.test"] {
        let answer = client.send(format!("OPTIONS {target} HTTP/1.1\r\nHost: a.test\r\n\r\n")).answer();
        assert_eq!((answer.status(), answer.field("content-length")), (200, Some("0")), "{target}");
    }
    assert!(origin.captured().is_empty());
    assert_eq!(client.get("/next").answer().status(), 200);
}

#[test]
fn a32_an_absolute_target_leaves_in_origin_form() {
    let message = forwarded("GET http://a.test/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!((message.target(), message.all("host")), ("/x?y", vec!["a.test"]));
}

#[test]
fn a39_fields_that_matter_survive_being_named_by_connection() {
    let names = "close, X-Forwarded-For, X-User, Authorization, Cookie, Host, X-Odd, Odd";
    let message = forwarded(format!(
        "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: {names}\r\nAuthorization: b\r\nCookie: c=d\r\nX-User: e\r\nOdd: f\r\n\r\n"
    ));
    assert_eq!(message.field("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!((message.field("authorization"), message.field("cookie")), (Some("b"), Some("c=d")));
    assert_eq!((message.field("host"), message.field("x-user")), (Some("a.test"), Some("e")));
    assert_eq!((message.field("odd"), message.field("connection")), (None, None));
}

#[test]
fn a39_fields_that_the_gateway_sets_cannot_be_removed_by_naming_them() {
    let origin = Origin::echoing();
    let settings = json!({
        "request": {"set": {"tenant": "mine"}, "add": {}, "remove": []},
        "response": {"set": {}, "add": {}, "remove": []},
    });
    let steps = vec![native_step("SetHeaders", &settings), forward_step()];
    let gateway = Gateway::start(Config::to(&[origin.address()]).route("all", prefix(""), steps));
    let fields = "Tenant: theirs\r\nConnection: tenant, x-request-id, x-real-ip\r\n";
    gateway.client().send(format!("GET / HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n")).answer();
    let message = strict_requests(&origin.captured()).unwrap().remove(0);
    assert_eq!((message.all("tenant"), message.all("x-real-ip")), (vec!["mine"], vec!["127.0.0.1"]));
    assert_eq!(message.all("x-request-id").len(), 1);
}

#[test]
fn a39_fields_of_one_hop_go_no_further() {
    let message = forwarded(
        "GET / HTTP/1.1\r\nHost: a.test\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\nTE: gzip\r\nUpgrade: x\r\n\
         HTTP2-Settings: AAA\r\nConnection: keep-alive\r\n\r\n",
    );
    for name in ["keep-alive", "proxy-connection", "te", "upgrade", "http2-settings", "connection"] {
        assert_eq!(message.field(name), None, "{name}");
    }
}

#[test]
fn a44_one_empty_line_before_a_request_is_tolerated() {
    assert_eq!(forwarded("\r\nGET /x HTTP/1.1\r\nHost: a.test\r\n\r\n").target(), "/x");
}

#[test]
fn a_request_is_understood_wherever_it_is_split() {
    let request =
        b"POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n";
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let mut client: Client = gateway.client();
    for at in 1..request.len() {
        let (first, second) = request.split_at(at);
        client.send(first).pause(2).send(second);
        assert_eq!(client.answer().text(), "POST /x hello", "split at {at}");
    }
}
