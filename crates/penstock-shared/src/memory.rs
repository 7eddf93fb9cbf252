//! Memory in the table: what each process holds, and how near its limit that is.

use std::sync::atomic::Ordering::Relaxed;

use crate::slots::WorkerSlot;
use crate::table::Table;

/// What a worker says of memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryTold {
    /// What its process has for itself, in bytes.
    pub own_bytes: u64,
    /// How short memory is, from 0 on.
    pub level: u64,
    /// Used of the limit that is nearest, by all that it counts.
    pub used_bytes: u64,
    /// That limit; 0: there is none.
    pub limit_bytes: u64,
}

impl Table {
    /// Says it; only the worker's own process calls it.
    pub fn tell_memory(&self, worker: WorkerSlot, told: &MemoryTold) {
        let place = &self.block(worker).told;
        place.memory_bytes.store(told.own_bytes, Relaxed);
        place.memory_level.store(told.level, Relaxed);
        place.memory_used_bytes.store(told.used_bytes, Relaxed);
        place.memory_limit_bytes.store(told.limit_bytes, Relaxed);
    }

    /// What a worker has said last.
    pub fn memory_told(&self, worker: WorkerSlot) -> MemoryTold {
        let place = &self.block(worker).told;
        MemoryTold {
            own_bytes: place.memory_bytes.load(Relaxed),
            level: place.memory_level.load(Relaxed),
            used_bytes: place.memory_used_bytes.load(Relaxed),
            limit_bytes: place.memory_limit_bytes.load(Relaxed),
        }
    }

    /// Says what the supervisor has for itself; only it calls this.
    pub fn tell_supervisor_memory(&self, bytes: u64) {
        self.memory().header.supervisor_memory_bytes.0.store(bytes, Relaxed);
    }

    /// What the supervisor and all workers together have for themselves.
    pub fn memory_bytes(&self) -> u64 {
        let supervisor = self.memory().header.supervisor_memory_bytes.0.load(Relaxed);
        self.workers().fold(supervisor, |sum, worker| sum.saturating_add(self.memory_told(worker).own_bytes))
    }
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_all_is_the_supervisors_and_that_of_workers_who_are_there() {
        let table = Table::create(1).unwrap();
        let [first, second] = [0, 7].map(|number| WorkerSlot::new(number).unwrap());
        for worker in [first, second] {
            assert!(table.enroll(worker, 10, 0));
            table.tell_memory(worker, &MemoryTold { own_bytes: 100, level: 2, used_bytes: 205, limit_bytes: 220 });
        }
        table.tell_supervisor_memory(5);
        assert_eq!(table.memory_bytes(), 205);
        table.retire(second);
        assert_eq!(table.memory_bytes(), 105);
        assert!(table.enroll(second, 11, 0));
        assert_eq!(table.memory_told(second), MemoryTold::default(), "a replacement starts from nothing");
    }
}
