//! The shared table between real processes, some of which are killed.
//!
//! A child is this same test binary running one of the ignored `child_` tests below; it gets
//! the table and its column over the socket that is its standard input. Run by hand without
//! such a socket they do nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests, and so are the functions they share")]

use std::io::{Read, Write};
use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use penstock_shared::breaker::{Admission, Outcome, Policy, Trip};
use penstock_shared::gcra::Rate;
use penstock_shared::{
    CounterSlot, GaugeSlot, KeyedLimit, SlotAllocator, Table, WordSlot, WorkerSlot, breaker, descriptors, gcra,
};

const BOOT_ID: u64 = 4711;
const SECOND_NS: u64 = 1_000_000_000;
const KEYS: u32 = 2_000;
const BREAKER: Policy = Policy { trip: Trip::Consecutive(1), open_ms: 1_000, longest_open_ms: 1_000, probe_ms: 500 };

fn worker(number: u32) -> WorkerSlot {
    WorkerSlot::new(number).unwrap()
}

fn gauge(number: u32) -> GaugeSlot {
    GaugeSlot::new(number).unwrap()
}

fn word(number: u32) -> WordSlot {
    WordSlot::new(number).unwrap()
}

fn admitted() -> CounterSlot {
    CounterSlot::new(0).unwrap()
}

fn rate(burst: u64) -> Rate {
    Rate::new(NonZeroU64::MIN, NonZeroU64::new(SECOND_NS).unwrap(), NonZeroU64::new(burst))
}

fn keyed_limit() -> KeyedLimit {
    KeyedLimit { rate: rate(2), overflow: word(1), overflowed: CounterSlot::new(1).unwrap() }
}

/// A process that works in one column; killed at the latest when the test ends.
struct Worker {
    child: Child,
    socket: UnixStream,
}

impl Worker {
    fn start(role: &str, table: &Table, number: u8) -> Self {
        let (socket, theirs) = UnixStream::pair().unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", role, "--ignored", "--nocapture"]);
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
        let child = command.spawn().unwrap();
        descriptors::send(socket.as_fd(), &[number], &[table.descriptor()]).unwrap();
        Self { child, socket }
    }

    /// Waits until the child says that it has come to its point.
    fn wait_until_ready(&mut self) -> &mut Self {
        self.socket.read_exact(&mut [0]).unwrap();
        self
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn finish(mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a child got; none: it was not started by a test here.
fn inherited() -> Option<(Table, WorkerSlot, UnixStream)> {
    let input = std::io::stdin();
    let mut number = [0];
    let (1, mut received) = descriptors::receive(input.as_fd(), &mut number, 1).ok()? else { return None };
    let table = Table::open(received.pop()?, BOOT_ID).unwrap();
    let worker = worker(u32::from(number[0]));
    table.enroll(worker, std::process::id(), 0);
    Some((table, worker, UnixStream::from(input.as_fd().try_clone_to_owned().unwrap())))
}

/// Tells the parent that this child is ready and waits for its word; the parent's end says: go on.
fn meet(socket: &mut UnixStream) {
    socket.write_all(b"r").unwrap();
    let _ = socket.read(&mut [0]).unwrap();
}

/// Starts so many children, lets them go all at once, and waits until they are done.
fn run_together(role: &str, table: &Table, count: u8) {
    let mut workers: Vec<Worker> = (0..count).map(|number| Worker::start(role, table, number)).collect();
    for worker in &mut workers {
        worker.wait_until_ready();
    }
    for worker in &mut workers {
        worker.socket.write_all(b"g").unwrap();
    }
    workers.into_iter().for_each(Worker::finish);
}

#[test]
#[ignore = "a child of the tests here"]
fn child_enters_and_waits() {
    let Some((table, worker, mut socket)) = inherited() else { return };
    for number in [0, 1, GaugeSlot::CAPACITY - 1] {
        (0..1_000).for_each(|_| table.gauge(gauge(number)).enter(worker));
    }
    meet(&mut socket);
}

#[test]
fn r44_a_worker_killed_while_it_holds_entries_leaves_none() {
    let table = Table::create(BOOT_ID).unwrap();
    table.enroll(worker(0), std::process::id(), 0);
    table.gauge(gauge(1)).enter(worker(0));
    let mut dead = Worker::start("child_enters_and_waits", &table, 1);
    dead.wait_until_ready();
    assert_eq!(table.gauge(gauge(1)).value(), 1_001);
    assert_eq!(table.heartbeat(worker(1)).process, dead.child.id());
    dead.kill();
    assert_eq!(table.gauge(gauge(1)).value(), 1_001, "nobody has settled yet");
    assert_eq!(table.settle_dead_worker(worker(1)), []);
    let values = [0, 1, GaugeSlot::CAPACITY - 1].map(|number| table.gauge(gauge(number)).value());
    assert_eq!(values, [0, 1, 0]);
    assert_eq!(table.workers().collect::<Vec<_>>(), [worker(0)]);
}

#[test]
#[ignore = "a child of the tests here"]
fn child_hammers_a_gauge() {
    let Some((table, worker, mut socket)) = inherited() else { return };
    socket.write_all(b"r").unwrap();
    // Ends by itself in case nobody is left to kill it.
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(20) {
        for _ in 0..10_000 {
            table.gauge(gauge(0)).enter(worker);
            table.gauge(gauge(0)).leave(worker);
        }
    }
}

#[test]
fn r44_workers_killed_in_mid_change_leave_the_gauges_exact() {
    let table = Table::create(BOOT_ID).unwrap();
    table.enroll(worker(0), std::process::id(), 0);
    let (stop, shared) = (AtomicBool::new(false), table.gauge(gauge(0)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                shared.enter(worker(0));
                std::thread::yield_now();
                shared.leave(worker(0));
            }
        });
        for round in 0..40 {
            let mut dead = Worker::start("child_hammers_a_gauge", &table, 1);
            dead.wait_until_ready();
            std::thread::sleep(Duration::from_micros(50 * round));
            dead.kill();
            let unsettled = table.settle_dead_worker(worker(1));
            assert!(unsettled.is_empty() || shared.mend(), "no quiet moment in round {round}");
            assert!(shared.value() <= 1, "round {round}: {}", shared.value());
        }
        stop.store(true, Relaxed);
    });
    assert_eq!(shared.value(), 0);
}

