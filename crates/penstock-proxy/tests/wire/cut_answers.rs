//! R27 and R31: origins that leave in the middle: a part of an answer never passes for a whole one.

use crate::harness::{End, Gateway, Origin, assert_unfinished, eventually};

#[test]
fn r27_a_partial_answer_never_looks_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ] {
        let origin = Origin::answering_once(answer);
        let gateway = Gateway::before(&origin);
        assert_unfinished(&gateway.client().get("/").rest().0, answer);
        // HTTP/1.0 has no chunks: only a reset tells a cut answer from a whole one.
        let (_, end) = gateway.client().send("GET / HTTP/1.0\r\n\r\n").rest();
        assert_eq!(end, End::Reset, "{answer:?}");
        assert!(gateway.log(2).iter().all(|line| line["reason"] == "upstream_closed"));
    }
}

#[test]
fn r31_an_origin_that_leaves_in_the_middle_of_both_bodies_leaves_nothing_behind() {
    let origin = Origin::running(|caller| {
        if caller.read_until("\r\n\r\n") {
            caller.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            caller.pause(5).reset();
        }
    });
    let gateway = Gateway::before(&origin);
    for _ in 0..50 {
        let mut client = gateway.client();
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n").send(vec![b'x'; 10_000]);
        assert_unfinished(&client.rest().0, "both bodies");
    }
    eventually("nothing is left", || {
        (gateway.in_flight() == 0 && gateway.metric("penstock_open_connections") == 0).then_some(())
    });
}
