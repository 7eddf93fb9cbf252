//! Bodies that stream: both ways at once, and never faster than the slower side.

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::{Config, End, FILLER, Gateway, Origin, eventually};

/// What the gateway may hold of one direction, and what the kernel may hold of two connections besides: it grows the
/// buffers of a socket as far as the machine allows.
fn most_held() -> usize {
    let most = |direction: &str| {
        let sizes = fs::read_to_string(format!("/proc/sys/net/ipv4/tcp_{direction}mem")).unwrap_or_default();
        sizes.split_whitespace().last().and_then(|size| size.parse().ok()).unwrap_or(6 << 20)
    };
    (1 << 20) + 2 * (most("r") + most("w"))
}

#[test]
fn an_answer_waits_for_a_client_that_does_not_read() {
    let written = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&written);
    let origin = Origin::running(move |caller| {
        if caller.request().is_some() {
            caller.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            for _ in 0..20_000 {
                let count = caller.send_some(&FILLER);
                counter.fetch_add(count, Ordering::SeqCst);
                if count == 0 {
                    caller.pause(2);
                }
                if caller.is_closed() {
                    return;
                }
            }
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.get("/").take(1_000);
    let stalled = settled(&written);
    assert!(stalled < most_held(), "{stalled} bytes went to a client that reads nothing");
    client.take(20 << 20);
    assert!(written.load(Ordering::SeqCst) > stalled, "reading sets the origin going again");
    drop(client);
    eventually("the origin is let go", || (origin.open() == 0).then_some(()));
}

#[test]
fn an_upload_waits_for_an_origin_that_does_not_read() {
    let origin = Origin::running(|caller| {
        caller.read_until("\r\n\r\n");
        caller.pause(700);
        while caller.read() > 0 {}
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000000\r\n\r\n");
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let sender = thread::spawn(move || {
        while client.try_send(&FILLER).is_ok() && counter.fetch_add(64 << 10, Ordering::SeqCst) < 128 << 20 {}
    });
    let stalled = settled(&sent);
    assert!(stalled < most_held(), "{stalled} bytes went to an origin that reads nothing");
    sender.join().unwrap();
    assert!(sent.load(Ordering::SeqCst) > 64 << 20);
}

/// The count once it stands still.
fn settled(count: &AtomicUsize) -> usize {
    let mut last = usize::MAX;
    eventually("the count stands still", || {
        thread::sleep(Duration::from_millis(100));
        let now = count.load(Ordering::SeqCst);
        (std::mem::replace(&mut last, now) == now && now > 0).then_some(now)
    })
}

#[test]
fn both_bodies_move_at_once() {
    let origin = Origin::running(|caller| {
        if caller.read_until("\r\n\r\n") {
            caller.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while caller.read_until("ping\r\n") {
                caller.send("4\r\npong\r\n");
            }
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.take_until("\r\n\r\n");
    for _ in 0..20 {
        client.send("4\r\nping\r\n");
        assert_eq!(client.take_until("pong\r\n"), "4\r\npong\r\n");
    }
}

#[test]
fn each_piece_of_an_answer_is_passed_on_at_once() {
    let origin = Origin::running(|caller| {
        if caller.request().is_some() {
            caller.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
            for count in 0..5 {
                caller.send(format!("data: {count}\n\n"));
                caller.read_until("never");
            }
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.get("/").take_until("data: 0\n\n");
}

#[test]
fn large_bodies_arrive_whole_both_ways() {
    let pattern: Vec<u8> = (0..3_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let origin = Origin::running(|caller| {
        while let Some(request) = caller.request() {
            caller.send(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", request.body.len()));
            caller.send(&request.body);
            caller.send("\r\n0\r\n\r\n");
        }
    });
    let gateway = Gateway::before(&origin);
    for framing in ["Content-Length", "Transfer-Encoding"] {
        let mut client = gateway.client();
        let length = pattern.len();
        if framing == "Content-Length" {
            client.send(format!("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n")).send(&pattern);
        } else {
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
            for piece in pattern.chunks(77_777) {
                client.send(format!("{:x}\r\n", piece.len())).send(piece).send("\r\n");
            }
            client.send("0\r\n\r\n");
        }
        assert!(client.answer().body == pattern, "{framing}: the body changed on its way");
    }
}

#[test]
fn r36_a_client_that_takes_nothing_for_too_long_is_cut_off() {
    let origin = Origin::running(|caller| {
        if caller.request().is_some() {
            caller.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            while caller.send(FILLER) {}
        }
    });
    let config = Config::to(&[origin.address()]).limits(|limits| limits.send_ms = 300);
    let gateway = Gateway::start(config);
    let mut client = gateway.client();
    client.get("/").take(100);
    eventually("the origin is let go", || (origin.open() == 0).then_some(()));
    assert_eq!(gateway.log(1)[0]["reason"], "client_gone");
}

#[test]
fn r36_an_origin_that_takes_nothing_for_too_long_is_given_up() {
    let origin = Origin::running(|caller| {
        caller.read_until("\r\n\r\n");
        caller.pause(5_000);
    });
    let config = Config::to(&[origin.address()]).timeouts(|timeouts| timeouts.send_ms = 300);
    let gateway = Gateway::start(config);
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000000\r\n\r\n");
    let mut feeder = client.second_handle();
    let sender = thread::spawn(move || while feeder.write_all(&FILLER).is_ok() {});
    assert_eq!(client.answer().status(), 504);
    drop(client);
    sender.join().unwrap();
    assert_eq!(gateway.log(1)[0]["reason"], "answer_timed_out");
}

#[test]
fn r26_an_origin_that_stops_in_the_middle_of_its_answer_is_given_up_for_that() {
    let origin = Origin::running(|caller| {
        if caller.request().is_some() {
            caller.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart");
            while caller.read() > 0 {}
        }
    });
    let config = Config::to(&[origin.address()]).timeouts(|timeouts| timeouts.idle_ms = 300);
    let gateway = Gateway::start(config);
    let mut client = gateway.client();
    client.get("/").take_until("start");
    assert_eq!(client.rest().1, End::Reset, "half a body must not pass for a whole one");
    assert_eq!(gateway.log(1)[0]["reason"], "answer_body_timed_out");
    assert_eq!(gateway.metric_of("penstock_failures_total", &["answer_body_timed_out"]), 1);
}
