//! What the shared table has counted, as Python reads it: many numbers with one call.

use penstock_proxy::telemetry::{BOUNDS_US, REASONS, kinds};
use penstock_shared::breaker::is_open;
use penstock_shared::{CounterSlot, GaugeSlot, HistogramSlot, Table, WordSlot, WorkerSlot};
use pyo3::exceptions::PyValueError;
use pyo3::{PyErr, PyResult, pyfunction};
use serde_json::json;

/// What the core counts: every kind of subject with its measures in the order of their places, and
/// the upper bounds of durations that are shown, in microseconds.
#[pyfunction]
pub(crate) fn measures() -> PyResult<String> {
    let measures = json!({"kinds": kinds(), "bounds_us": BOUNDS_US});
    serde_json::to_string(&measures).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Why the gateway itself refuses a request or gives it up: a list of reason, status, blame and meaning.
#[pyfunction]
pub(crate) fn reasons() -> PyResult<String> {
    serde_json::to_string(REASONS).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Regions of the table and how many places each has.
pub(crate) const REGIONS: [(&str, u32); 4] = [
    ("counters", CounterSlot::CAPACITY),
    ("gauges", GaugeSlot::CAPACITY),
    ("histograms", HistogramSlot::CAPACITY),
    ("words", WordSlot::CAPACITY),
];

/// Counters at some places: the sums, or one worker's part of them.
pub(crate) fn counters(table: &Table, places: Vec<u32>, worker: Option<WorkerSlot>) -> PyResult<Vec<u64>> {
    let read = |slot| {
        let counter = table.counter(slot);
        worker.map_or_else(|| counter.sum(), |worker| counter.part_of(worker))
    };
    places.into_iter().map(|place| CounterSlot::new(place).map(read).ok_or_else(|| no_place(place))).collect()
}

/// Gauges at some places: their values, or one worker's part of them.
pub(crate) fn gauges(table: &Table, places: Vec<u32>, worker: Option<WorkerSlot>) -> PyResult<Vec<u64>> {
    let read = |slot| {
        let gauge = table.gauge(slot);
        worker.map_or_else(|| gauge.value(), |worker| gauge.part_of(worker))
    };
    places.into_iter().map(|place| GaugeSlot::new(place).map(read).ok_or_else(|| no_place(place))).collect()
}

/// A histogram as it is shown: how many values were at most each bound, how many there were, and their sum.
pub(crate) type Shown = (Vec<u64>, u64, u64);

/// Histograms at some places.
pub(crate) fn histograms(table: &Table, places: Vec<u32>) -> PyResult<Vec<Shown>> {
    let read = |slot| {
        let merged = table.histogram(slot).merged();
        (BOUNDS_US.iter().map(|bound| merged.count_at_most(*bound)).collect(), merged.count(), merged.sum())
    };
    places.into_iter().map(|place| HistogramSlot::new(place).map(read).ok_or_else(|| no_place(place))).collect()
}

/// Whether the breakers at some places are open.
pub(crate) fn open_breakers(table: &Table, places: Vec<u32>) -> PyResult<Vec<bool>> {
    let read = |slot| is_open(table.word(slot));
    places.into_iter().map(|place| WordSlot::new(place).map(read).ok_or_else(|| no_place(place))).collect()
}

/// Empties some neighbouring places of a region for another use.
pub(crate) fn clear(table: &Table, region: &str, places: std::ops::Range<u32>) -> PyResult<()> {
    for place in places {
        match region {
            "counters" => CounterSlot::new(place).map(|slot| table.counter(slot).clear()),
            "gauges" => GaugeSlot::new(place).map(|slot| table.gauge(slot).clear()),
            "histograms" => HistogramSlot::new(place).map(|slot| table.histogram(slot).clear()),
            "words" => WordSlot::new(place).map(|slot| table.word(slot).store(0, std::sync::atomic::Ordering::Relaxed)),
            _ => None,
        }
        .ok_or_else(|| no_place(place))?;
    }
    Ok(())
}

fn no_place(place: u32) -> PyErr {
    PyValueError::new_err(format!("the table has no place {place} there"))
}
