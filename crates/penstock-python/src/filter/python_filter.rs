//! A Python filter as a step of a pipeline.

use std::sync::Arc;

use penstock_proxy::exchange::Exchange;
use penstock_proxy::pipeline::{Filter, Outcome, ResultId};
use penstock_shared::breaker::Permit;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::types::{PyAnyMethods, PyString, PyStringMethods, PyTuple, PyTypeMethods};
use pyo3::{Bound, Py, PyAny, PyErr, PyResult, Python};

use super::attached;
use super::fork;
use super::guard::Guard;
use super::health::Health;
use super::interrupt::take_back;
use super::objects::Objects;
use super::on_error::OnError;
use super::report::Reporter;
use super::response::Response;

/// What is said of a filter that is no longer called.
const SUSPENDED: &str = "is suspended: it overran its budget again and again; it is tried again in a while";

/// A filter whose code is Python, called on the IO thread.
pub(super) struct PythonFilter {
    pub(super) on_request: Option<Method>,
    pub(super) on_response: Option<Method>,
    pub(super) settings: Settings,
    pub(super) guard: Arc<Guard>,
    pub(super) reporter: Reporter,
    pub(super) health: Health,
}

/// What the filter's class says of itself.
pub(super) struct Settings {
    pub(super) results: Vec<String>,
    pub(super) buffers_body: bool,
    pub(super) budget_ms: u32,
    pub(super) on_error: OnError,
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

    fn buffers_body(&self, _: &Exchange) -> bool {
        self.settings.buffers_body
    }
}

impl PythonFilter {
    fn run(&self, method: &Method, side: Side, exchange: &mut Exchange) -> Outcome {
        let Some(permit) = self.health.admits() else { return self.settings.on_error.apply(exchange) };
        self.health.called();
        match attached::kept(|py| self.call(py, (method, side), permit, exchange)) {
            Ok(outcome) => outcome,
            Err(error) => self.failed(error, exchange),
        }
    }

    #[cold]
    fn failed(&self, error: PyErr, exchange: &mut Exchange) -> Outcome {
        self.health.failed();
        Python::attach(|py| {
            self.reporter.report(py, &self.guard, &error, exchange);
            // Here, where PyO3 counts the thread as attached.
            drop(error);
        });
        self.settings.on_error.apply(exchange)
    }

    fn call(
        &self,
        py: Python<'_>,
        (method, side): (&Method, Side),
        permit: Permit,
        exchange: &mut Exchange,
    ) -> PyResult<Outcome> {
        let objects = Objects::take(py)?;
        let arguments = match side {
            Side::Request => &objects.request_arguments,
            Side::Response => &objects.response_arguments,
        };
        let lent = objects.loan.lend(py, exchange, self.settings.buffers_body);
        let returned = self.call_guarded(method, arguments.bind(py), permit);
        drop(lent);
        let outcome = returned.and_then(|returned| self.outcome(&returned, side, exchange));
        objects.give_back(py);
        outcome
    }

    fn call_guarded<'py>(
        &self,
        method: &Method,
        arguments: &Bound<'py, PyTuple>,
        permit: Permit,
    ) -> PyResult<Bound<'py, PyAny>> {
        let call = self.guard.begin(self.settings.budget_ms, self.health.charge(permit));
        let returned = method.0.bind(arguments.py()).call1(arguments);
        fork::end_if_child();
        if self.guard.end(call) {
            take_back(arguments.py());
            if self.health.overran(permit) {
                self.reporter.announce(SUSPENDED);
            }
        } else if self.health.ran_well(permit) {
            self.reporter.announce("is called again");
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
}

fn not_a_result(returned: &Bound<'_, PyAny>) -> PyErr {
    let of = returned.get_type().name().map_or_else(|_| "something".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!("returned {of}; return None, a Response, or one of `results` from on_request"))
}
