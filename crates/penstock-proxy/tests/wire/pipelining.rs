//! A43: many requests in one segment are answered in order, one at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{Gateway, Origin, strict_requests};

#[test]
fn a43_fifty_requests_in_one_segment_get_fifty_answers_in_order() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let requests = (0..50).map(|count| match count % 4 {
        0 => format!("GET /{count} HTTP/1.1\r\nHost: a.test\r\n\r\n"),
        1 => format!("POST /{count} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello"),
        2 => format!("PUT /{count} HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
        _ => format!("\r\nDELETE /{count} HTTP/1.1\r\nHost: a.test\r\n\r\n"),
    });
    let segment = requests.collect::<Vec<_>>().concat();
    let mut client = gateway.client();
    client.send(segment);
    for count in 0..50 {
        let expected = match count % 4 {
            0 => format!("GET /{count} "),
            1 => format!("POST /{count} hello"),
            2 => format!("PUT /{count} hi"),
            _ => format!("DELETE /{count} "),
        };
        assert_eq!(client.answer().text(), expected);
    }
    assert_eq!(origin.captures().len(), 1);
    assert_eq!(strict_requests(&origin.captured()).unwrap().len(), 50);
}

#[test]
fn a43_at_most_one_request_of_a_connection_is_at_the_origin() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counter, record) = (Arc::clone(&now), Arc::clone(&most));
    let origin = Origin::running(move |caller| {
        while caller.request().is_some() {
            record.fetch_max(counter.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            caller.pause(5);
            counter.fetch_sub(1, Ordering::SeqCst);
            caller.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".repeat(20));
    (0..20).for_each(|_| assert_eq!(client.answer().status(), 200));
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[test]
fn a43_what_is_pipelined_behind_a_refused_request_is_not_served() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.get("/first").send("GET / HTTP/3.7\r\nHost: a.test\r\n\r\n").get("/third").finish();
    assert_eq!(client.answer().text(), "GET /first ");
    assert_eq!(client.answer().status(), 505);
    assert!(client.rest().0.is_empty());
    assert_eq!(strict_requests(&origin.captured()).unwrap().len(), 1);
}

#[test]
fn a43_more_than_a_buffer_of_pipelined_requests_is_served() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    let filler = "a".repeat(4_000);
    let requests: Vec<String> =
        (0..60).map(|count| format!("GET /{count} HTTP/1.1\r\nHost: a.test\r\nX-Fill: {filler}\r\n\r\n")).collect();
    client.send(requests.concat());
    for count in 0..60 {
        assert_eq!(client.answer().text(), format!("GET /{count} "));
    }
}

#[test]
fn a43_pipelined_requests_of_a_client_that_has_finished_are_still_answered() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.get("/1").get("/2").get("/3").finish();
    for count in 1..=3 {
        assert_eq!(client.answer().text(), format!("GET /{count} "));
    }
    assert!(client.rest().0.is_empty());
}
