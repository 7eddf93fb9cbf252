//! Workers in the table: who works in which column, whether it beats, how loaded it is.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::counter::add_alone;
use crate::layout::WorkerBlock;
use crate::slots::WorkerSlot;
use crate::table::Table;

/// A last beat older than this means that a worker does not accept. Workers beat every 100 ms.
pub const SILENT_NS: u64 = 300_000_000;
/// A last beat older than this is a reason to ask whether the process is still there.
const MISSED_NS: u64 = 150_000_000;

/// A worker's sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Process that works in the column; 0: none.
    pub process: u32,
    /// Turns of its loop since it enrolled.
    pub beats: u64,
    /// When it last beat, in monotonic nanoseconds.
    pub at_ns: u64,
}

impl Table {
    /// A worker takes its column: from here on its cells are part of every sum. False: somebody works there.
    ///
    /// What a dead process left in the column must be settled before
    /// ([`Table::settle_dead_worker`]). Counters and histograms go on from where they are.
    pub fn enroll(&self, worker: WorkerSlot, process: u32, now_ns: u64) -> bool {
        let block = self.block(worker);
        // First, so that whoever holds a column is found in it wherever its life ends.
        self.memory().header.enrolled.0.fetch_or(1 << worker.position(), AcqRel);
        if block.process.compare_exchange(0, u64::from(process), AcqRel, Relaxed).is_err() {
            return false;
        }
        block.beats.store(0, Relaxed);
        block.beat_at_ns.store(now_ns, Release);
        block.connections.0.store(0, Relaxed);
        block.accepts_for.store(0, Release);
        true
    }

    /// A worker leaves its column for good; what it counted stays in the sums.
    pub fn retire(&self, worker: WorkerSlot) {
        let block = self.block(worker);
        block.connections.0.store(0, Relaxed);
        block.accepts_for.store(0, Release);
        block.process.store(0, Release);
    }

    /// One turn of the worker's loop; only the worker itself calls it.
    #[inline]
    pub fn beat(&self, worker: WorkerSlot, now_ns: u64) {
        let block = self.block(worker);
        add_alone(&block.beats, 1);
        block.beat_at_ns.store(now_ns, Release);
    }

    /// The worker's last sign of life.
    pub fn heartbeat(&self, worker: WorkerSlot) -> Heartbeat {
        let block = self.block(worker);
        Heartbeat {
            process: block.process.load(Acquire) as u32,
            at_ns: block.beat_at_ns.load(Acquire),
            beats: block.beats.load(Relaxed),
        }
    }

    /// Says whose listening sockets the worker accepts from, by that worker's index.
    pub fn set_accepting(&self, worker: WorkerSlot, index: Option<u32>) {
        self.block(worker).accepts_for.store(index.map_or(0, |index| u64::from(index) + 1), Release);
    }

    /// The indexes whose listening sockets a living worker accepts from, one bit each.
    ///
    /// A worker lives while its last beat is at most [`SILENT_NS`] old, and its process is not `gone`;
    /// that is asked only once it has missed a beat.
    pub fn attended(&self, now_ns: u64, gone: impl Fn(u32) -> bool) -> u64 {
        self.workers().fold(0, |attended, worker| {
            let index = self.block(worker).accepts_for.load(Acquire).wrapping_sub(1);
            let Heartbeat { process, at_ns, .. } = self.heartbeat(worker);
            let age = now_ns.saturating_sub(at_ns);
            let lives = age <= MISSED_NS || age <= SILENT_NS && !gone(process);
            if index < u64::BITS.into() && lives { attended | 1 << index } else { attended }
        })
    }

    /// How many connections the worker has open.
    #[inline]
    pub fn open_connections(&self, worker: WorkerSlot) -> u64 {
        self.block(worker).connections.0.load(Relaxed)
    }

    /// Says how many connections the worker has open; only the worker itself calls it.
    #[inline]
    pub fn set_open_connections(&self, worker: WorkerSlot, connections: u64) {
        self.block(worker).connections.0.store(connections, Relaxed);
    }

