//! Endpoints that refuse or reset: what is tried again, and what the client is told.

use crate::harness::{Config, Gateway, Origin, assert_unfinished, eventually};

#[test]
fn r20_a_refused_connection_goes_to_another_endpoint() {
    let origin = Origin::echoing();
    let gateway = Gateway::start(Config::to(&[Origin::nowhere(), origin.address()]));
    let mut client = gateway.client();
    for count in 0..20 {
        assert_eq!(client.get(&format!("/{count}")).answer().status(), 200);
    }
    let post = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello";
    for _ in 0..4 {
        assert_eq!(client.send(post).answer().text(), "POST / hello", "nothing was sent, so any method goes on");
    }
    assert!(gateway.log(24).iter().any(|line| line["attempts"] == 2));
}

#[test]
fn r20_an_upstream_that_refuses_everywhere_is_a_502_and_the_connection_goes_on() {
    let gateway = Gateway::start(Config::to(&[Origin::nowhere(), Origin::nowhere()]));
    let mut client = gateway.client();
    for _ in 0..2 {
        assert_eq!(client.get("/").answer().status(), 502);
    }
    let line = &gateway.log(2)[1];
    assert_eq!((line["reason"].as_str(), line["attempts"].as_u64()), (Some("connect_failed"), Some(2)));
}

/// Where an origin resets, and the status that the client is told.
#[test]
fn r23_a_reset_before_the_head_is_a_502_and_after_it_ends_the_answer() {
    let moments: [(&str, &str, Option<u16>); 6] = [
        ("at once", "", Some(502)),
        ("mid status line", "HTTP/1.1 2", Some(502)),
        ("mid head", "HTTP/1.1 200 OK\r\nContent-Le", Some(502)),
        ("after the head", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", None),
        ("mid body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", None),
        ("mid chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello", None),
    ];
    for (moment, bytes, status) in moments {
        let origin = Origin::running(move |caller| {
            if caller.request().is_some() {
                caller.send(bytes);
                caller.pause(30).reset();
            }
        });
        let gateway = Gateway::before(&origin);
        let mut client = gateway.client();
        client.get("/");
        match status {
            Some(status) => assert_eq!(client.answer().status(), status, "{moment}"),
            None => assert_unfinished(&client.rest().0, moment),
        }
        assert_eq!(origin.captures().len(), 1, "{moment}: a fresh connection is no reason to try again");
        eventually("nothing is in flight", || (gateway.in_flight() == 0).then_some(()));
    }
}

#[test]
fn r23_a_reset_between_requests_is_not_noticed_by_the_client() {
    let origin = Origin::running(|caller| {
        if let Some(request) = caller.request() {
            let body = request.target();
            caller.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
            caller.pause(30).reset();
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    for path in ["/a", "/b", "/c"] {
        assert_eq!(client.get(path).answer().text(), path);
        client.pause(80);
    }
}
