//! The headers of a request or of an answer, as a mapping that can be changed.

use pyo3::exceptions::PyKeyError;
use pyo3::{Py, PyClassInitializer, PyResult, Python, pyclass, pymethods};

use super::fields::Fields;
use super::source::{Source, Text};
use super::values::Values;

/// Headers by name, in any case; of repeated ones `[]` gives the first and `get_all` all.
///
/// Text is latin-1. Names and values that would break a message raise `ValueError`, and so
/// do the headers that the gateway writes itself, such as `Content-Length`.
#[pyclass(frozen, extends = Values, module = "penstock.sdk", mapping)]
pub(super) struct Headers(Fields);

impl Headers {
    /// The object that shows these headers.
    pub(super) fn of(py: Python<'_>, fields: Fields) -> PyResult<Py<Self>> {
        let values = Values::of(Source::Fields(fields.clone()));
        Py::new(py, PyClassInitializer::from(values).add_subclass(Self(fields)))
    }
}

#[pymethods]
impl Headers {
    fn __setitem__(&self, name: &Text<'_>, value: &Text<'_>) -> PyResult<()> {
        self.0.set(name, value)
    }

    fn __delitem__(&self, name: &Text<'_>) -> PyResult<()> {
        if self.0.remove(name)? { Ok(()) } else { Err(PyKeyError::new_err(name.clone().unbind())) }
    }

    /// Gives a name this value and no other.
    fn set(&self, name: &Text<'_>, value: &Text<'_>) -> PyResult<()> {
        self.0.set(name, value)
    }

    /// Adds a value beside those that a name has.
    fn add(&self, name: &Text<'_>, value: &Text<'_>) -> PyResult<()> {
        self.0.add(name, value)
    }
}
