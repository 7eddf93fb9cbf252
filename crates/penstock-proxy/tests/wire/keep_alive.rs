//! Which connections live on after an answer, for both versions of HTTP.

use crate::harness::{Gateway, Origin};

#[test]
fn a_connection_lives_on_as_version_and_fields_say() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    for (version, connection, expected) in [
        ("1.1", None, None),
        ("1.1", Some("keep-alive"), None),
        ("1.1", Some("Close"), Some("close")),
        ("1.1", Some("x, close"), Some("close")),
        ("1.0", None, Some("close")),
        ("1.0", Some("Keep-Alive"), Some("keep-alive")),
        ("1.0", Some("close, keep-alive"), Some("close")),
    ] {
        let field = connection.map_or_else(String::new, |value| format!("Connection: {value}\r\n"));
        let request = format!("GET / HTTP/{version}\r\nHost: a.test\r\n{field}\r\n");
        let mut client = gateway.client();
        assert_eq!(client.send(&request).answer().field("connection"), expected, "{request:?}");
        if expected == Some("close") {
            assert!(client.rest().0.is_empty());
        } else {
            assert_eq!(client.send(&request).answer().status(), 200);
        }
    }
}

#[test]
fn a_request_of_http_1_0_needs_no_host_and_gets_the_endpoints() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    assert_eq!(gateway.client().send("GET /x HTTP/1.0\r\n\r\n").answer().text(), "GET /x ");
    let captured = String::from_utf8(origin.captured()).unwrap();
    assert!(captured.contains(&format!("host: {}\r\n", origin.address())), "{captured}");
}

#[test]
fn a_head_is_answered_without_a_body_and_the_connection_lives_on() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    for _ in 0..3 {
        let answer = client.send("HEAD /x HTTP/1.1\r\nHost: a.test\r\n\r\n").answer_to_head();
        assert_eq!(answer.field("content-length"), Some("8"));
        assert_eq!(client.get("/y").answer().text(), "GET /y ");
    }
    assert_eq!(origin.captures().len(), 1);
}

#[test]
fn a_thousand_exchanges_use_one_connection_on_each_side() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    for count in 0..1_000 {
        assert_eq!(client.get(&format!("/{count}")).answer().text(), format!("GET /{count} "));
    }
    assert_eq!((gateway.metric("penstock_connections_total"), origin.captures().len()), (1, 1));
    assert_eq!(gateway.metric("penstock_idle_upstream_connections"), 1);
    assert_eq!(gateway.in_flight(), 0);
}
