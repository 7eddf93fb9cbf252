//! Workers in the table: who works in which column, whether it beats, how loaded it is.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::counter::add_alone;
use crate::layout::WorkerBlock;
use crate::slots::WorkerSlot;
use crate::table::Table;

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
        true
    }

    /// A worker leaves its column for good; what it counted stays in the sums.
    pub fn retire(&self, worker: WorkerSlot) {
        let block = self.block(worker);
        block.connections.0.store(0, Relaxed);
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
    fn workers_are_those_that_enrolled_and_did_not_retire() {
        let table = Table::create(1).unwrap();
        for number in [0, 5, 63] {
            table.enroll(worker(number), 10, 0);
        }
        table.retire(worker(5));
        assert_eq!(table.workers().collect::<Vec<_>>(), [worker(0), worker(63)]);
    }
}
