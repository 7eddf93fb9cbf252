//! R32: clients that leave; the origin is told soon and every count goes back to zero.

use std::time::{Duration, Instant};

use crate::duplicates::Numbers;
use crate::harness::{Client, Gateway, Origin, eventually};

/// Time within which an origin must be rid of a request whose client has left.
const SOON: Duration = Duration::from_secs(3);

fn assert_cancelled(gateway: &Gateway, origin: &Origin, moment: &str) {
    let started = Instant::now();
    eventually(moment, || (origin.open() == 0 && gateway.in_flight() == 0).then_some(()));
    assert!(started.elapsed() < SOON, "{moment}: {:?}", started.elapsed());
    eventually(moment, || (gateway.metric("penstock_open_connections") == 0).then_some(()));
}

#[test]
fn r32_a_client_that_leaves_while_it_waits_cancels_the_request() {
    let origin = Origin::running(|caller| while caller.read() > 0 {});
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.get("/");
    eventually("the request arrives", || (gateway.in_flight() == 1 && !origin.captured().is_empty()).then_some(()));
    drop(client);
    assert_cancelled(&gateway, &origin, "waiting");
    assert_eq!(gateway.log(1)[0]["status"], 499);
}

#[test]
fn r32_a_client_that_leaves_in_the_middle_of_its_body_cancels_the_request() {
    let origin = Origin::running(|caller| while caller.read() > 0 {});
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nstart");
    eventually("the request arrives", || origin.captured().ends_with(b"start").then_some(()));
    drop(client);
    assert_cancelled(&gateway, &origin, "uploading");
}

#[test]
fn r32_a_client_that_leaves_while_a_quiet_answer_streams_cancels_it() {
    let origin = Origin::running(|caller| {
        if caller.request().is_some() {
            caller.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            while caller.read() > 0 {}
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.get("/").take_until("hello");
    drop(client);
    assert_cancelled(&gateway, &origin, "streaming");
    assert_eq!(gateway.log(1)[0]["reason"], "client_gone");
}

#[test]
fn r32_a_client_that_leaves_a_busy_answer_cancels_it() {
    let origin = Origin::running(|caller| {
        if caller.request().is_some() {
            caller.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
            while caller.send([b'x'; 10_000]) {
                caller.pause(1);
            }
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.get("/").take(50_000);
    drop(client);
    assert_cancelled(&gateway, &origin, "a busy answer");
}

#[test]
fn a_client_that_is_done_sending_still_gets_its_answer() {
    let origin = Origin::running(|caller| {
        if caller.request().is_some() {
            caller.pause(200).send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            for _ in 0..4 {
                caller.pause(200).send("5\r\nhello\r\n");
            }
            caller.send("0\r\n\r\n");
            caller.read();
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.get("/").finish();
    assert_eq!(client.answer().text(), "hellohellohellohello");
    assert!(client.rest().0.is_empty());
}

fn abort_many(count: usize) {
    let origin = Origin::running(|caller| {
        while caller.request().is_some() {
            caller.pause(1).send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
            caller.pause(1).send("lo");
        }
    });
    let gateway = Gateway::before(&origin);
    let request = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello";
    let mut numbers = Numbers(1);
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..count {
        let mut client = gateway.client();
        client.send(&request[..numbers.below(request.len() as u64 + 1) as usize]);
        clients.push(client);
        if clients.len() > 20 {
            clients.swap_remove(numbers.below(20) as usize);
        }
    }
    drop(clients);
    eventually("every count is zero", || {
        (gateway.metric("penstock_open_connections") == 0 && gateway.in_flight() == 0).then_some(())
    });
    assert_eq!(gateway.metric("penstock_connections_total"), count as u64);
    assert_eq!(gateway.metric("penstock_panics_total"), 0);
}

#[test]
fn r32_500_aborts_leave_every_count_exact() {
    abort_many(500);
}

#[test]
#[ignore = "long: make test-long"]
fn r32_10000_aborts_leave_every_count_exact() {
    abort_many(10_000);
}
