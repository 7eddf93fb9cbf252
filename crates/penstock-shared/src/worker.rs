//! Workers in the table: who works in which column, whether it beats, how loaded it is.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::counter::add_alone;
use crate::layout::{WORKERS, WorkerBlock};
use crate::memory::MemoryTold;
use crate::relief::Load;
use crate::slots::WorkerSlot;
use crate::table::Table;

/// A last beat older than this means that a worker does not accept. Workers beat every 100 ms.
pub const SILENT_NS: u64 = 300_000_000;
/// A last beat older than this is a reason to ask whether the process is still there.
const MISSED_NS: u64 = 150_000_000;

/// The other workers as one of them sees them.
#[derive(Debug)]
pub struct Neighbours {
    /// The indexes whose listening sockets a living worker accepts from, one bit each.
    pub attended: u64,
    loads: [Load; WORKERS],
    count: usize,
}

impl Neighbours {
    /// What they say of their connections.
    pub fn loads(&self) -> &[Load] {
        self.loads.get(..self.count).unwrap_or_default()
    }
}

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
        block.longest_stall_us.store(0, Relaxed);
        self.tell_memory(worker, &MemoryTold::default());
        block.beat_at_ns.store(now_ns, Release);
        self.set_accepting(worker, None);
        true
    }

    /// A worker leaves its column for good; what it counted stays in the sums.
    pub fn retire(&self, worker: WorkerSlot) {
        let block = self.block(worker);
        self.set_accepting(worker, None);
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

    /// Notes that the worker's loop did not turn for a time; only the worker itself calls it.
    pub fn stood_still(&self, worker: WorkerSlot, stall_us: u64) {
        let longest = &self.block(worker).longest_stall_us;
        if stall_us > longest.load(Relaxed) {
            longest.store(stall_us, Relaxed);
        }
    }

    /// The longest time for which the loop is known to have stood still since the worker enrolled, in microseconds.
    pub fn longest_stall_us(&self, worker: WorkerSlot) -> u64 {
        self.block(worker).longest_stall_us.load(Relaxed)
    }

    /// Says whose listening sockets the worker accepts from, by that worker's index; it begins without a load.
    pub fn set_accepting(&self, worker: WorkerSlot, index: Option<u32>) {
        self.set_load(worker, &Load::default());
        self.block(worker).accepts_for.store(index.map_or(0, |index| u64::from(index) + 1), Release);
    }

    /// What a worker sees of the others that live and accept.
    ///
    /// A worker lives while its last beat is at most [`SILENT_NS`] old, and its process is not `gone`;
    /// that is asked only once it has missed a beat.
    pub fn look_around(&self, mine: WorkerSlot, now_ns: u64, gone: impl Fn(u32) -> bool) -> Neighbours {
        let mut neighbours = Neighbours { attended: 0, loads: [Load::default(); WORKERS], count: 0 };
        for worker in self.workers() {
            let Heartbeat { process, at_ns, .. } = self.heartbeat(worker);
            let age = now_ns.saturating_sub(at_ns);
            let lives = age <= MISSED_NS || age <= SILENT_NS && !gone(process);
            let Some(load) = self.load(worker).filter(|load| lives && load.index < u64::BITS) else { continue };
            neighbours.attended |= 1 << load.index;
            if worker != mine
                && let Some(place) = neighbours.loads.get_mut(neighbours.count)
            {
                *place = load;
                neighbours.count += 1;
            }
        }
        neighbours
    }

    /// What a worker says of its connections; none while it accepts from nobody's sockets.
    pub fn load(&self, worker: WorkerSlot) -> Option<Load> {
        let block = self.block(worker);
        let index = u32::try_from(block.accepts_for.load(Acquire).checked_sub(1)?).ok()?;
        let open = block.told.connections.load(Relaxed);
        let wants_relief = block.wants_relief.load(Acquire) != 0;
        Some(Load { index, open, wants_relief, relieves: block.relieves.load(Acquire) })
    }

    /// Says it; only the worker itself calls it.
    pub fn set_load(&self, worker: WorkerSlot, load: &Load) {
        let block = self.block(worker);
        block.told.connections.store(load.open, Relaxed);
        block.wants_relief.store(load.wants_relief.into(), Release);
        block.relieves.store(load.relieves, Release);
    }

    /// The columns that a process works in now.
    pub fn workers(&self) -> impl Iterator<Item = WorkerSlot> {
        let columns = self.columns().filter_map(|column| WorkerSlot::new(column as u32));
        columns.filter(|worker| self.block(*worker).process.load(Relaxed) != 0)
    }

    pub(crate) fn block(&self, worker: WorkerSlot) -> &WorkerBlock {
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

    fn attended(table: &Table, now_ns: u64, gone: impl Fn(u32) -> bool) -> u64 {
        table.look_around(worker(1), now_ns, gone).attended
    }

    #[test]
    fn a_worker_sees_the_loads_of_the_others_and_not_its_own() {
        let table = Table::create(1).unwrap();
        for number in 0..3 {
            assert!(table.enroll(worker(number), 10, 0));
            table.set_accepting(worker(number), Some(number));
            table.set_load(worker(number), &Load { open: u64::from(number), ..Load::default() });
        }
        table.set_accepting(worker(0), None);
        let seen = table.look_around(worker(1), 0, |_| false);
        assert_eq!(seen.loads(), [Load { index: 2, open: 2, wants_relief: false, relieves: 0 }]);
        assert_eq!(seen.attended, 0b110);
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
    fn r4_the_longest_stall_of_each_worker_is_kept() {
        let table = Table::create(1).unwrap();
        for stall_us in [3_000, 30_000, 7_000] {
            table.stood_still(worker(5), stall_us);
        }
        assert_eq!([5, 6].map(|number| table.longest_stall_us(worker(number))), [30_000, 0]);
    }

    #[test]
    fn a_replacement_starts_from_nothing() {
        let table = Table::create(1).unwrap();
        table.enroll(worker(0), 10, 100);
        table.beat(worker(0), 250);
        table.set_accepting(worker(0), Some(4));
        table.set_load(worker(0), &Load { index: 4, open: 99, wants_relief: true, relieves: 2 });
        table.stood_still(worker(0), 5_000);
        table.retire(worker(0));
        assert!(table.enroll(worker(0), 11, 900));
        assert_eq!(table.longest_stall_us(worker(0)), 0);
        assert_eq!(table.heartbeat(worker(0)), Heartbeat { process: 11, beats: 0, at_ns: 900 });
        assert_eq!(table.load(worker(0)), None);
        table.set_accepting(worker(0), Some(4));
        assert_eq!(table.load(worker(0)), Some(Load { index: 4, ..Load::default() }));
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
        assert_eq!(attended(&table, 1_000 * MS, |_| false), 0, "it accepts nothing yet");
        table.set_accepting(worker(5), Some(1));
        for (age, is_gone, is_attended) in cases {
            let attended = attended(&table, (1_000 + age) * MS, |process| process == 10 && is_gone);
            assert_eq!(attended, if is_attended { 0b10 } else { 0 }, "{age} ms, gone: {is_gone}");
        }
        table.beat(worker(5), 1_301 * MS);
        assert_eq!(attended(&table, 1_301 * MS, |_| false), 0b10, "it beats again");
        table.set_accepting(worker(5), None);
        assert_eq!(attended(&table, 1_301 * MS, |_| false), 0);
    }

    #[test]
    fn one_of_two_workers_of_the_same_index_is_enough() {
        let table = Table::create(1).unwrap();
        for (number, beat) in [(0, 0), (63, 900 * 1_000_000)] {
            assert!(table.enroll(worker(number), 10, beat));
            table.set_accepting(worker(number), Some(63));
        }
        assert_eq!(attended(&table, 1_000 * 1_000_000, |_| false), 1 << 63);
        table.retire(worker(63));
        assert_eq!(attended(&table, 1_000 * 1_000_000, |_| false), 0);
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
