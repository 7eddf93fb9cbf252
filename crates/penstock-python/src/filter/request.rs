//! The request as a Python filter sees it.

use std::sync::Arc;

use penstock_proxy::exchange::Exchange;
use pyo3::exceptions::PyRuntimeError;
use pyo3::types::{PyBytes, PyString};
use pyo3::{Bound, Py, PyResult, Python, pyclass, pymethods};

use super::headers::{Headers, Side};
use super::loan::Loan;
use super::references::references;
use super::values::{Source, Values};

/// The request that a filter was called for, lent for the length of the call.
///
/// One that was kept raises `RuntimeError` later: copy what you need.
#[pyclass(frozen, module = "penstock.sdk")]
pub(super) struct Request {
    loan: Arc<Loan>,
    headers: Py<Headers>,
    params: Py<Values>,
    query: Py<Values>,
    cookies: Py<Values>,
}

impl Request {
    /// A request that shows whatever the loan holds.
    pub(super) fn new(py: Python<'_>, loan: &Arc<Loan>) -> PyResult<Self> {
        let values = |source| Py::new(py, Values::new(Arc::clone(loan), source));
        Ok(Self {
            loan: Arc::clone(loan),
            headers: Py::new(py, Headers::new(Side::Request(Arc::clone(loan))))?,
            params: values(Source::Params)?,
            query: values(Source::Query)?,
            cookies: values(Source::Cookies)?,
        })
    }

    /// How often its parts are referred to: one that a filter kept shows here.
    pub(super) fn references(&self, py: Python<'_>) -> isize {
        let [params, query, cookies] = [&self.params, &self.query, &self.cookies].map(|values| references(py, values));
        references(py, &self.headers) + params + query + cookies
    }

    fn text<'py>(&self, py: Python<'py>, of: impl FnOnce(&Exchange) -> &str) -> PyResult<Bound<'py, PyString>> {
        self.loan.with(|exchange| Ok(PyString::new(py, of(exchange))))
    }

    fn check_body(&self) -> PyResult<()> {
        let message = "the body streams past: write `buffers_body = True` in the filter's class";
        if self.loan.reads_body() { Ok(()) } else { Err(PyRuntimeError::new_err(message)) }
    }
}

#[pymethods]
impl Request {
    /// The method, as it came: `GET`.
    #[getter]
    fn method<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.text(py, |exchange| exchange.request.method_text())
    }

    /// The path, normalised and still encoded, without the query.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.text(py, |exchange| &exchange.request.path)
    }

    /// The host, in lower case and without the port.
    #[getter]
    fn host<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.text(py, |exchange| &exchange.request.host)
    }

    /// The id of the request, which the access log and the upstream see too.
    #[getter]
    fn id<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.text(py, |exchange| &exchange.request.id)
    }

    /// The name of the chosen route; empty before routing.
    #[getter]
    fn route<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.text(py, |exchange| exchange.route.as_ref().map_or("", |route| &route.name))
    }

    /// The client's address: the peer's, or what trusted proxies said.
    #[getter]
    fn client_ip<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.loan.with(|exchange| Ok(PyString::new(py, &exchange.request.client.ip.to_string())))
    }

    /// The headers.
    #[getter]
    fn headers(&self, py: Python<'_>) -> Py<Headers> {
        self.headers.clone_ref(py)
    }

    /// The parameters of the route's path, decoded.
    #[getter]
    fn params(&self, py: Python<'_>) -> Py<Values> {
        self.params.clone_ref(py)
    }

    /// The parameters of the query, decoded.
    #[getter]
    fn query(&self, py: Python<'_>) -> Py<Values> {
        self.query.clone_ref(py)
    }

    /// The cookies, decoded.
    #[getter]
    fn cookies(&self, py: Python<'_>) -> Py<Values> {
        self.cookies.clone_ref(py)
    }

    /// The whole body; filters with `buffers_body = True` may read and replace it.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.loan.with(|exchange| {
            self.check_body()?;
            Ok(PyBytes::new(py, exchange.buffered_body.as_deref().unwrap_or_default()))
        })
    }

    #[setter]
    fn set_body(&self, body: &[u8]) -> PyResult<()> {
        self.loan.with(|exchange| {
            self.check_body()?;
            exchange.buffered_body = Some(body.to_vec());
            Ok(())
        })
    }

    fn __repr__(&self) -> PyResult<String> {
        self.loan.with(|exchange| {
            let request = &exchange.request;
            Ok(format!("<Request {} {}{}>", request.method_text(), request.host, request.path))
        })
    }
}
