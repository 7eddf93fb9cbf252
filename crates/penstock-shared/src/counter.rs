//! Counters: what only ever grows, one column per worker.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::slots::{CounterSlot, WorkerSlot};
use crate::table::Table;

/// One counter of the table.
#[derive(Debug, Clone, Copy)]
pub struct Counter<'table> {
    table: &'table Table,
    slot: CounterSlot,
}

impl Table {
    /// The counter at a place.
    #[inline]
    pub fn counter(&self, slot: CounterSlot) -> Counter<'_> {
        Counter { table: self, slot }
    }
}

impl Counter<'_> {
    /// Adds to the worker's own cell: a load, an addition and a store.
    ///
    /// Only the worker that owns the column may call it; two writers lose counts.
    #[inline]
    pub fn add(self, worker: WorkerSlot, amount: u64) {
        add_alone(self.cell(worker.position()), amount);
    }

    /// The sum over all workers that ever enrolled.
    pub fn sum(self) -> u64 {
        self.table.columns().fold(0, |sum, column| sum.wrapping_add(self.cell(column).load(Relaxed)))
    }

    /// How much of the sum was counted in this worker's column, by whoever worked there.
    pub fn part_of(self, worker: WorkerSlot) -> u64 {
        self.cell(worker.position()).load(Relaxed)
    }

    /// Sets it to zero for another use of its place.
    ///
    /// While no worker runs a plan that names it: an addition at the same time may undo it.
    pub fn clear(self) {
        self.table.columns().for_each(|column| self.cell(column).store(0, Relaxed));
    }

    #[inline]
    fn cell(&self, column: usize) -> &AtomicU64 {
        &self.table.memory().counters[column][self.slot.position()]
    }
}

/// Adds to a word that nobody else writes, without the price of an atomic addition.
#[inline]
pub(crate) fn add_alone(word: &AtomicU64, amount: u64) {
    word.store(word.load(Relaxed).wrapping_add(amount), Relaxed);
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use super::*;

    fn worker(number: u32) -> WorkerSlot {
        WorkerSlot::new(number).unwrap()
    }

    #[test]
    fn workers_count_side_by_side_and_nothing_is_lost() {
        let table = Table::create(1).unwrap();
        let slot = CounterSlot::new(CounterSlot::CAPACITY - 1).unwrap();
        std::thread::scope(|scope| {
            for number in 0..4 {
                let table = &table;
                scope.spawn(move || {
                    table.enroll(worker(number), 1, 0);
                    (0..50_000).for_each(|_| table.counter(slot).add(worker(number), 1));
                });
            }
        });
        assert_eq!(table.counter(slot).sum(), 200_000);
    }

    #[test]
    fn neighbouring_places_and_columns_are_apart() {
        let table = Table::create(1).unwrap();
        table.enroll(worker(0), 1, 0);
        table.enroll(worker(63), 1, 0);
        let [first, second] = [0, 1].map(|number| CounterSlot::new(number).unwrap());
        table.counter(first).add(worker(0), 5);
        table.counter(second).add(worker(63), 7);
        assert_eq!((table.counter(first).sum(), table.counter(second).sum()), (5, 7));
        assert_eq!((table.counter(first).part_of(worker(0)), table.counter(first).part_of(worker(63))), (5, 0));
    }

    #[test]
    fn a_cleared_counter_starts_again() {
        let table = Table::create(1).unwrap();
        table.enroll(worker(2), 1, 0);
        let counter = table.counter(CounterSlot::new(9).unwrap());
        counter.add(worker(2), 5);
        counter.clear();
        counter.add(worker(2), 1);
        assert_eq!(counter.sum(), 1);
    }

    #[test]
    fn reading_touches_only_enrolled_columns() {
        use std::os::unix::fs::MetadataExt;
        let table = Table::create(1).unwrap();
        table.enroll(worker(0), 1, 0);
        for number in (0..CounterSlot::CAPACITY).step_by(512) {
            table.counter(CounterSlot::new(number).unwrap()).sum();
        }
        let file = std::fs::File::from(table.descriptor().try_clone_to_owned().unwrap());
        assert!(file.metadata().unwrap().blocks() * 512 <= (1 << 20) + (64 << 10), "one column is 1 MiB");
    }
}
