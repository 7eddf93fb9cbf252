//! Limits of time and number: heads, idle connections, connections in all.

use std::time::{Duration, Instant};

use crate::harness::{Client, Config, End, Gateway, Origin, eventually};

#[test]
fn g1_a_head_that_does_not_end_in_time_is_answered_with_408() {
    let origin = Origin::echoing();
    let gateway = Gateway::start(Config::to(&[origin.address()]).limits(|limits| limits.header_time_ms = 300));
    for start in ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a.test\r\nA:"] {
        let started = Instant::now();
        let mut client = gateway.client();
        client.send(start);
        for _ in 0..3 {
            client.pause(100).send("");
        }
        let answer = client.answer();
        assert_eq!((answer.status(), answer.field("connection")), (408, Some("close")), "{start:?}");
        assert!((300..3_000).contains(&started.elapsed().as_millis()), "{start:?}: {:?}", started.elapsed());
    }
    assert!(gateway.log(3).iter().all(|line| line["reason"] == "head_timed_out"));
    gateway.assert_canary();
}

#[test]
fn g1_bytes_that_drip_in_do_not_extend_the_time_of_a_head() {
    let origin = Origin::echoing();
    let gateway = Gateway::start(Config::to(&[origin.address()]).limits(|limits| limits.header_time_ms = 300));
    let mut client = gateway.client();
    let started = Instant::now();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nA: ");
    while client.is_silent_for(20) {
        client.send("b");
        assert!(started.elapsed() < Duration::from_secs(3));
    }
    assert_eq!(client.answer().status(), 408);
}

#[test]
fn a22_g2_a_body_that_stands_still_is_answered_with_408_and_what_comes_late_is_no_request() {
    let origin = Origin::echoing();
    let gateway = Gateway::start(Config::to(&[origin.address()]).limits(|limits| limits.idle_ms = 300));
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n");
    for byte in "hel".bytes() {
        client.pause(150).send([byte]);
    }
    let answer = client.answer();
    assert_eq!((answer.status(), answer.field("connection")), (408, Some("close")));
    client.get("/late").finish();
    assert!(client.rest().0.is_empty());
    assert_eq!(gateway.log(1)[0]["reason"], "body_timed_out");
    eventually("the origin's connection is closed", || (origin.open() == 0).then_some(()));
}

#[test]
fn g4_an_idle_connection_is_closed_in_silence() {
    let origin = Origin::echoing();
    let gateway = Gateway::start(Config::to(&[origin.address()]).limits(|limits| limits.idle_ms = 300));
    let mut fresh = gateway.client();
    let mut used = gateway.client();
    used.get("/").answer();
    for client in [&mut fresh, &mut used] {
        assert_eq!(client.rest(), (Vec::new(), End::Closed));
    }
    assert_eq!(gateway.log(1).len(), 1, "a connection without a request leaves no line");
    gateway.assert_canary();
}

#[test]
fn a_connection_in_use_is_not_idle() {
    let origin = Origin::echoing();
    let gateway = Gateway::start(Config::to(&[origin.address()]).limits(|limits| limits.idle_ms = 400));
    let mut client = gateway.client();
    for _ in 0..6 {
        assert_eq!(client.pause(150).get("/").answer().status(), 200);
    }
}

#[test]
fn connections_over_the_limit_are_closed_and_those_below_it_are_served() {
    let origin = Origin::echoing();
    let gateway = Gateway::start(Config::to(&[origin.address()]).limits(|limits| limits.connections = 5));
    let mut clients: Vec<Client> = (0..5).map(|_| gateway.client()).collect();
    eventually("all are open", || (gateway.metric("penstock_open_connections") == 5).then_some(()));
    let mut sixth = gateway.client();
    assert!(sixth.rest().0.is_empty());
    assert_eq!(gateway.metric("penstock_connections_refused_total"), 1);
    assert!(clients.iter_mut().all(|client| client.get("/").answer().status() == 200));
    drop(clients.pop());
    eventually("one has left", || (gateway.metric("penstock_open_connections") == 4).then_some(()));
    gateway.assert_canary();
}

#[test]
fn upstream_connections_are_kept_up_to_their_number_and_their_age() {
    let origin = Origin::running(|caller| {
        while caller.request().is_some() {
            caller.pause(50).send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let mut config = Config::to(&[origin.address()]).timeouts(|timeouts| timeouts.keep_ms = 300);
    config.upstream.idle_connections = 3;
    let gateway = Gateway::start(config);
    let mut clients: Vec<Client> = (0..6).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.get("/");
    }
    assert!(clients.iter_mut().all(|client| client.answer().status() == 200));
    eventually("three are kept", || (origin.open() == 3).then_some(()));
    eventually("none is kept for long", || (origin.open() == 0).then_some(()));
    assert_eq!(gateway.metric("penstock_idle_upstream_connections"), 0);
}
