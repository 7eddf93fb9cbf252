//! The request as a Python filter sees it.

use std::sync::Arc;

use penstock_proxy::exchange::{AddressText, Exchange};
use pyo3::exceptions::PyRuntimeError;
use pyo3::types::{PyBytes, PyString};
use pyo3::{Bound, Py, PyResult, Python, pyclass, pymethods};

use super::field::value_text;
use super::fields::Fields;
use super::headers::Headers;
use super::loan::Loan;
use super::references::references;
use super::source::Source;
use super::tls::Tls;
use super::values::Values;

/// The request that a filter was called for, lent for the length of the call.
///
/// One that was kept raises `RuntimeError` later: copy what you need.
#[pyclass(frozen, module = "penstock.sdk")]
pub(super) struct Request {
    loan: Arc<Loan>,
    /// The headers.
    #[pyo3(get)]
    headers: Py<Headers>,
    /// The parameters of the route's path, decoded.
    #[pyo3(get)]
    params: Py<Values>,
    /// The parameters of the query, decoded.
    #[pyo3(get)]
    query: Py<Values>,
    /// The cookies, decoded.
    #[pyo3(get)]
    cookies: Py<Values>,
}

impl Request {
    /// A request that shows whatever the loan holds.
    pub(super) fn new(py: Python<'_>, loan: &Arc<Loan>) -> PyResult<Self> {
        let values = |source: fn(Arc<Loan>) -> Source| Py::new(py, Values::of(source(Arc::clone(loan))));
        Ok(Self {
            loan: Arc::clone(loan),
            headers: Headers::of(py, Fields::Request(Arc::clone(loan)))?,
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
        self.loan.with(py, |exchange| Ok(PyString::new(py, of(exchange))))
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
        self.loan.with(py, |exchange| value_text(py, AddressText::of(exchange.request.client.ip).as_bytes()))
    }

    /// The enciphered connection that it came by; `None`: it came in clear text.
    #[getter]
    fn tls(&self, py: Python<'_>) -> PyResult<Option<Tls>> {
        self.loan.with(py, |exchange| Ok(exchange.request.session.as_ref().map(Tls::of)))
    }

    /// The whole body; filters with `buffers_body = True` may read and replace it.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.loan.with(py, |exchange| {
            self.check_body()?;
            Ok(PyBytes::new(py, exchange.buffered_body.as_deref().unwrap_or_default()))
        })
    }

    #[setter]
    fn set_body(&self, py: Python<'_>, body: &[u8]) -> PyResult<()> {
        self.loan.with(py, |exchange| {
            self.check_body()?;
            exchange.buffered_body = Some(body.to_vec());
            Ok(())
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.loan.with(py, |exchange| {
            let request = &exchange.request;
            Ok(format!("<Request {} {}{}>", request.method_text(), request.host, request.path))
        })
    }
}
