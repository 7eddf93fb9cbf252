//! The system calls of a kept-alive exchange, counted by strace.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::harness::{Origin, eventually, skip};
use crate::served::Served;

const EXCHANGES: usize = 1_000;

fn can_trace() -> bool {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    traced.is_ok_and(|status| status.success())
}

#[test]
fn a_kept_alive_exchange_makes_two_reads_and_two_writes_and_waits() {
    if !can_trace() {
        return skip("strace is missing, or may not trace here");
    }
    let origin = Origin::echoing();
    let mut served = Served::before(&origin, "system-calls", |program, plan, folder| {
        // -D: the worker, not strace, is the child that is killed.
        let mut command = Command::new("strace");
        command.args(["-D", "-f", "-qq", "-s", "32", "-o"]).arg(folder.join("trace")).arg(program).arg(plan);
        command
    });
    let mut client = served.client();
    for path in ["/warm", "/warm", "/warm", "/begin"] {
        assert_eq!(client.get(path).answer().status(), 200);
    }
    let started = Instant::now();
    for _ in 0..EXCHANGES {
        assert_eq!(client.get("/counted").answer().status(), 200);
    }
    let took = started.elapsed();
    assert_eq!(client.get("/end").answer().status(), 200);
    served.kill();
    let trace = eventually("strace has written all", || {
        fs::read_to_string(served.file("trace")).ok().filter(|trace| trace.contains("+++ killed"))
    });
    let calls = calls_between(&trace, "GET /counted", "GET /end");
    let count = |names: &[&str]| names.iter().filter_map(|name| calls.get(*name)).sum::<usize>();
    let reads = count(&["read", "readv", "recvfrom", "recvmsg"]);
    let writes = count(&["writev", "sendto", "sendmsg"]);
    assert_eq!((reads, writes), (2 * EXCHANGES, 2 * EXCHANGES), "{calls:?}");
    // The worker's tick wakes its own loop by a plain write, and the log takes a fresh block of memory.
    let others = calls.values().sum::<usize>() - reads - writes - count(&["epoll_wait", "epoll_pwait"]);
    let ticks = usize::try_from(took.as_millis() / 100).unwrap() + 2;
    assert_eq!(others, count(&["write", "brk", "mmap", "munmap", "madvise"]), "{calls:?}");
    assert!(count(&["write"]) <= ticks && others <= 2 * ticks + EXCHANGES / 50, "{calls:?} in {ticks} ticks");
}

/// Counts the calls of the thread that reads requests: from the first call that read one text up
/// to the one that read the other.
fn calls_between(trace: &str, first: &str, last: &str) -> BTreeMap<String, usize> {
    let marker = trace.lines().find(|line| line.contains(first)).expect("a traced request");
    let thread = marker.split(' ').next().unwrap_or_default();
    let (mut calls, mut names, mut start, mut end) = (BTreeMap::new(), Vec::new(), None, None);
    for line in trace.lines().filter(|line| line.split(' ').next() == Some(thread)) {
        let call = line[thread.len()..].trim_start();
        // A call that another thread interrupted has a second line, `<... name resumed>`.
        if !call.starts_with('<') {
            names.push(call.split('(').next().unwrap_or_default());
        }
        if call.contains(first) && call.contains("recv") && start.is_none() {
            start = Some(names.len() - 1);
        }
        if call.contains(last) && call.contains("recv") && end.is_none() {
            end = Some(names.len() - 1);
        }
    }
    for name in &names[start.expect("the first request")..end.expect("the last request")] {
        *calls.entry((*name).to_owned()).or_default() += 1;
    }
    calls
}
