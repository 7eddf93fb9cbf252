//! R31: transfers whose origin disappears in the middle of both bodies leave no memory behind.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::harness::{Caller, Client, Origin, eventually};
use crate::served::Served;

/// Rounds of transfers in which memory must once stay within what it was.
const ROUNDS: usize = 4;
/// Time after which the worker has freed what a burst leaves.
const FREED: Duration = Duration::from_secs(1);
/// Transfers at once, which is what makes the worker hold many buffers.
const AT_ONCE: usize = 100;

/// Kilobytes of memory that a process holds now.
fn resident_kilobytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// The number of descriptors once it stands still.
fn idle_descriptors(pid: u32) -> usize {
    let mut last = usize::MAX;
    eventually("the number of descriptors stands still", || {
        thread::sleep(Duration::from_millis(500));
        let now = descriptors(pid);
        (std::mem::replace(&mut last, now) == now).then_some(now)
    })
}

/// Takes a part of the upload, gives a part of the answer, and is gone.
fn disappear(caller: &mut Caller) {
    if caller.read_until("\r\n\r\n") {
        caller.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
        caller.send_some(&vec![b'y'; 300_000]);
        caller.pause(20).reset();
    }
}

/// Begins transfers both ways, reads nothing until the origin has gone, and waits until all have ended.
fn transfers(served: &Served, count: usize) {
    for _ in 0..count / AT_ONCE {
        let mut clients: Vec<Client> = (0..AT_ONCE).map(|_| served.client()).collect();
        for client in &mut clients {
            let _ = client.try_send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10000000\r\n\r\n");
            let _ = client.try_send(&vec![b'x'; 100_000]);
        }
        for client in &mut clients {
            client.rest();
        }
    }
}

fn leaves_nothing(count: usize) {
    let origin = Origin::running(disappear);
    let served = Served::before(&origin, "aborts", |program, plan, _| {
        let mut command = Command::new(program);
        command.arg(plan);
        command
    });
    let pid = served.process.id();
    transfers(&served, 3 * AT_ONCE);
    let idle = idle_descriptors(pid);
    // The allocator takes what most of them at once have needed so far, and keeps some of it: what leaks grows each time.
    let mut seen = vec![resident_kilobytes(pid)];
    for _ in 0..ROUNDS {
        transfers(&served, count);
        eventually("all are gone", || (descriptors(pid) <= idle).then_some(()));
        thread::sleep(FREED);
        let (before, after) = (seen.iter().copied().max().unwrap_or_default(), resident_kilobytes(pid));
        seen.push(after);
        if after <= before + before / 20 {
            return println!("{count} aborted transfers: {before} kB before, {after} kB after");
        }
    }
    panic!("memory grows with every {count} aborted transfers: {seen:?} kB");
}

#[test]
fn r31_200_aborted_transfers_leave_memory_within_5_percent() {
    leaves_nothing(200);
}

#[test]
#[ignore = "long: make test-long"]
fn r31_1000_aborted_transfers_leave_memory_within_5_percent() {
    leaves_nothing(1_000);
}