    /// The columns that a process works in now.
    pub fn workers(&self) -> impl Iterator<Item = WorkerSlot> {
        let columns = self.columns().filter_map(|column| WorkerSlot::new(column as u32));
        columns.filter(|worker| self.block(*worker).process.load(Relaxed) != 0)
    }

    fn block(&self, worker: WorkerSlot) -> &WorkerBlock {
        &self.memory().workers[worker.position()]
    }
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use super::*;

    fn worker(number: u32) -> WorkerSlot {
        WorkerSlot::new(number).unwrap()
    }

    #[test]
    fn a_beat_moves_the_count_and_the_time() {
        let table = Table::create(1).unwrap();
        table.enroll(worker(3), 4711, 100);
        table.beat(worker(3), 250);
        table.beat(worker(3), 400);
        assert_eq!(table.heartbeat(worker(3)), Heartbeat { process: 4711, beats: 2, at_ns: 400 });
    }

    #[test]
    fn a_replacement_starts_from_nothing() {
        let table = Table::create(1).unwrap();
        table.enroll(worker(0), 10, 100);
        table.beat(worker(0), 250);
        table.set_open_connections(worker(0), 99);
        table.retire(worker(0));
        assert!(table.enroll(worker(0), 11, 900));
        assert_eq!(table.heartbeat(worker(0)), Heartbeat { process: 11, beats: 0, at_ns: 900 });
        assert_eq!(table.open_connections(worker(0)), 0);
    }

    #[test]
    fn a_column_that_is_taken_cannot_be_taken_again() {
        let table = Table::create(1).unwrap();
        assert!(table.enroll(worker(7), 10, 100));
        table.beat(worker(7), 250);
        assert!(!table.enroll(worker(7), 11, 900));
        assert_eq!(table.heartbeat(worker(7)), Heartbeat { process: 10, beats: 1, at_ns: 250 });
    }

    #[test]
    fn sockets_are_attended_while_their_worker_beats() {
        const MS: u64 = 1_000_000;
        let table = Table::create(1).unwrap();
        let cases =
            [(100, false, true), (100, true, true), (200, false, true), (200, true, false), (301, false, false)];
        assert!(table.enroll(worker(5), 10, 1_000 * MS));
        assert_eq!(table.attended(1_000 * MS, |_| false), 0, "it accepts nothing yet");
        table.set_accepting(worker(5), Some(1));
        for (age, is_gone, is_attended) in cases {
            let attended = table.attended((1_000 + age) * MS, |process| process == 10 && is_gone);
            assert_eq!(attended, if is_attended { 0b10 } else { 0 }, "{age} ms, gone: {is_gone}");
        }
        table.beat(worker(5), 1_301 * MS);
        assert_eq!(table.attended(1_301 * MS, |_| false), 0b10, "it beats again");
        table.set_accepting(worker(5), None);
        assert_eq!(table.attended(1_301 * MS, |_| false), 0);
    }

    #[test]
    fn one_of_two_workers_of_the_same_index_is_enough() {
        let table = Table::create(1).unwrap();
        for (number, beat) in [(0, 0), (63, 900 * 1_000_000)] {
            assert!(table.enroll(worker(number), 10, beat));
            table.set_accepting(worker(number), Some(63));
        }
        assert_eq!(table.attended(1_000 * 1_000_000, |_| false), 1 << 63);
        table.retire(worker(63));
        assert_eq!(table.attended(1_000 * 1_000_000, |_| false), 0);
    }

    #[test]
    fn workers_are_those_that_enrolled_and_did_not_retire() {
        let table = Table::create(1).unwrap();
        for number in [0, 5, 63] {
            table.enroll(worker(number), 10, 0);
        }
        table.retire(worker(5));
        assert_eq!(table.workers().collect::<Vec<_>>(), [worker(0), worker(63)]);
    }
}
