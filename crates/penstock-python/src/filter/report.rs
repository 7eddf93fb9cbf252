//! Says what went wrong in a filter, at most once a second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use penstock_proxy::exchange::Exchange;
use pyo3::types::PyAnyMethods;
use pyo3::{Py, PyAny, PyErr, Python};

use super::guard::Guard;
use super::health::Charge;
use super::interrupt::take_back;
use super::log::LogSender;
use crate::said::Level;

/// Time between two reports about one filter.
const PERIOD: Duration = Duration::from_secs(1);
/// Time that the text of an exception may take: a filter's own `__str__` may run in it.
const BUDGET_MS: u32 = 100;

/// Reports about one filter.
pub(super) struct Reporter {
    name: String,
    /// Python's side: from an exception to text with the filter's own frames.
    describe: Py<PyAny>,
    log: LogSender,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    reported: Option<Instant>,
    unsaid: u64,
}

impl Reporter {
    pub(super) fn new(name: String, describe: Py<PyAny>, log: LogSender) -> Self {
        Self { name, describe, log, recent: Mutex::default() }
    }

    /// Reports an exception, and with which request it came.
    pub(super) fn report(&self, py: Python<'_>, guard: &Guard, error: &PyErr, exchange: &Exchange) {
        let Some(unsaid) = self.may_speak() else { return };
        let call = guard.begin(BUDGET_MS, Charge::default());
        let text = self
            .describe
            .bind(py)
            .call1((error.value(py), error.traceback(py)))
            .and_then(|text| text.extract::<String>());
        if guard.end(call) {
            take_back(py);
        }
        let text = text.unwrap_or_else(|_| "an exception that cannot be shown".to_owned());
        let more = if unsaid == 0 { String::new() } else { format!(" ({unsaid} more since the last report)") };
        let route = exchange.route.as_deref().map_or("none", |route| &*route.name);
        let request = format!("  request {}, route {route}", exchange.request.id);
        self.log.send(Level::Error, &format!("filter {} failed{more}: {}\n{request}", self.name, text.trim_end()));
    }

    /// Says that the filter is suspended, or well again.
    pub(super) fn announce(&self, what: &str) {
        self.log.send(Level::Warning, &format!("filter {} {what}", self.name));
    }

    /// How many reports were left out, if it is time for one.
    fn may_speak(&self) -> Option<u64> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.reported.is_some_and(|at| at.elapsed() < PERIOD) {
            recent.unsaid += 1;
            return None;
        }
        recent.reported = Some(Instant::now());
        Some(std::mem::take(&mut recent.unsaid))
    }
}
