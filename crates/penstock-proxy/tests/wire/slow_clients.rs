//! R60: thousands of clients that send half a head disturb nobody. What they cost in memory is
//! measured in `allocations.rs`.

use std::io::Write;
use std::net::TcpStream;

use crate::harness::{Config, Gateway, Origin, eventually};

fn half_sent(count: usize) {
    let origin = Origin::echoing();
    let gateway = Gateway::start(Config::to(&[origin.address()]).limits(|limits| limits.header_time_ms = 60_000));
    gateway.assert_canary();
    let half = format!("GET / HTTP/1.1\r\nHost: a.test\r\nX-Fill: {}", "a".repeat(300));
    let clients: Vec<TcpStream> = (0..count)
        .map(|_| {
            let mut stream = TcpStream::connect(gateway.address).unwrap();
            stream.write_all(half.as_bytes()).unwrap();
            stream
        })
        .collect();
    eventually("all are open", || (gateway.metric("penstock_open_connections") >= count as u64).then_some(()));
    gateway.assert_canary();
    for mut client in clients.iter().step_by(count / 20) {
        client.write_all(b"\r\nConnection: close\r\n\r\n").unwrap();
        let answer = std::io::read_to_string(client).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    drop(clients);
    eventually("all are gone", || (gateway.metric("penstock_open_connections") == 0).then_some(()));
    gateway.assert_canary();
}

/// Connections that both ends of a test in one process may hold open.
fn most_connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let soft = line.split_whitespace().nth(3).and_then(|soft| soft.parse().ok()).unwrap_or(usize::MAX);
    soft.saturating_sub(300) / 2
}

#[test]
fn r60_2000_half_sent_heads_disturb_nobody() {
    half_sent(most_connections().min(2_000));
}

#[test]
#[ignore = "long: make test-long"]
fn r60_10000_half_sent_heads_disturb_nobody() {
    half_sent(most_connections().min(10_000));
}
