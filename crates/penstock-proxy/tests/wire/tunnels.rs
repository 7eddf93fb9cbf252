//! Upgrades: a tunnel after 101, half-closed both ways, and nothing like one without it.

use std::sync::{Mutex, mpsc};

use crate::harness::{Config, Gateway, Origin, eventually, strict_requests};

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n";

#[test]
fn after_101_bytes_go_both_ways() {
    let origin = Origin::running(|caller| {
        if caller.read_until("\r\n\r\n") {
            caller.send(SWITCHED);
            caller.send("welcome");
            while caller.read_until("\n") {
                caller.send("pong\n");
            }
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    let answer = client.send(UPGRADE).answer();
    assert_eq!(
        (answer.status(), answer.field("upgrade"), answer.field("connection")),
        (101, Some("chat"), Some("upgrade"))
    );
    assert_eq!(client.take(7), b"welcome");
    for _ in 0..5 {
        assert_eq!(client.send("ping\n").take(5), b"pong\n");
    }
    let captured = String::from_utf8(origin.captured()).unwrap();
    assert!(captured.contains("connection: upgrade\r\n") && captured.contains("upgrade: chat\r\n"), "{captured}");
    assert_eq!(gateway.in_flight(), 1);
    drop(client);
    eventually("the tunnel ends", || (gateway.in_flight() == 0 && origin.open() == 0).then_some(()));
    let line = &gateway.log(1)[0];
    assert_eq!(line["status"], 101);
    assert!(line["bytes_out"].as_u64().unwrap() > 30);
}

#[test]
fn r30_a_client_that_is_done_sending_still_receives() {
    let origin = Origin::running(|caller| {
        if caller.read_until("\r\n\r\n") {
            caller.send(SWITCHED);
            while caller.read() > 0 {}
            caller.pause(700).send("after the end");
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    assert_eq!(client.send(UPGRADE).answer().status(), 101);
    client.send("bytes").finish();
    assert_eq!(client.rest().0, b"after the end");
    assert!(origin.captured().ends_with(b"bytes"));
}

#[test]
fn r30_an_origin_that_is_done_sending_still_receives() {
    let origin = Origin::running(|caller| {
        if caller.read_until("\r\n\r\n") {
            caller.send(SWITCHED);
            caller.send("bye").then_some(()).unwrap();
            caller.finish();
            while caller.read() > 0 {}
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    assert_eq!(client.send(UPGRADE).answer().status(), 101);
    assert_eq!(client.rest().0, b"bye");
    client.pause(100).send("still here");
    eventually("the bytes arrive", || origin.captured().ends_with(b"still here").then_some(()));
    client.finish();
    eventually("the tunnel ends", || (origin.open() == 0).then_some(()));
}

#[test]
fn bytes_sent_before_the_101_belong_to_the_tunnel() {
    let origin = Origin::running(|caller| {
        if caller.read_until("\r\n\r\n") {
            caller.pause(100).send(SWITCHED);
            assert!(caller.read_until("early"));
            caller.send("got it");
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    assert_eq!(client.send(UPGRADE).send("early").answer().status(), 101);
    assert_eq!(client.take(6), b"got it");
}

#[test]
fn a23_a_request_behind_a_refused_upgrade_goes_through_routing() {
    for status in ["200 OK", "426 Upgrade Required"] {
        let origin = Origin::answering(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno"));
        let config = Config::to(&[origin.address()]).route(
            "admin",
            crate::harness::prefix("/admin"),
            vec![crate::harness::foreign_step("Respond", &serde_json::json!({"status": 403}))],
        );
        let gateway = Gateway::start(config);
        let mut client = gateway.client();
        client.send(UPGRADE).send("GET /admin HTTP/1.1\r\nHost: a.test\r\n\r\n");
        assert_eq!(client.answer().text(), "no");
        assert_eq!(client.answer().status(), 403);
        let forwarded = strict_requests(&origin.captured()).unwrap();
        assert_eq!(forwarded.len(), 1, "{forwarded:?}");
    }
}

#[test]
fn b17_an_upgrade_to_h2c_or_with_a_body_or_without_connection_is_not_offered() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    for request in [
        "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: chat\r\nContent-Length: 1\r\n\r\nx",
        "GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: chat\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n",
    ] {
        assert_eq!(gateway.client().send(request).answer().status(), 200);
    }
    for request in strict_requests(&origin.captured()).unwrap() {
        for name in ["upgrade", "connection", "http2-settings"] {
            assert_eq!(request.field(name), None, "{request:?}");
        }
    }
}

#[test]
fn a_tunnel_in_which_nothing_moves_ends() {
    let origin = Origin::running(|caller| {
        if caller.read_until("\r\n\r\n") {
            caller.send(SWITCHED);
            while caller.read() > 0 {}
        }
    });
    let gateway = Gateway::start(Config::to(&[origin.address()]).timeouts(|timeouts| timeouts.idle_ms = 200));
    let mut client = gateway.client();
    assert_eq!(client.send(UPGRADE).answer().status(), 101);
    for _ in 0..5 {
        client.pause(100).send("x");
    }
    assert_eq!(gateway.in_flight(), 1, "what moves keeps it open");
    client.rest();
    eventually("the origin's side is closed", || (origin.open() == 0).then_some(()));
}

#[test]
fn a_tunnel_whose_client_was_done_before_the_101_ends_as_well_when_nothing_moves() {
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    let origin = Origin::running(move |caller| {
        if caller.read_until("\r\n\r\n") {
            caller.pause(100).send(SWITCHED);
            let _ = ended.lock().unwrap().recv();
        }
    });
    // Longer than a client that is done is waited for before there is an answer.
    let gateway = Gateway::start(Config::to(&[origin.address()]).timeouts(|timeouts| timeouts.idle_ms = 900));
    let mut client = gateway.client();
    client.send(UPGRADE).finish();
    assert_eq!(client.answer().status(), 101);
    assert_eq!(client.rest().0, b"");
    eventually("the tunnel ends", || (gateway.in_flight() == 0).then_some(()));
    drop(end);
}