#[test]
#[ignore = "a child of the tests here"]
fn child_asks_a_limit() {
    let Some((table, worker, mut socket)) = inherited() else { return };
    meet(&mut socket);
    let passed = (0..5_000).filter(|_| gcra::admit(table.word(word(0)), &rate(3_000), 1, SECOND_NS).is_admitted());
    table.counter(admitted()).add(worker, passed.count() as u64);
}

#[test]
fn processes_on_one_limit_admit_exactly_its_burst() {
    let table = Table::create(BOOT_ID).unwrap();
    run_together("child_asks_a_limit", &table, 4);
    assert_eq!(table.counter(admitted()).sum(), 3_000);
}

#[test]
#[ignore = "a child of the tests here"]
fn child_asks_for_keys() {
    let Some((table, worker, mut socket)) = inherited() else { return };
    meet(&mut socket);
    for key in (0..KEYS).flat_map(|key| [key; 3]) {
        let verdict = table.keyed(worker).admit(&keyed_limit(), &key.to_be_bytes(), 1, SECOND_NS);
        table.counter(admitted()).add(worker, u64::from(verdict.is_admitted()));
    }
}

#[test]
fn processes_that_meet_the_same_new_keys_admit_exactly_what_is_allowed() {
    let table = Table::create(BOOT_ID).unwrap();
    run_together("child_asks_for_keys", &table, 4);
    let overflowed = table.counter(keyed_limit().overflowed).sum();
    let (all, passed) = (u64::from(KEYS) * 2, table.counter(admitted()).sum());
    // Only where a worker was interrupted in an insertion may the shared bucket add its own two.
    let extra = overflowed.min(2);
    assert!((all..=all + extra).contains(&passed), "{passed} of {all}, {overflowed} overflowed");
}

#[test]
#[ignore = "a child of the tests here"]
fn child_takes_the_probe() {
    let Some((table, _, mut socket)) = inherited() else { return };
    let Admission::Allowed(permit) = breaker::admit(table.word(word(0)), &BREAKER, 11_000) else { panic!("refused") };
    assert!(permit.is_probe());
    meet(&mut socket);
}

#[test]
fn r39_a_worker_killed_with_the_probe_holds_it_no_longer_than_its_lease() {
    let table = Table::create(BOOT_ID).unwrap();
    let state = table.word(word(0));
    let Admission::Allowed(permit) = breaker::admit(state, &BREAKER, 10_000) else { panic!("a new one is closed") };
    breaker::report(state, &BREAKER, permit, Outcome::Failed, 10_000);
    let mut dead = Worker::start("child_takes_the_probe", &table, 1);
    dead.wait_until_ready();
    dead.kill();
    assert_eq!(breaker::admit(state, &BREAKER, 11_499), Admission::Refused { retry_after_ms: 1 });
    assert!(matches!(breaker::admit(state, &BREAKER, 11_500), Admission::Allowed(permit) if permit.is_probe()));
}

#[test]
#[ignore = "a child of the tests here"]
fn child_counts_and_dies() {
    let Some((table, worker, mut socket)) = inherited() else { return };
    table.counter(admitted()).add(worker, 5);
    meet(&mut socket);
}

#[test]
fn what_a_dead_worker_counted_stays_and_its_replacement_goes_on() {
    let table = Table::create(BOOT_ID).unwrap();
    for expected in [5, 10] {
        let mut dead = Worker::start("child_counts_and_dies", &table, 3);
        dead.wait_until_ready();
        dead.kill();
        assert_eq!(table.settle_dead_worker(worker(3)), []);
        assert_eq!(table.counter(admitted()).sum(), expected);
    }
}

#[test]
fn a_supervisor_that_adopts_a_table_keeps_what_is_named() {
    let first = Table::create(BOOT_ID).unwrap();
    first.enroll(worker(0), std::process::id(), 0);
    first.counter(admitted()).add(worker(0), 3);
    let (socket, theirs) = UnixStream::pair().unwrap();
    descriptors::send(socket.as_fd(), b"t", &[first.descriptor()]).unwrap();
    drop(first);
    let (_, mut received) = descriptors::receive(theirs.as_fd(), &mut [0], 1).unwrap();
    let adopted = Table::open(received.pop().unwrap(), BOOT_ID).unwrap();
    let mut slots = SlotAllocator::new(CounterSlot::CAPACITY);
    assert!(slots.claim(admitted().number()));
    assert_eq!(slots.allocate(), Some(1));
    assert_eq!(adopted.counter(admitted()).sum(), 3);
}
