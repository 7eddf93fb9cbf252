//! A worker's share of the table that all workers of a gateway have in common.

use std::io;
use std::sync::Arc;

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

    /// Says that the worker's loop turns.
    pub(crate) fn beat(&self) {
        self.table.beat(self.column, monotonic_ns());
    }

    /// Says whether this worker accepts from its listening sockets; while it does not, its neighbours do.
    pub(crate) fn set_accepting(&self, is_accepting: bool) {
        self.table.set_accepting(self.column, is_accepting.then_some(self.index));
    }

    /// Whose listening sockets are accepted from, one bit for each index.
    pub(crate) fn attended(&self) -> u64 {
        self.table.attended(monotonic_ns(), process::is_gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
