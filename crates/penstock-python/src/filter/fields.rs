//! Where the headers are that a mapping shows, and how they are read and written.

use std::sync::Arc;

use penstock_proxy::exchange::Head;
use pyo3::exceptions::PyValueError;
use pyo3::types::PyStringMethods;
use pyo3::{PyResult, Python};

use super::field::{value_bytes, value_text};
use super::loan::Loan;
use super::made::SharedMade;
use super::names::FieldText;
use super::source::Text;

/// Most that filters may write into one head, replaced values included: far more than anybody reads.
const MOST_BYTES: usize = 1 << 20;

/// Whose headers they are.
#[derive(Clone)]
pub(super) enum Fields {
    /// Those of the request of a lent exchange.
    Request(Arc<Loan>),
    /// Those of its answer.
    Response(Arc<Loan>),
    /// Those of an answer that a filter makes.
    Made(SharedMade),
}

impl Fields {
    /// Whether there is one of a name.
    pub(super) fn has(&self, name: &Text<'_>) -> PyResult<bool> {
        self.with_name(name, |head, name| Ok(head.named(name.token, &name.bytes).next().is_some()))
    }

    /// The first value of a name.
    pub(super) fn first<'py>(&self, name: &Text<'py>) -> PyResult<Option<Text<'py>>> {
        let py = name.py();
        self.with_name(name, |head, name| {
            head.named(name.token, &name.bytes).next().map(|value| value_text(py, value)).transpose()
        })
    }

    /// Every value of a name, in order.
    pub(super) fn all<'py>(&self, name: &Text<'py>) -> PyResult<Vec<Text<'py>>> {
        let py = name.py();
        self.with_name(name, |head, name| {
            head.named(name.token, &name.bytes).map(|value| value_text(py, value)).collect()
        })
    }

    /// Names and values, repeated ones too, in order.
    pub(super) fn pairs<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Text<'py>, Text<'py>)>> {
        self.with(py, |head| {
            head.iter().map(|(name, value)| Ok((value_text(py, name)?, value_text(py, value)?))).collect()
        })
    }

    /// Shows every name in lower case, repeated ones too.
    pub(super) fn each_name(&self, py: Python<'_>, mut see: impl FnMut(&str)) -> PyResult<()> {
        self.with(py, |head| {
            head.iter().for_each(|(name, _)| see(&String::from_utf8_lossy(name).to_ascii_lowercase()));
            Ok(())
        })
    }

    /// Gives a name this value and no other.
    pub(super) fn set(&self, name: &Text<'_>, value: &Text<'_>) -> PyResult<()> {
        self.write(name, value, |head, name, value| head.set_named(name.token, &name.bytes, value))
    }

    /// Adds a value beside those that a name has.
    pub(super) fn add(&self, name: &Text<'_>, value: &Text<'_>) -> PyResult<()> {
        self.write(name, value, |head, name, value| head.add(&name.bytes, value))
    }

    /// Removes every value of a name; says whether there was one.
    pub(super) fn remove(&self, name: &Text<'_>) -> PyResult<bool> {
        self.with_name(name, |head, name| {
            name.check_writable()?;
            Ok(head.remove(&name.bytes))
        })
    }

    fn write(
        &self,
        name: &Text<'_>,
        value: &Text<'_>,
        write: impl FnOnce(&mut Head, &FieldText, &[u8]),
    ) -> PyResult<()> {
        let value = value_bytes(value.to_str()?)?;
        self.with_name(name, |head, name| {
            name.check_writable()?;
            check_room(head, name.bytes.len() + value.len())?;
            write(head, name, &value);
            Ok(())
        })
    }

    fn with_name<R>(&self, name: &Text<'_>, use_it: impl FnOnce(&mut Head, &FieldText) -> PyResult<R>) -> PyResult<R> {
        match self {
            Self::Request(loan) => loan.with_name(name, |exchange, name| use_it(&mut exchange.request.head, name)),
            Self::Response(loan) => loan.with_name(name, |exchange, name| use_it(&mut exchange.response.head, name)),
            Self::Made(made) => use_it(&mut made.lock().head, &FieldText::of(name)?),
        }
    }

    fn with<R>(&self, py: Python<'_>, use_it: impl FnOnce(&mut Head) -> PyResult<R>) -> PyResult<R> {
        match self {
            Self::Request(loan) => loan.with(py, |exchange| use_it(&mut exchange.request.head)),
            Self::Response(loan) => loan.with(py, |exchange| use_it(&mut exchange.response.head)),
            Self::Made(made) => use_it(&mut made.lock().head),
        }
    }
}

fn check_room(head: &Head, more: usize) -> PyResult<()> {
    if head.buffer().len().saturating_add(more) <= MOST_BYTES {
        return Ok(());
    }
    Err(PyValueError::new_err("the headers of one message are at most 1 MiB"))
}
