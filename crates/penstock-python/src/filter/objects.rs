//! The Python objects that one thread lends to filters, made once and used for every call.

use std::cell::Cell;
use std::sync::Arc;

use pyo3::types::PyTuple;
use pyo3::{Py, PyResult, Python};

use super::loan::Loan;
use super::references::references;
use super::request::Request;
use super::response::Response;

/// A request, a response, and the arguments that hold them.
pub(super) struct Objects {
    pub(super) loan: Arc<Loan>,
    request: Py<Request>,
    response: Py<Response>,
    pub(super) request_arguments: Py<PyTuple>,
    pub(super) response_arguments: Py<PyTuple>,
    /// References when nobody else holds any of them.
    references: isize,
}

thread_local!(static KEPT: Cell<Option<Box<Objects>>> = const { Cell::new(None) });

impl Objects {
    /// The objects of this thread, taken for one call.
    pub(super) fn take(py: Python<'_>) -> PyResult<Box<Self>> {
        match KEPT.take() {
            Some(kept) => Ok(kept),
            None => Ok(Box::new(Self::new(py)?)),
        }
    }

    /// Keeps them for the next call, unless a filter kept one: what it holds must never show
    /// another request.
    pub(super) fn give_back(self: Box<Self>, py: Python<'_>) {
        if self.count(py) == self.references {
            KEPT.set(Some(self));
        }
    }

    fn new(py: Python<'_>) -> PyResult<Self> {
        let loan = Arc::new(Loan::new());
        let request = Py::new(py, Request::new(py, &loan)?)?;
        let response = Py::new(py, Response::lent(py, &loan)?)?;
        let request_arguments = PyTuple::new(py, [&request])?.unbind();
        let response_arguments = PyTuple::new(py, [request.bind(py).as_any(), response.bind(py).as_any()])?.unbind();
        let mut objects = Self { loan, request, response, request_arguments, response_arguments, references: 0 };
        objects.references = objects.count(py);
        Ok(objects)
    }

    fn count(&self, py: Python<'_>) -> isize {
        references(py, &self.request)
            + references(py, &self.response)
            + references(py, &self.request_arguments)
            + references(py, &self.response_arguments)
            + self.request.get().references(py)
            + self.response.get().references(py)
    }
}
