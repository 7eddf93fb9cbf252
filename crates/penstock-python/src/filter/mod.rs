//! Python filters: what they see of an exchange, how they are called, and what stops them.

mod attached;
mod field;
mod fields;
mod filters;
mod fork;
mod guard;
mod headers;
mod health;
mod interrupt;
mod loan;
mod log;
mod made;
mod names;
mod objects;
mod on_error;
mod python_filter;
mod references;
mod report;
mod request;
mod response;
mod source;
mod tls;
mod values;
mod watchdog;

use pyo3::types::{PyModule, PyModuleMethods};
use pyo3::{Bound, PyResult};

pub(crate) use attached::{ReleasedAtEnd, release};
pub(crate) use filters::PythonFilters;

/// Adds the classes that `penstock.sdk` shows.
///
/// # Errors
/// Python refused one.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<request::Request>()?;
    module.add_class::<response::Response>()?;
    module.add_class::<headers::Headers>()?;
    module.add_class::<values::Values>()?;
    module.add_class::<tls::Tls>()?;
    module.add_class::<tls::ClientCertificate>()?;
    module.add("BudgetExceeded", module.py().get_type::<interrupt::BudgetExceeded>())
}
