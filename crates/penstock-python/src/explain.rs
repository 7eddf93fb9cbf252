//! `explain`: what a plan does with a request, by the code that serves live traffic.

use penstock_plan::Plan;
use penstock_proxy::worker;
use pyo3::exceptions::PyValueError;
use pyo3::{PyErr, PyResult, pyfunction};

/// Explains what a plan does with an imagined request.
///
/// Shape: both arguments and the answer are JSON; the request has `method`, `url`,
/// `headers` (pairs), and optionally `listener` and `from`.
#[pyfunction]
pub(crate) fn explain(plan_json: &str, request_json: &str) -> PyResult<String> {
    let plan: Plan = serde_json::from_str(plan_json).map_err(|error| refused(&error))?;
    let request: worker::Imagined = serde_json::from_str(request_json).map_err(|error| refused(&error))?;
    let explanation = worker::explain(&plan, &request).map_err(PyValueError::new_err)?;
    serde_json::to_string(&explanation).map_err(|error| refused(&error))
}

fn refused(error: &serde_json::Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}
