//! A18: what a body in a million chunks costs, beside the same body in one.

use std::process::Command;

use crate::harness::{Client, Origin};
use crate::served::{Served, processor_ticks};

/// Payload bytes of each body.
const BYTES: usize = 1_000_000;
/// Bodies in one chunk, and in as many chunks as they have bytes: enough of each for the system's clock of hundredths.
const WHOLE: usize = 200;
const CUT: usize = 10;
/// Most that the cut body may cost in times of the whole one.
const MOST: u64 = 20;

fn body(chunk: usize) -> Vec<u8> {
    let one = [format!("{chunk:x}\r\n").into_bytes(), vec![b'x'; chunk], b"\r\n".to_vec()].concat();
    [one.repeat(BYTES / chunk), b"0\r\n\r\n".to_vec()].concat()
}

/// Hundredths of a second that the worker computes for a number of bodies.
fn cost(served: &Served, client: &mut Client, body: &[u8], count: usize) -> u64 {
    let pid = served.process.id();
    let before = processor_ticks(pid);
    for _ in 0..count {
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n").send(body);
        assert_eq!(client.answer().status(), 200);
    }
    processor_ticks(pid) - before
}

#[test]
#[ignore = "long: make test-long"]
fn a18_a_million_chunks_cost_at_most_twenty_times_one() {
    let origin = Origin::running(|caller| {
        while caller.read_until("\r\n0\r\n\r\n") {
            caller.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let served = Served::before(&origin, "chunks", |program, plan, _| {
        let mut command = Command::new(program);
        command.arg(plan);
        command
    });
    let mut client = served.client();
    let whole = cost(&served, &mut client, &body(BYTES), WHOLE).max(1);
    let cut = cost(&served, &mut client, &body(1), CUT);
    println!("{whole} hundredths for {WHOLE} whole bodies, {cut} for {CUT} in a million chunks");
    assert!(cut * WHOLE as u64 <= MOST * whole * CUT as u64, "{cut} for {CUT} against {whole} for {WHOLE}");
}
