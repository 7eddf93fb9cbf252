//! `Explainer`: what a plan does with requests, by the code that serves live traffic.

use penstock_plan::Plan;
use penstock_proxy::routing::RouteVerdict;
use penstock_proxy::worker;
use pyo3::exceptions::PyValueError;
use pyo3::{PyErr, PyResult, Python, pyclass, pymethods};

/// Conditions of which a route that fails on them is for another request altogether.
const ELSEWHERE: [&str; 2] = ["host", "path"];

/// A plan, built once, that is asked about many requests.
#[pyclass(module = "penstock._core", frozen)]
pub(crate) struct Explainer(worker::Explainer);

#[pymethods]
impl Explainer {
    /// Builds a plan, which is JSON.
    #[new]
    fn new(py: Python<'_>, plan_json: &str) -> PyResult<Self> {
        let plan: Plan = serde_json::from_str(plan_json).map_err(|error| refused(&error))?;
        py.detach(|| worker::Explainer::new(plan)).map(Self).map_err(PyValueError::new_err)
    }

    /// Explains what the plan does with an imagined request.
    ///
    /// Shape: the argument and the answer are JSON; the request has `method`, `url`, `headers` (pairs), and
    /// optionally `listener` and `from`. With `is_near`, routes for other hosts and paths are left out.
    #[pyo3(signature = (request_json, is_near = false))]
    fn explain(&self, py: Python<'_>, request_json: &str, is_near: bool) -> PyResult<String> {
        let request: worker::Imagined = serde_json::from_str(request_json).map_err(|error| refused(&error))?;
        let mut explained = py.detach(|| self.0.explain(&request)).map_err(PyValueError::new_err)?;
        if is_near {
            explained.routes.retain(|route| {
                route.verdict != RouteVerdict::Rejected
                    || !route.failed.as_ref().is_some_and(|failed| ELSEWHERE.contains(&failed.condition))
            });
        }
        serde_json::to_string(&explained).map_err(|error| refused(&error))
    }
}

fn refused(error: &serde_json::Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}
