//! A worker's share of the table that all workers of a gateway have in common.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use penstock_shared::relief::{self, Load};
use penstock_shared::{Table, WorkerSlot, monotonic_ns, process};

/// The shared table, and the column of it that is this worker's own.
///
/// Whatever counts or decides does so as `share.table.counter(slot).add(share.column, 1)`.
#[derive(Debug, Clone)]
pub struct Share {
    /// The table.
    pub table: Arc<Table>,
    /// The column that this worker, and nobody else, writes to.
    pub column: WorkerSlot,
    /// Its position among the workers that serve; it accepts from the listening sockets of that number.
    pub index: u32,
}

impl Share {
    /// Takes a column for this process; it is settled by the supervisor when the process has ended.
    ///
    /// # Errors
    /// Another process works in the column.
    pub fn take(table: Arc<Table>, column: WorkerSlot, index: u32) -> io::Result<Self> {
        if table.enroll(column, std::process::id(), monotonic_ns()) {
            return Ok(Self { table, column, index });
        }
        let message = format!("column {} of the shared table is taken", column.number());
        Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
    }

    /// A table for a worker that has no neighbours.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn alone() -> io::Result<Self> {
        let column = WorkerSlot::new(0).ok_or(io::ErrorKind::InvalidInput)?;
        Self::take(Arc::new(Table::create(monotonic_ns())?), column, 0)
    }

    /// Says that the worker's loop turns, as it does once in each tick.
    pub(crate) fn beat(&self) {
        let (now_ns, before) = (monotonic_ns(), self.table.heartbeat(self.column));
        if before.beats > 0 {
            let late = Duration::from_nanos(now_ns.saturating_sub(before.at_ns));
            self.stood_still(late.saturating_sub(Duration::from_millis(super::TICK_MS)));
        }
        self.table.beat(self.column, now_ns);
    }

    /// Notes that the loop did not turn for a time.
    pub(crate) fn stood_still(&self, time: Duration) {
        self.table.stood_still(self.column, time.as_micros() as u64);
    }

    /// Says whether this worker accepts from its listening sockets; while it does not, its neighbours do.
    pub(crate) fn set_accepting(&self, is_accepting: bool) {
        if self.table.load(self.column).is_some() != is_accepting {
            self.table.set_accepting(self.column, is_accepting.then_some(self.index));
        }
    }

    /// Looks at the neighbours, and tells them of the connections that are open here; none while nothing is accepted.
    pub(crate) fn take_turn(&self, open: u64) -> Option<Turn> {
        let mine = self.table.load(self.column)?;
        let neighbours = self.table.look_around(self.column, monotonic_ns(), process::is_gone);
        let mine = relief::next(Load { open, ..mine }, neighbours.loads());
        self.table.set_load(self.column, &mine);
        let is_relieved = relief::is_relieved(&mine, neighbours.loads());
        Some(Turn { index: self.index, attended: neighbours.attended, relieves: mine.relieves, is_relieved })
    }
}

/// From whose listening sockets this worker accepts until its next turn.
pub(crate) struct Turn {
    index: u32,
    /// Who accepts for itself, one bit for each index.
    attended: u64,
    relieves: u64,
    is_relieved: bool,
}

impl Turn {
    /// Whether to take datagrams from the sockets of this owner: a client's are for the worker that has its others.
    pub(crate) fn takes_datagrams(&self, owner: Option<u32>) -> bool {
        owner.is_none_or(|owner| owner == self.index || !self.attended >> owner & 1 == 1)
    }

    /// Whether to accept from the sockets of this owner; none: of all workers.
    pub(crate) fn accepts(&self, owner: Option<u32>) -> bool {
        match owner {
            Some(owner) if owner != self.index => (!self.attended | self.relieves) >> owner & 1 == 1,
            _ => !self.is_relieved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_a_beat_that_comes_late_is_a_stall_and_one_that_comes_early_is_not() {
        let share = Share::alone().unwrap();
        let stall_us = || share.table.longest_stall_us(share.column);
        share.beat();
        share.beat();
        assert_eq!(stall_us(), 0);
        share.table.beat(share.column, monotonic_ns().saturating_sub(130_000_000));
        share.beat();
        assert!(stall_us() >= 30_000);
    }

    #[test]
    fn a_worker_beats_in_a_column_of_its_own() {
        let first = Share::alone().unwrap();
        let second = Share::take(Arc::clone(&first.table), WorkerSlot::new(1).unwrap(), 1).unwrap();
        second.beat();
        let beats = [&first, &second].map(|share| share.table.heartbeat(share.column).beats);
        assert_eq!(beats, [0, 1]);
        assert!(Share::take(Arc::clone(&first.table), first.column, 0).is_err());
    }
}
