//! Endpoints that are gone without a word: R21, R22, and that nobody else waits for them (R26).

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::harness::{Caller, Config, Gateway, Origin, eventually, foreign_step, prefix, text};

#[test]
fn r21_an_endpoint_that_answers_no_connection_is_left_for_another_in_time() {
    let (_full, address) = full_backlog();
    let fine = Origin::echoing();
    let endpoints = [address, fine.address()];
    let gateway = Gateway::start(Config::to(&endpoints).timeouts(|timeouts| timeouts.connect_ms = 200));
    let started = Instant::now();
    let mut client = gateway.client();
    for _ in 0..2 {
        assert_eq!(client.get("/").answer().text(), "GET / ");
    }
    assert!((200..3_000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    let alone = Gateway::start(Config::to(&[address]).timeouts(|timeouts| timeouts.connect_ms = 200));
    let mut client = alone.client();
    assert_eq!(client.get("/").answer().status(), 504);
    assert_eq!(alone.log(1)[0]["reason"], "connect_timed_out");
}

/// A route that the gateway answers itself, beside the one that forwards.
fn with_own(config: Config) -> Config {
    config.route("own", prefix("/own"), vec![foreign_step("Respond", &json!({"status": 200, "body": "mine"}))])
}

#[test]
fn r21_r26_an_endpoint_that_stands_still_holds_nobody_else_up() {
    let (_full, address) = full_backlog();
    let silent = Origin::running(|caller| while caller.read() > 0 {});
    for address in [address, silent.address()] {
        let gateway = Gateway::start(with_own(Config::to(&[address])));
        let mut waiting = gateway.client();
        waiting.get("/");
        eventually("it waits", || (gateway.in_flight() == 1).then_some(()));
        let mut other = gateway.client();
        for _ in 0..50 {
            assert_eq!(other.get("/own").answer().text(), "mine");
        }
        assert!(waiting.is_silent_for(1), "the others were served while it waited");
    }
}

/// A listener whose backlog is full: the system drops what would connect.
fn full_backlog() -> (Vec<Socket>, SocketAddr) {
    let stream = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let listener = stream();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let waiting = (0..3).map(|_| {
        let socket = stream();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&address);
        socket
    });
    let sockets = waiting.chain([listener]).collect();
    (sockets, address.as_socket().unwrap())
}

/// Answers the first request of its first connection, then ends that connection in some way
/// when the next request comes; later connections answer everything.
fn stale(end: impl Fn(&mut Caller) + Send + Sync + 'static) -> Origin {
    Origin::running(move |caller| {
        while let Some(request) = caller.request() {
            let body = request.target();
            caller.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
            if caller.index == 0 {
                caller.read();
                return end(caller);
            }
        }
    })
}

#[test]
fn r22_a_kept_connection_that_has_died_is_replaced_for_a_method_that_may_repeat() {
    for reset in [false, true] {
        let origin = stale(move |caller| {
            if reset {
                caller.reset();
            }
        });
        let gateway = Gateway::before(&origin);
        let mut client = gateway.client();
        for path in ["/a", "/b", "/c"] {
            assert_eq!(client.get(path).answer().text(), path, "reset: {reset}");
        }
        assert_eq!(origin.captures().len(), 2);
        assert_eq!(gateway.log(3)[1]["attempts"], 2);
    }
}

#[test]
fn r22_a_post_on_a_kept_connection_that_has_died_is_not_repeated() {
    for body in ["", "hello"] {
        let origin = stale(|_| {});
        let gateway = Gateway::before(&origin);
        let mut client = gateway.client();
        client.get("/a").answer();
        let post = format!("POST /b HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        assert_eq!(client.send(post).answer().status(), 502);
        let seen = origin.captures().concat();
        assert_eq!(seen.windows(6).filter(|window| window == b"POST /").count(), 1, "{}", text(&seen));
    }
}

/// Hundredths of a second after which the system asks a connection's peer for a sign of life, of the connections from
/// here to a port; `None` where it never does.
fn keep_alive_timers(port: u16) -> Vec<Option<u64>> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    // Established, and its peer is the port's.
    let ours = rows.filter(|row| row[3] == "01" && row[2].ends_with(&format!(":{port:04X}")));
    ours.map(|row| {
        let (kind, when) = row[5].split_once(':').unwrap();
        (kind == "02").then(|| u64::from_str_radix(when, 16).unwrap())
    })
    .collect()
}

#[test]
fn r22_the_peer_of_a_kept_connection_is_asked_for_a_sign_of_life_within_15_seconds() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    assert_eq!(gateway.client().get("/").answer().status(), 200);
    let timers = eventually("nothing of the answer is unacknowledged", || {
        let timers = keep_alive_timers(origin.address().port());
        (timers.iter().all(Option::is_some)).then_some(timers)
    });
    assert!(matches!(&timers[..], [Some(0..=1_000)]), "{timers:?}");
}

#[test]
fn r22_a_connection_closed_while_it_waited_is_not_used() {
    let origin = Origin::running(|caller| {
        if let Some(request) = caller.request() {
            let body = request.target();
            caller.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    for path in ["/a", "/b", "/c"] {
        let post = format!("POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nx");
        assert_eq!(client.send(post).answer().text(), path);
        client.pause(50);
    }
    assert!(gateway.log(3).iter().all(|line| line["attempts"] == 1));
}
