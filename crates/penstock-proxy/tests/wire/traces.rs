//! What endpoints are told of traces.

use crate::harness::{Config, Gateway, Origin, strict_requests};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-";

/// What the endpoint is told where the client says this.
fn told(gateway: &Gateway, origin: &Origin, fields: &str) -> String {
    let mut client = gateway.client();
    client.send(format!("GET / HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n"));
    assert_eq!(client.answer().status(), 200);
    let requests = strict_requests(&origin.captured()).unwrap();
    requests.last().and_then(|request| request.field("traceparent")).unwrap_or_default().to_owned()
}

#[test]
fn an_endpoint_is_told_of_the_trace_whether_it_is_recorded_or_not() {
    for (millionths, decision) in [(0, "00"), (1_000_000, "01")] {
        let origin = Origin::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let gateway = Gateway::start(Config::to(&[origin.address()]).traced(millionths, "127.0.0.1:1"));
        let own = told(&gateway, &origin, "traceparent: nonsense\r\ntraceparent: 00\r\nb3: x\r\n");
        assert!(own.len() == 55 && own.starts_with("00-") && own.ends_with(decision), "{own}");
        let followed = told(&gateway, &origin, &format!("traceparent: {PARENT}00\r\n"));
        assert!(followed.starts_with(&PARENT[..36]) && followed.ends_with("00"), "{followed}");
        assert!(!followed.starts_with(PARENT), "the endpoint's spans belong to the gateway's");
    }
}

#[test]
fn without_traces_what_the_client_says_passes_as_it_is() {
    let origin = Origin::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let gateway = Gateway::start(Config::to(&[origin.address()]));
    assert_eq!(told(&gateway, &origin, &format!("traceparent: {PARENT}01\r\n")), format!("{PARENT}01"));
    assert_eq!(told(&gateway, &origin, "traceparent: nonsense\r\n"), "nonsense");
}
