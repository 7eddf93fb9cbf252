//! Watches the workers from a native thread, which goes on whatever the supervisor's Python does.

mod crew;
mod look;
mod report;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use penstock_shared::watch::{Patience, TURN_MS, Watch};
use pyo3::{PyResult, pyclass, pymethods};

use crate::table::SharedTable;
use crew::Crew;

/// The watch over the workers of one supervisor: it settles those that have ended, writes down what
/// those do that stand still, and ends them when that has lasted too long.
#[pyclass(module = "penstock._core", frozen)]
pub(crate) struct Keeper {
    crew: Arc<Crew>,
}

#[pymethods]
impl Keeper {
    /// Begins to watch; a worker that stands still for so long is ended.
    #[new]
    fn new(table: &SharedTable, silent_ms: u64) -> PyResult<Self> {
        let crew = Arc::new(Crew::new(table.handle()));
        let watched = Arc::clone(&crew);
        thread::Builder::new().name("keeper".to_owned()).spawn(move || {
            // Whatever goes wrong in a turn, the watch goes on.
            while catch_unwind(AssertUnwindSafe(|| keep(&watched, Patience::of(silent_ms)))).is_err() {}
        })?;
        Ok(Self { crew })
    }

    /// Watches a process that has been started as a worker, and that nobody has waited for yet.
    fn watch(&self, process: u32, index: u32) -> io::Result<()> {
        self.crew.watch(process, index)
    }

    /// Watches a process no more; whether it was ended for standing still.
    fn forget(&self, process: u32) -> bool {
        self.crew.forget(process)
    }

    /// How often a worker has missed its beats for 200 ms or longer.
    #[getter]
    fn lags(&self) -> u64 {
        self.crew.lags.load(Relaxed)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.crew.is_over.store(true, Relaxed);
    }
}

fn keep(crew: &Crew, patience: Patience) {
    let mut watch = Watch::new(patience);
    let mut before = Instant::now();
    while !crew.is_over.load(Relaxed) {
        thread::sleep(Duration::from_millis(TURN_MS));
        let passed_ms = before.elapsed().as_millis() as u64;
        before = Instant::now();
        let members = crew.settle_ended();
        crew.look_at_memory();
        for (process, silence_ms, verdict) in watch.turn(passed_ms, &crew.sights(&members), look::busy_ms) {
            if let Some(member) = members.iter().find(|member| member.process == process) {
                crew.act(member, silence_ms, verdict);
            }
        }
    }
}
