//! The system calls of a kept-alive exchange, counted by strace on a worker in a process of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests, and so are the functions they share"
)]

#[allow(dead_code, unused_imports, reason = "the wire tests use what these leave out")]
#[path = "wire/harness/mod.rs"]
mod harness;

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use harness::{Client, Config, Origin, eventually, forward_step, native_step, prefix};
use penstock_plan::{AccessLog, Body, LogFormat, Plan};
use serde_json::json;

const EXCHANGES: usize = 1_000;

/// A folder that is removed with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process that is killed with the test.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Headers set both ways and a JSON access log: what a usual route does.
fn plan(folder: &Path, origin: SocketAddr, address: SocketAddr) -> Plan {
    let headers = native_step(
        "SetHeaders",
        &json!({
            "request": {"set": {"x-gateway": "penstock"}, "add": {}, "remove": []},
            "response": {"set": {"x-served-by": "penstock"}, "add": {}, "remove": []},
        }),
    );
    let config = Config::to(&[origin]).route("all", prefix(""), vec![headers, forward_step()]);
    let mut plan = config.listener(|listener| listener.address = address.to_string()).plan();
    if let Some(Body::Telemetry(telemetry)) = plan.parts.get_mut("telemetry/default").map(|part| &mut part.body) {
        let path = folder.join("access.log").display().to_string();
        telemetry.access_log = Some(AccessLog { path, format: LogFormat::Json });
    }
    plan
}

/// The example that serves a plan; `cargo test` builds it.
fn example() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let profile = this.parent().and_then(Path::parent).unwrap();
    let example = profile.join("examples/serve_plan");
    assert!(example.exists(), "{} is not built: cargo build --example serve_plan", example.display());
    example
}

fn can_trace() -> bool {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    traced.is_ok_and(|status| status.success())
}

#[test]
fn a_kept_alive_exchange_makes_two_reads_and_two_writes_and_waits() {
    if !can_trace() {
        eprintln!("skipped: strace is missing, or may not trace here");
        return;
    }
    let folder = Folder(std::env::temp_dir().join(format!("penstock-system-calls-{}", std::process::id())));
    fs::create_dir_all(&folder.0).unwrap();
    let (origin, address) = (Origin::echoing(), Origin::nowhere());
    let (plan_path, trace_path) = (folder.0.join("plan.json"), folder.0.join("trace"));
    fs::write(&plan_path, serde_json::to_vec(&plan(&folder.0, origin.address(), address)).unwrap()).unwrap();
    // -D: the worker, not strace, is the child that is killed.
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-qq", "-s", "32", "-o"]).arg(&trace_path).arg(example()).arg(&plan_path);
    let worker = Worker(command.spawn().unwrap());
    let stream = eventually("the worker listens", || TcpStream::connect(address).ok());
    stream.set_nodelay(true).unwrap();
    let mut client = Client::over(Box::new(stream));
    for path in ["/warm", "/warm", "/warm", "/begin"] {
        assert_eq!(client.get(path).answer().status(), 200);
    }
    let started = Instant::now();
    for _ in 0..EXCHANGES {
        assert_eq!(client.get("/counted").answer().status(), 200);
    }
    let took = started.elapsed();
    assert_eq!(client.get("/end").answer().status(), 200);
    drop(worker);
    let trace = eventually("strace has written all", || {
        fs::read_to_string(&trace_path).ok().filter(|trace| trace.contains("+++ killed"))
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
