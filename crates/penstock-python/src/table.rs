//! The shared table as a supervisor holds it.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use penstock_shared::{GaugeSlot, Heartbeat, Table, WorkerSlot};
use pyo3::exceptions::PyValueError;
use pyo3::{PyResult, Python, pyclass, pymethods};

use crate::numbers::{self, REGIONS, Shown};

/// The shared table: made, or taken over from workers that map it.
#[pyclass(module = "penstock._core", frozen)]
pub(crate) struct SharedTable {
    table: Arc<Table>,
    /// Gauges that may be off by one since a worker died, to be mended when there is a quiet moment.
    /// Held while a worker is settled: that is for one at a time.
    unsettled: Arc<Mutex<Vec<GaugeSlot>>>,
}

#[pymethods]
impl SharedTable {
    /// Makes a new, empty table.
    #[new]
    fn new(boot_id: u64) -> PyResult<Self> {
        Ok(Self::of(Table::create(boot_id)?))
    }

    /// Opens the table behind a descriptor, which is its own from then on.
    #[staticmethod]
    fn open(descriptor: i32, boot_id: u64) -> PyResult<Self> {
        Ok(Self::of(inherited((descriptor, boot_id))?))
    }

    /// The descriptor to hand to workers.
    #[getter]
    fn descriptor(&self) -> i32 {
        self.table.descriptor().as_raw_fd()
    }

    /// What tells it from the tables of other starts.
    #[getter]
    fn boot_id(&self) -> u64 {
        self.table.boot_id()
    }

    /// How many columns a table has.
    #[classattr]
    const COLUMNS: u32 = WorkerSlot::CAPACITY;

    /// The columns in use, and the process that works in each.
    fn workers(&self) -> Vec<(u32, u32)> {
        self.table.workers().map(|worker| (worker.number(), self.table.heartbeat(worker).process)).collect()
    }

    /// Takes out of every gauge what a process that has ended left in its column, and frees it;
    /// a process that has none changes nothing.
    fn settle(&self, py: Python<'_>, process: u32) {
        py.detach(|| self.settle_ended(process));
    }

    /// How many places each region has.
    #[staticmethod]
    fn regions() -> HashMap<&'static str, u32> {
        REGIONS.into()
    }

    /// Counters at some places, or the part of them that was counted in one column.
    #[pyo3(signature = (places, column = None))]
    fn counters(&self, places: Vec<u32>, column: Option<u32>) -> PyResult<Vec<u64>> {
        numbers::counters(&self.table, places, column.map(column_slot).transpose()?)
    }

    /// Gauges at some places, or the part of them that is one column's.
    #[pyo3(signature = (places, column = None))]
    fn gauges(&self, places: Vec<u32>, column: Option<u32>) -> PyResult<Vec<u64>> {
        numbers::gauges(&self.table, places, column.map(column_slot).transpose()?)
    }

    /// Histograms at some places: counts at most each bound that is shown, the count of all, and the sum.
    fn histograms(&self, places: Vec<u32>) -> PyResult<Vec<Shown>> {
        numbers::histograms(&self.table, places)
    }

    /// Whether the breakers at some places of the words are open.
    fn open_breakers(&self, places: Vec<u32>) -> PyResult<Vec<bool>> {
        numbers::open_breakers(&self.table, places)
    }

    /// The longest time for which the loop of the worker in a column is known to have stood still, in microseconds.
    fn longest_stall_us(&self, column: u32) -> PyResult<u64> {
        Ok(self.table.longest_stall_us(column_slot(column)?))
    }

    /// What the worker in a column says of memory: what its process has for itself, how short it is, and what is used
    /// of the limit that is nearest.
    fn memory(&self, column: u32) -> PyResult<(u64, u64, u64, u64)> {
        let told = self.table.memory_told(column_slot(column)?);
        Ok((told.own_bytes, told.level, told.used_bytes, told.limit_bytes))
    }

    /// Among how many nodes a rate that holds for all of them is divided.
    #[getter]
    fn nodes(&self) -> u64 {
        self.table.nodes()
    }

    /// Says among how many.
    fn tell_nodes(&self, count: u64) {
        self.table.tell_nodes(count);
    }

    /// Empties neighbouring places of a region; nobody may count there.
    fn clear(&self, region: &str, first: u32, count: u32) -> PyResult<()> {
        numbers::clear(&self.table, region, first..first.saturating_add(count))
    }
}

impl SharedTable {
    fn of(table: Table) -> Self {
        Self { table: Arc::new(table), unsettled: Arc::default() }
    }

    /// The same table, for a thread without Python.
    pub(crate) fn handle(&self) -> Self {
        Self { table: Arc::clone(&self.table), unsettled: Arc::clone(&self.unsettled) }
    }

    /// The table itself.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// The signs of life of all workers.
    pub(crate) fn heartbeats(&self) -> impl Iterator<Item = Heartbeat> {
        self.table.workers().map(|worker| self.table.heartbeat(worker))
    }

    /// Settles the column of a process that has ended, if it has one.
    pub(crate) fn settle_ended(&self, process: u32) {
        let mut unsettled = self.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
        let columns: Vec<_> = self.table.workers().collect();
        for worker in columns.into_iter().filter(|worker| self.table.heartbeat(*worker).process == process) {
            unsettled.extend(self.table.settle_dead_worker(worker));
        }
        unsettled.retain(|gauge| !self.table.gauge(*gauge).mend());
    }
}

/// The table behind a descriptor that this process was given.
///
/// # Errors
/// It is no table of this layout and boot.
pub(crate) fn inherited((descriptor, boot_id): (i32, u64)) -> io::Result<Table> {
    // SAFETY: whoever names the descriptor hands it over; nobody else in this process uses it.
    let given = unsafe { OwnedFd::from_raw_fd(descriptor) };
    // The copy is closed on exec; what came through one is not.
    Table::open(given.as_fd().try_clone_to_owned()?, boot_id)
}

/// The column with a number.
pub(crate) fn column_slot(number: u32) -> PyResult<WorkerSlot> {
    WorkerSlot::new(number).ok_or_else(|| PyValueError::new_err(format!("the table has no column {number}")))
}
