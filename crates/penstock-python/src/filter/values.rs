//! Parameters of the path, of the query, and cookies: decoded, read only.

use std::sync::Arc;

use penstock_proxy::exchange::{Exchange, Name, decoded_text};
use pyo3::exceptions::PyKeyError;
use pyo3::types::{PyAnyMethods, PyIterator, PyList, PyString, PyStringMethods};
use pyo3::{Bound, IntoPyObjectExt, Py, PyAny, PyResult, Python, pyclass, pymethods};

use super::loan::Loan;

/// Decoded values by name; of repeated ones `[]` gives the first and `get_all` all.
#[pyclass(frozen, module = "penstock.sdk", mapping)]
pub(super) struct Values {
    loan: Arc<Loan>,
    source: Source,
}

/// What the values are of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// The parameters of the chosen route's path.
    Params,
    /// The query.
    Query,
    /// The cookies.
    Cookies,
}

impl Values {
    pub(super) fn new(loan: Arc<Loan>, source: Source) -> Self {
        Self { loan, source }
    }

    fn all<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Vec<Bound<'py, PyString>>> {
        self.loan.with(|exchange| {
            let mut found = Vec::new();
            self.source.visit(exchange, name, |text| {
                found.push(PyString::new(py, text));
                true
            });
            Ok(found)
        })
    }

    fn first<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyString>>> {
        self.loan.with(|exchange| {
            let mut found = None;
            self.source.visit(exchange, name, |text| {
                found = Some(PyString::new(py, text));
                false
            });
            Ok(found)
        })
    }

    fn names(&self) -> PyResult<Vec<String>> {
        self.loan.with(|exchange| {
            let mut names = Vec::new();
            self.source.each_name(exchange, |name| {
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            });
            Ok(names)
        })
    }
}

impl Source {
    /// Shows the values of a name, in order, until `see` says that it has seen enough.
    fn visit(self, exchange: &Exchange, name: &str, mut see: impl FnMut(&str) -> bool) {
        let request = &exchange.request;
        match self {
            Self::Params => {
                let names = exchange.route.as_ref().map_or(&[][..], |route| &route.param_names);
                let position = names.iter().position(|known| **known == *name);
                if let Some(value) = position.and_then(|position| request.param(position)) {
                    see(&decoded_text(value.as_bytes(), false));
                }
            }
            Self::Query => {
                request.query_values(name.as_bytes()).all(|value| see(&decoded_text(value, true)));
            }
            Self::Cookies => {
                request.cookie_values(name.as_bytes()).all(|value| see(&decoded_text(value, false)));
            }
        }
    }

    fn each_name(self, exchange: &Exchange, mut see: impl FnMut(&str)) {
        let request = &exchange.request;
        match self {
            Self::Params => {
                let names = exchange.route.as_ref().map_or(&[][..], |route| &route.param_names);
                let count = request.params.spans.len();
                names.iter().take(count).for_each(|name| see(name));
            }
            Self::Query => {
                let pairs = request.query_text().split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
                pairs.for_each(|pair| see(&decoded_text(before(pair, b'='), true)));
            }
            Self::Cookies => {
                let lines = request.head.known(Name::COOKIE);
                let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
                // A piece without a name is no cookie.
                pairs
                    .filter(|pair| pair.contains(&b'='))
                    .for_each(|pair| see(&String::from_utf8_lossy(before(pair, b'='))));
            }
        }
    }
}

fn before(text: &[u8], end: u8) -> &[u8] {
    text.split(|byte| *byte == end).next().unwrap_or_default()
}

#[pymethods]
impl Values {
    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyString>> {
        self.first(py, name)?.ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __contains__(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(name) = name.cast::<PyString>() else { return Ok(false) };
        Ok(self.first(py, &name.to_cow()?)?.is_some())
    }

    fn __len__(&self) -> PyResult<usize> {
        Ok(self.names()?.len())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, self.names()?)?.try_iter()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Values({})", PyList::new(py, self.items(py)?)?.repr()?))
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
        self.all(py, name)
    }

    /// The names, each once.
    fn keys(&self) -> PyResult<Vec<String>> {
        self.names()
    }

    /// Every value, in the order of the names.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyString>>> {
        Ok(self.items(py)?.into_iter().map(|(_, value)| value).collect())
    }

    /// Every name and value, repeated names too, in the order of the names.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, PyString>)>> {
        let mut items = Vec::new();
        for name in self.names()? {
            items.extend(self.all(py, &name)?.into_iter().map(|value| (name.clone(), value)));
        }
        Ok(items)
    }
}
