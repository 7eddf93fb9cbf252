//! Values by name, as a mapping: parameters and cookies, and what headers have in common with them.

use pyo3::exceptions::PyKeyError;
use pyo3::types::{PyAnyMethods, PyIterator, PyList, PyString, PyTypeMethods};
use pyo3::{Bound, IntoPyObjectExt, Py, PyAny, PyResult, Python, pyclass, pymethods};

use super::source::{Source, Text};

/// Decoded values by name; of repeated ones `[]` gives the first and `get_all` all.
#[pyclass(frozen, subclass, module = "penstock.sdk", mapping)]
pub(super) struct Values(Source);

impl Values {
    /// The values of a source.
    pub(super) fn of(source: Source) -> Self {
        Self(source)
    }
}

#[pymethods]
impl Values {
    fn __getitem__<'py>(&self, name: &Text<'py>) -> PyResult<Text<'py>> {
        self.0.first(name)?.ok_or_else(|| PyKeyError::new_err(name.clone().unbind()))
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        match name.cast::<PyString>() {
            Ok(name) => self.0.has(name),
            Err(_) => Ok(false),
        }
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.0.names(py)?.len())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, self.0.names(py)?)?.try_iter()
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let pairs = slf.get().0.pairs(slf.py())?;
        Ok(format!("{}({})", slf.get_type().name()?, PyList::new(slf.py(), pairs)?.repr()?))
    }

    /// The first value of a name, or `default`.
    #[pyo3(signature = (name, default = None))]
    fn get<'py>(&self, name: &Text<'py>, default: Option<Py<PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        match self.0.first(name)? {
            Some(value) => Ok(value.into_any()),
            None => default.into_bound_py_any(name.py()),
        }
    }

    /// Every value of a name, in order.
    fn get_all<'py>(&self, name: &Text<'py>) -> PyResult<Vec<Text<'py>>> {
        self.0.all(name)
    }

    /// The names, each once; those of headers in lower case.
    fn keys(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.0.names(py)
    }

    /// Every value, repeated ones too, in the order of `items`.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Vec<Text<'py>>> {
        Ok(self.0.pairs(py)?.into_iter().map(|(_, value)| value).collect())
    }

    /// Every name and value, repeated names too: headers as they stand, others in the order of the names.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Text<'py>, Text<'py>)>> {
        self.0.pairs(py)
    }
}
