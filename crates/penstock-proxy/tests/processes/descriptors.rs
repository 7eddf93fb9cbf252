//! R57, in the form of one worker: descriptors run out, what is open lives on, and it recovers.

use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Client, Origin, PATIENCE};
use crate::served::{Served, processor_ticks};

#[test]
fn r57_descriptors_that_run_out_stop_nobody_who_is_served() {
    let origin = Origin::echoing();
    let served = Served::before(&origin, "descriptors", |program, plan, _| {
        let mut command = Command::new("sh");
        command.arg("-c").arg("ulimit -n 64; exec \"$0\" \"$1\"").arg(program).arg(plan);
        command
    });
    let mut early = served.client();
    assert_eq!(early.get("/early").answer().status(), 200);
    let crowd: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(served.address).unwrap()).collect();
    thread::sleep(Duration::from_millis(200));
    let (pid, before) = (served.process.id(), processor_ticks(served.process.id()));
    for count in 0..20 {
        assert_eq!(early.get(&format!("/{count}")).answer().status(), 200, "an open connection lives on");
        thread::sleep(Duration::from_millis(25));
    }
    let used = processor_ticks(pid) - before;
    assert!(used < 25, "{used} hundredths of a second in half a second: the worker spins");
    drop(crowd);
    let started = Instant::now();
    assert_eq!(Client::connect(served.address).get("/late").answer().status(), 200);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
}
