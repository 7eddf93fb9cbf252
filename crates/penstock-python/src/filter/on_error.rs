//! What becomes of a request whose filter failed.

use penstock_proxy::exchange::Exchange;
use penstock_proxy::pipeline::Outcome;
use pyo3::exceptions::PyTypeError;
use pyo3::types::{PyAnyMethods, PyString, PyStringMethods};
use pyo3::{Bound, PyAny, PyResult};

use super::made::{Made, SharedMade};
use super::response::Response;

/// Word for log and counter, the same as for a native filter.
const REASON: &str = "filter_failed";

/// What a filter's `on_error` says.
pub(super) enum OnError {
    /// The gateway's own 500.
    Fail,
    /// The pipeline goes on as if the filter had done nothing.
    Continue,
    /// This answer.
    Answer(SharedMade),
}

impl OnError {
    /// Reads the attribute: a status, `"continue"`, or a `Response`.
    ///
    /// # Errors
    /// `TypeError` if it is neither.
    pub(super) fn read(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(word) = value.cast::<PyString>()
            && word.to_cow()? == "continue"
        {
            return Ok(Self::Continue);
        }
        if let Some(made) = value.cast::<Response>().ok().and_then(|response| response.get().made()) {
            return Ok(Self::Answer(made));
        }
        match value.extract::<u16>() {
            Ok(500) => Ok(Self::Fail),
            Ok(status @ 200..=599) => Ok(Self::Answer(SharedMade::new(Made { status, ..Made::default() }))),
            _ => Err(PyTypeError::new_err("on_error is a status from 200 to 599, \"continue\", or a Response")),
        }
    }

    /// Does what it says.
    pub(super) fn apply(&self, exchange: &mut Exchange) -> Outcome {
        match self {
            Self::Fail => Outcome::Failed,
            Self::Continue => Outcome::Continue,
            Self::Answer(made) => {
                made.answer(exchange);
                exchange.reason = REASON;
                Outcome::Answer
            }
        }
    }
}
