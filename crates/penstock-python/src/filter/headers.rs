//! The headers of a request or of an answer, as a mapping.

use std::sync::Arc;

use penstock_proxy::exchange::Head;
use pyo3::exceptions::PyKeyError;
use pyo3::types::{PyAnyMethods, PyIterator, PyList, PyString, PyStringMethods};
use pyo3::{Bound, IntoPyObjectExt, Py, PyAny, PyResult, Python, pyclass, pymethods};

use super::field::{check_name, value_bytes, value_text};
use super::loan::Loan;
use super::made::SharedMade;

/// Headers by name, in any case; of repeated ones `[]` gives the first and `get_all` all.
///
/// Text is latin-1. Names and values that would break a message raise `ValueError`, and so
/// do the headers that the gateway writes itself, such as `Content-Length`.
#[pyclass(frozen, module = "penstock.sdk", mapping)]
pub(super) struct Headers(Side);

/// Whose headers they are.
pub(super) enum Side {
    /// Those of the request of a lent exchange.
    Request(Arc<Loan>),
    /// Those of its answer.
    Response(Arc<Loan>),
    /// Those of an answer that a filter makes.
    Made(SharedMade),
}

impl Headers {
    pub(super) fn new(side: Side) -> Self {
        Self(side)
    }

    fn with<R>(&self, use_it: impl FnOnce(&mut Head) -> PyResult<R>) -> PyResult<R> {
        match &self.0 {
            Side::Request(loan) => loan.with(|exchange| use_it(&mut exchange.request.head)),
            Side::Response(loan) => loan.with(|exchange| use_it(&mut exchange.response.head)),
            Side::Made(made) => use_it(&mut made.lock().head),
        }
    }

    fn first<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyString>>> {
        self.with(|head| Ok(head.get(name.as_bytes()).map(|value| value_text(py, value))))
    }

    /// Names and values in order.
    fn pairs<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyString>, Bound<'py, PyString>)>> {
        self.with(|head| Ok(head.iter().map(|(name, value)| (value_text(py, name), value_text(py, value))).collect()))
    }

    /// Each name once, in lower case, in the order of first appearance.
    fn names(&self) -> PyResult<Vec<String>> {
        self.with(|head| {
            let mut names: Vec<String> = Vec::with_capacity(head.fields().len());
            for (name, _) in head.iter() {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            Ok(names)
        })
    }
}

#[pymethods]
impl Headers {
    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyString>> {
        self.first(py, name)?.ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __setitem__(&self, name: &str, value: &str) -> PyResult<()> {
        self.set(name, value)
    }

    fn __delitem__(&self, name: &str) -> PyResult<()> {
        check_name(name)?;
        let found = self.with(|head| Ok(head.remove(name.as_bytes())))?;
        if found { Ok(()) } else { Err(PyKeyError::new_err(name.to_owned())) }
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(name) = name.cast::<PyString>() else { return Ok(false) };
        let name = name.to_cow()?;
        self.with(|head| Ok(head.get(name.as_bytes()).is_some()))
    }

    fn __len__(&self) -> PyResult<usize> {
        Ok(self.names()?.len())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, self.names()?)?.try_iter()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Headers({})", PyList::new(py, self.pairs(py)?)?.repr()?))
    }

    /// The first value of a name, or `default`.
    #[pyo3(signature = (name, default = None))]
    fn get(&self, py: Python<'_>, name: &str, default: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        match self.first(py, name)? {
            Some(value) => value.into_py_any(py),
            None => default.into_py_any(py),
        }
    }

    /// Every value of a name, in order.
    fn get_all<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Vec<Bound<'py, PyString>>> {
        self.with(|head| Ok(head.all(name.as_bytes()).map(|value| value_text(py, value)).collect()))
    }

    /// Gives a name this value and no other.
    fn set(&self, name: &str, value: &str) -> PyResult<()> {
        check_name(name)?;
        let value = value_bytes(value)?;
        self.with(|head| {
            head.set(name.as_bytes(), &value);
            Ok(())
        })
    }

    /// Adds a value beside those that a name has.
    fn add(&self, name: &str, value: &str) -> PyResult<()> {
        check_name(name)?;
        let value = value_bytes(value)?;
        self.with(|head| {
            head.add(name.as_bytes(), &value);
            Ok(())
        })
    }

    /// The names, each once and in lower case.
    fn keys(&self) -> PyResult<Vec<String>> {
        self.names()
    }

    /// Every value, repeated ones too, in order.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyString>>> {
        Ok(self.pairs(py)?.into_iter().map(|(_, value)| value).collect())
    }

    /// Every name and value, repeated ones too, in order.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyString>, Bound<'py, PyString>)>> {
        self.pairs(py)
    }
}
