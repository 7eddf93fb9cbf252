//! R26: origins that drip or stand still: the client is told in time, and nothing stays taken.

use std::time::Instant;

use crate::harness::{Config, End, Gateway, Origin, assert_unfinished, eventually, forward_step, prefix, text};

#[test]
fn r26_an_origin_that_drips_its_head_is_given_up_at_the_limit() {
    let origin = Origin::running(|caller| {
        if caller.request().is_some() {
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: bcdefghijklmnopqrstuvwxyz\r\n\r\n" {
                if !caller.pause(50).send([*byte]) {
                    return;
                }
            }
        }
    });
    let gateway = Gateway::start(Config::to(&[origin.address()]).timeouts(|timeouts| timeouts.answer_ms = 300));
    let started = Instant::now();
    let mut client = gateway.client();
    assert_eq!(client.get("/").answer().status(), 504);
    assert!((300..3_000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    assert_eq!(gateway.log(1)[0]["reason"], "answer_timed_out");
    eventually("the slot is free", || (gateway.in_flight() == 0 && origin.open() == 0).then_some(()));
    assert_eq!(client.get("/").answer().status(), 504, "the client's connection goes on");
}

#[test]
fn r26_the_whole_request_has_a_limit_where_a_route_says_so() {
    let origin = Origin::running(|caller| while caller.read() > 0 {});
    let config = Config::to(&[origin.address()]);
    let gateway = Gateway::start(
        config.route_with("all", prefix(""), vec![forward_step()], |route| route.timeout_ms = Some(200)),
    );
    assert_eq!(gateway.client().get("/").answer().status(), 504);
    assert_eq!(gateway.log(1)[0]["reason"], "request_timed_out");
}

#[test]
fn r26_a_body_that_stands_still_ends_unfinished() {
    for head in ["Content-Length: 10", "Transfer-Encoding: chunked", "X-Until: close"] {
        let origin = Origin::running(move |caller| {
            if caller.request().is_some() {
                let start = if head.starts_with('T') { "5\r\nhello\r\n" } else { "hello" };
                caller.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{start}"));
                while caller.read() > 0 {}
            }
        });
        let gateway = Gateway::start(Config::to(&[origin.address()]).timeouts(|timeouts| timeouts.idle_ms = 200));
        for version in ["1.1", "1.0"] {
            let mut client = gateway.client();
            let (received, end) = client.send(format!("GET / HTTP/{version}\r\nHost: a.test\r\n\r\n")).rest();
            if version == "1.1" {
                assert_unfinished(&received, head);
            } else {
                assert_eq!(end, End::Reset, "{head}: {}", text(&received));
            }
        }
    }
}
