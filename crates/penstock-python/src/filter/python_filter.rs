//! A Python filter as a step of a pipeline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use penstock_proxy::exchange::Exchange;
use penstock_proxy::pipeline::{Filter, Outcome, ResultId, Suspension};
use penstock_proxy::worker::Share;
use penstock_shared::CounterSlot;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::types::{PyAnyMethods, PyString, PyStringMethods, PyTuple, PyTypeMethods};
use pyo3::{Bound, Py, PyAny, PyErr, PyResult, Python};

use super::attached;
use super::fork;
use super::guard::Guard;
use super::interrupt::take_back;
use super::objects::Objects;
use super::on_error::OnError;
use super::report::Reporter;
use super::response::Response;

/// A filter whose code is Python, called on the IO thread.
pub(super) struct PythonFilter {
    pub(super) on_request: Option<Method>,
    pub(super) on_response: Option<Method>,
    pub(super) settings: Settings,
    pub(super) guard: Arc<Guard>,
    pub(super) reporter: Reporter,
    pub(super) health: Health,
    pub(super) overruns: Overruns,
}

/// Where calls that overran are counted.
pub(super) struct Overruns {
    pub(super) share: Share,
    pub(super) slot: CounterSlot,
}

/// What the filter's class says of itself.
pub(super) struct Settings {
    pub(super) results: Vec<String>,
    pub(super) buffers_body: bool,
    pub(super) budget_ms: u32,
    pub(super) on_error: OnError,
}

/// Whether the filter is called at all.
pub(super) struct Health {
    /// Looked at before every call; the rest only after an overrun.
    is_troubled: AtomicBool,
    suspension: Mutex<Suspension>,
    epoch: Instant,
}

/// A bound method of the filter.
pub(super) struct Method(pub(super) Py<PyAny>);

/// Which of the two methods is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Response,
}

impl Filter for PythonFilter {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        self.on_request.as_ref().map_or(Outcome::Continue, |method| self.run(method, Side::Request, exchange))
    }

    fn on_response(&self, exchange: &mut Exchange) -> Outcome {
        self.on_response.as_ref().map_or(Outcome::Continue, |method| self.run(method, Side::Response, exchange))
    }

    fn takes_time(&self) -> bool {
        true
    }

    fn buffers_body(&self) -> bool {
        self.settings.buffers_body
    }
}

impl PythonFilter {
    fn run(&self, method: &Method, side: Side, exchange: &mut Exchange) -> Outcome {
        if !self.health.admits() {
            return self.settings.on_error.apply(exchange);
        }
        match attached::kept(|py| self.call(py, method, side, exchange)) {
            Ok(outcome) => outcome,
            Err(error) => self.failed(error, exchange),
        }
    }

    #[cold]
    fn failed(&self, error: PyErr, exchange: &mut Exchange) -> Outcome {
        Python::attach(|py| {
            self.reporter.report(py, &self.guard, &error);
            // Here, where PyO3 counts the thread as attached.
            drop(error);
        });
        self.settings.on_error.apply(exchange)
    }

    fn call(&self, py: Python<'_>, method: &Method, side: Side, exchange: &mut Exchange) -> PyResult<Outcome> {
        let objects = Objects::take(py)?;
        let arguments = match side {
            Side::Request => &objects.request_arguments,
            Side::Response => &objects.response_arguments,
        };
        let lent = objects.loan.lend(py, exchange, self.settings.buffers_body);
        let returned = self.call_guarded(py, method, arguments.bind(py));
        drop(lent);
        let outcome = returned.and_then(|returned| self.outcome(&returned, side, exchange));
        objects.give_back(py);
        outcome
    }

    fn call_guarded<'py>(
        &self,
        py: Python<'py>,
        method: &Method,
        arguments: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let call = self.guard.begin(self.settings.budget_ms);
        let returned = method.0.bind(py).call1(arguments);
        fork::end_if_child();
        let was_interrupted = self.guard.end(call);
        if was_interrupted {
            take_back(py, &self.guard);
            self.overruns.share.table.counter(self.overruns.slot).add(self.overruns.share.column, 1);
            self.note(self.health.overran());
        } else if self.health.is_troubled.load(Ordering::Relaxed) {
            self.note(self.health.ran_well());
        }
        returned
    }

    /// What the returned value says.
    fn outcome(&self, returned: &Bound<'_, PyAny>, side: Side, exchange: &mut Exchange) -> PyResult<Outcome> {
        if returned.is_none() {
            return Ok(Outcome::Continue);
        }
        if let Ok(response) = returned.cast::<Response>() {
            if let Some(made) = response.get().made() {
                made.answer(exchange);
                return Ok(Outcome::Answer);
            }
            // The answer in hand, changed or not, is what goes out anyway.
            return if side == Side::Response { Ok(Outcome::Continue) } else { Err(not_a_result(returned)) };
        }
        match returned.cast::<PyString>() {
            Ok(result) if side == Side::Request => self.result(&result.to_cow()?),
            _ => Err(not_a_result(returned)),
        }
    }

    fn result(&self, result: &str) -> PyResult<Outcome> {
        let position = self.settings.results.iter().position(|known| known == result);
        match position.and_then(|position| u8::try_from(position).ok()) {
            Some(position) => Ok(Outcome::Result(ResultId(position))),
            None => Err(PyValueError::new_err(format!("returned {result:?}, which is not one of its `results`"))),
        }
    }

    fn note(&self, change: Option<&str>) {
        if let Some(change) = change {
            self.reporter.announce(change);
        }
    }
}

impl Health {
    pub(super) fn new() -> Self {
        Self { is_troubled: AtomicBool::new(false), suspension: Mutex::default(), epoch: Instant::now() }
    }

    fn admits(&self) -> bool {
        !self.is_troubled.load(Ordering::Relaxed) || self.suspension().admits(self.now_ms())
    }

    fn overran(&self) -> Option<&'static str> {
        self.is_troubled.store(true, Ordering::Relaxed);
        let suspended = self.suspension().overran(self.now_ms());
        suspended.then_some("is suspended: it overran its budget again and again; it is tried again in a while")
    }

    fn ran_well(&self) -> Option<&'static str> {
        let now_ms = self.now_ms();
        let mut suspension = self.suspension();
        let recovered = suspension.ran_well();
        if suspension.is_well(now_ms) {
            self.is_troubled.store(false, Ordering::Relaxed);
        }
        recovered.then_some("is called again")
    }

    fn suspension(&self) -> MutexGuard<'_, Suspension> {
        self.suspension.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn not_a_result(returned: &Bound<'_, PyAny>) -> PyErr {
    let of = returned.get_type().name().map_or_else(|_| "something".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!("returned {of}; return None, a Response, or one of `results` from on_request"))
}
