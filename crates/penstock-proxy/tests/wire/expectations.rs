//! R29 and A25: `Expect: 100-continue`, whoever keeps to it and whoever does not.

use crate::harness::{Gateway, Origin, eventually, strict_requests};

const HEAD: &str = "POST /x HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn r29_the_origins_100_reaches_the_client_and_then_the_body_goes() {
    let origin = Origin::running(|caller| {
        while caller.read_until("\r\n\r\n") {
            caller.send("HTTP/1.1 100 Continue\r\n\r\n");
            if caller.read_until("hello") {
                caller.send(OK);
            }
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    for _ in 0..3 {
        assert_eq!(client.send(HEAD).answer().status(), 100);
        assert_eq!(client.send("hello").answer().text(), "ok");
    }
    assert_eq!(origin.captures().len(), 1);
    assert_eq!(strict_requests(&origin.captured()).unwrap().len(), 3);
}

#[test]
fn r29_the_gateway_says_100_where_the_origin_does_not() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    assert_eq!(client.send(HEAD).answer().status(), 100);
    assert_eq!(client.send("hello").answer().text(), "POST /x hello");
    assert_eq!(client.get("/next").answer().text(), "GET /next ");
}

#[test]
fn r29_a_client_that_does_not_wait_is_served_with_one_answer() {
    let with_100 = Origin::running(|caller| {
        while caller.read_until("\r\n\r\n") {
            caller.send("HTTP/1.1 100 Continue\r\n\r\n");
            if caller.read_until("hello") {
                caller.send(OK);
            }
        }
    });
    for origin in [Origin::echoing(), with_100] {
        let gateway = Gateway::before(&origin);
        let mut client = gateway.client();
        for _ in 0..3 {
            client.send(HEAD).send("hello");
            let mut answer = client.answer();
            if answer.status() == 100 {
                answer = client.answer();
            }
            assert_eq!(answer.status(), 200);
        }
        assert_eq!(strict_requests(&origin.captured()).unwrap().len(), 3);
    }
}

#[test]
fn r29_a_final_answer_without_reading_ends_the_upload_and_poisons_nothing() {
    for answer in [
        "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
    ] {
        let origin = Origin::running(move |caller| {
            while caller.read_until("\r\n\r\n") {
                caller.send(answer);
            }
        });
        let gateway = Gateway::before(&origin);
        for _ in 0..3 {
            let mut client = gateway.client();
            let refused = client.send(HEAD).answer();
            assert_eq!((refused.text().as_str(), refused.field("connection")), ("no", Some("close")));
            // The client may send its body all the same: it is never a request.
            client.send("hello").finish();
            assert!(client.rest().0.is_empty());
        }
        eventually("no connection is kept", || (origin.open() == 0).then_some(()));
        assert_eq!(origin.captures().len(), 3, "a connection with an unsent body was used again");
        assert!(!origin.captured().windows(5).any(|window| window == b"hello"));
    }
}

#[test]
fn a25_a_slow_body_after_the_100_keeps_its_framing() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-Continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(client.answer().status(), 100);
    for byte in "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".bytes() {
        client.send([byte]).pause(1);
    }
    assert_eq!(client.answer().text(), "POST / abcde");
}

#[test]
fn a25_an_expectation_of_http_1_0_or_without_a_body_waits_for_nothing() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let without = "GET / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(gateway.client().send(without).answer().status(), 200);
    let old = "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(gateway.client().send(old).answer().text(), "POST / hello");
}

fn try_to_poison_the_pool(tries: usize) {
    let origin = Origin::running(|caller| {
        let mut count = 0;
        while caller.read_until("\r\n\r\n") {
            count += 1;
            if (count + caller.index) % 3 == 0 {
                caller.send("HTTP/1.1 417 X\r\nContent-Length: 7\r\n\r\nrefused");
                continue;
            }
            caller.send("HTTP/1.1 100 Continue\r\n\r\n");
            if !caller.read_until("hello") {
                return;
            }
            caller.send(OK);
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    for _ in 0..tries {
        let first = client.send(HEAD).answer();
        if first.status() == 417 {
            assert_eq!(first.text(), "refused");
            client = gateway.client();
            continue;
        }
        assert_eq!(first.status(), 100);
        assert_eq!(client.send("hello").answer().text(), "ok");
    }
    for capture in origin.captures() {
        assert!(!String::from_utf8_lossy(&capture).contains("helloh"), "a body was sent twice");
    }
}

#[test]
fn r29_no_pool_is_poisoned_in_1000_tries() {
    try_to_poison_the_pool(1_000);
}

#[test]
#[ignore = "long: make test-long"]
fn r29_no_pool_is_poisoned_in_10000_tries() {
    try_to_poison_the_pool(10_000);
}
