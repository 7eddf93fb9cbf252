//! R28: answers that come before the upload has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{Gateway, Origin, PATIENCE, eventually, strict_requests};

#[test]
fn r28_an_early_answer_is_delivered_while_the_upload_stops() {
    let gotten = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&gotten);
    let origin = Origin::running(move |caller| {
        if caller.read_until("\r\n\r\n") {
            caller.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nfull");
            while caller.read() > 0 {}
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10000000\r\n\r\nstart");
    let answer = client.answer();
    assert_eq!((answer.status(), answer.text().as_str(), answer.field("connection")), (413, "full", Some("close")));
    client.send("GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n").finish();
    assert!(client.rest().0.is_empty());
    eventually("the origin's connection is closed", || (gotten.load(Ordering::SeqCst) == 1).then_some(()));
    assert!(strict_requests(&origin.captured()).is_err(), "the upload was never whole");
}

#[test]
fn r28_a_connection_is_used_again_only_if_the_upload_was_whole() {
    let origin = Origin::running(|caller| {
        while caller.read_until("\r\n\r\n") {
            caller.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
            if !caller.read_until("hello") {
                return;
            }
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    for _ in 0..3 {
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(client.answer().text(), "no");
    }
    let whole = origin.captures().len();
    let mut late = gateway.client();
    late.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhe");
    assert_eq!(late.answer().field("connection"), Some("close"));
    drop(late);
    eventually("the unclean connection is closed", || (origin.open() < whole.max(1) + 1).then_some(()));
    assert_eq!(client.get("/").answer().status(), 403);
}

#[test]
fn r28_an_origin_that_answers_and_resets_still_has_its_answer_delivered() {
    let origin = Origin::running(|caller| {
        if caller.read_until("\r\n\r\n") {
            caller.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfull");
            caller.pause(20).finish();
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n").send(vec![b'x'; 100_000]);
    assert_eq!(client.answer().status(), 413);
    assert!(client.time_to_end() < PATIENCE);
}
