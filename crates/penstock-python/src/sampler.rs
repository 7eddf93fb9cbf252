//! Reads the shared table every second on a native thread, so that the last minutes can be told.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use penstock_proxy::telemetry::{Statistics, Watched};
use pyo3::{PyResult, Python, pyclass, pymethods};

use crate::table::SharedTable;

const TURN: Duration = Duration::from_secs(1);

/// What is told of a histogram: how many values, their sum in milliseconds, and the quantiles that were asked for, in
/// microseconds.
type Spread = (u64, u64, Vec<u64>);

/// What was counted in the last quarter of an hour.
#[pyclass(module = "penstock._core", frozen)]
pub(crate) struct Sampler {
    sampling: Arc<Sampling>,
}

struct Sampling {
    table: SharedTable,
    began: Instant,
    statistics: Mutex<Statistics>,
    is_over: AtomicBool,
}

#[pymethods]
impl Sampler {
    /// Begins to read.
    #[new]
    fn new(table: &SharedTable) -> PyResult<Self> {
        let sampling = Arc::new(Sampling {
            table: table.handle(),
            began: Instant::now(),
            statistics: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let sampled = Arc::clone(&sampling);
        thread::Builder::new().name("sampler".to_owned()).spawn(move || {
            // Whatever goes wrong in a turn, the next one comes.
            while catch_unwind(AssertUnwindSafe(|| sample(&sampled))).is_err() {}
        })?;
        Ok(Self { sampling })
    }

    /// Watches subjects, and none else: the first counter of each and how many, the first histogram and how many.
    fn watch(&self, py: Python<'_>, subjects: Vec<(u32, u32, u32, u32)>) {
        let watched: Vec<Watched> = subjects
            .into_iter()
            .map(|(counter, counters, histogram, histograms)| Watched {
                counters: (counter, counters),
                histograms: (histogram, histograms),
            })
            .collect();
        py.detach(|| self.sampling.statistics().watch(self.sampling.table.table(), &watched));
    }

    /// What was counted in the last so many milliseconds: how long that really is, counters that have grown by place,
    /// and histograms by place with the quantiles at some shares.
    fn window(
        &self,
        py: Python<'_>,
        window_ms: u64,
        shares: Vec<f64>,
    ) -> (u64, HashMap<u32, u64>, HashMap<u32, Spread>) {
        py.detach(move || {
            let sampling = &self.sampling;
            let window = sampling.statistics().window(sampling.table.table(), sampling.now_ms(), window_ms);
            let told = window.histograms.iter().map(|(place, spread)| {
                let quantiles = shares.iter().filter_map(|share| spread.quantile(*share)).collect();
                (*place, (spread.count(), spread.sum_thousands, quantiles))
            });
            (window.span_ms, window.counters.iter().map(|(place, grown)| (*place, *grown)).collect(), told.collect())
        })
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.sampling.is_over.store(true, Ordering::Relaxed);
    }
}

impl Sampling {
    fn statistics(&self) -> MutexGuard<'_, Statistics> {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }
}

fn sample(sampling: &Sampling) {
    while !sampling.is_over.load(Ordering::Relaxed) {
        sampling.statistics().read(sampling.table.table(), sampling.now_ms());
        thread::sleep(TURN);
    }
}
