//! An answer as a Python filter makes it, or sees the one on its way out.

use std::sync::Arc;

use penstock_proxy::exchange::{Answer, Exchange, LocalBody, Name};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::types::{PyAnyMethods, PyBytes, PyBytesMethods, PyString, PyStringMethods, PyTypeMethods};
use pyo3::{Bound, Py, PyAny, PyResult, Python, pyclass, pymethods};

use super::fields::Fields;
use super::headers::Headers;
use super::loan::Loan;
use super::made::{Made, SharedMade};
use super::references::references;

/// Final statuses; an interim one is no answer.
const STATUSES: std::ops::RangeInclusive<u16> = 200..=599;

/// An answer: one that a filter makes, or the one in hand, lent for the length of the call.
#[pyclass(frozen, module = "penstock.sdk")]
pub(super) struct Response {
    state: State,
    /// The headers.
    #[pyo3(get)]
    headers: Py<Headers>,
}

enum State {
    Made(SharedMade),
    Lent(Arc<Loan>),
}

impl Response {
    /// A response that shows the answer of whatever the loan holds.
    pub(super) fn lent(py: Python<'_>, loan: &Arc<Loan>) -> PyResult<Self> {
        let headers = Headers::of(py, Fields::Response(Arc::clone(loan)))?;
        Ok(Self { state: State::Lent(Arc::clone(loan)), headers })
    }

    /// The answer that it stands for, if a filter made it.
    pub(super) fn made(&self) -> Option<SharedMade> {
        match &self.state {
            State::Made(made) => Some(made.clone()),
            State::Lent(_) => None,
        }
    }

    /// How often its parts are referred to: one that a filter kept shows here.
    pub(super) fn references(&self, py: Python<'_>) -> isize {
        references(py, &self.headers)
    }
}

#[pymethods]
impl Response {
    #[new]
    #[pyo3(signature = (status, *, headers = None, body = None))]
    fn new(
        py: Python<'_>,
        status: u16,
        headers: Option<&Bound<'_, PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let made = SharedMade::new(Made { status: checked_status(status)?, ..Made::default() });
        let fields = Fields::Made(made.clone());
        if let Some(headers) = headers {
            add_headers(&fields, headers)?;
        }
        if let Some(body) = body {
            let (bytes, mut made) = (body_bytes(body)?, made.lock());
            let is_text = body.is_instance_of::<PyString>() && !bytes.is_empty();
            if is_text && made.head.first(Name::CONTENT_TYPE).is_none() {
                made.head.add_known(Name::CONTENT_TYPE, b"text/plain; charset=utf-8");
            }
            made.body = bytes.into();
        }
        Ok(Self { headers: Headers::of(py, fields)?, state: State::Made(made) })
    }

    /// The status.
    #[getter]
    fn status(&self, py: Python<'_>) -> PyResult<u16> {
        match &self.state {
            State::Made(made) => Ok(made.lock().status),
            State::Lent(loan) => loan.with(py, |exchange| Ok(exchange.response.status)),
        }
    }

    #[setter]
    fn set_status(&self, py: Python<'_>, status: u16) -> PyResult<()> {
        let status = checked_status(status)?;
        match &self.state {
            State::Made(made) => made.lock().status = status,
            State::Lent(loan) => loan.with(py, |exchange| {
                exchange.response.status = status;
                Ok(())
            })?,
        }
        Ok(())
    }

    /// The body, where the gateway made the answer; one that an upstream sends streams past.
    /// It may be replaced in any case, by text or bytes.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        match &self.state {
            State::Made(made) => Ok(PyBytes::new(py, &made.lock().body)),
            State::Lent(loan) => loan.with(py, |exchange| Ok(PyBytes::new(py, local_body(exchange)?))),
        }
    }

    #[setter]
    fn set_body(&self, body: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, body) = (body.py(), body_bytes(body)?);
        match &self.state {
            State::Made(made) => made.lock().body = body.into(),
            State::Lent(loan) => loan.with(py, |exchange| {
                exchange.answer = Answer::Local(LocalBody::Owned(body));
                Ok(())
            })?,
        }
        Ok(())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Response {}>", self.status(py)?))
    }
}

fn local_body(exchange: &Exchange) -> PyResult<&[u8]> {
    match &exchange.answer {
        Answer::Local(body) => Ok(body.bytes()),
        Answer::None | Answer::Upstream => Err(PyRuntimeError::new_err("the upstream's body streams past")),
    }
}

fn checked_status(status: u16) -> PyResult<u16> {
    if STATUSES.contains(&status) {
        return Ok(status);
    }
    Err(PyValueError::new_err(format!("{status} is no status of an answer: write one from 200 to 599")))
}

fn body_bytes(body: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(text) = body.cast::<PyString>() {
        return Ok(text.to_cow()?.as_bytes().to_vec());
    }
    if let Ok(bytes) = body.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    Err(PyTypeError::new_err(format!("a body is text or bytes, not {}", body.get_type().name()?)))
}

/// Headers from a mapping, or from pairs, in which a name may come again.
fn add_headers(fields: &Fields, headers: &Bound<'_, PyAny>) -> PyResult<()> {
    let pairs = if headers.hasattr("items")? { headers.call_method0("items")? } else { headers.clone() };
    for pair in pairs.try_iter()? {
        let (name, value): (Bound<'_, PyString>, Bound<'_, PyString>) = pair?.extract()?;
        fields.add(&name, &value)?;
    }
    Ok(())
}
