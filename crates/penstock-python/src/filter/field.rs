//! Header names and values as Python gives and gets them.

use std::borrow::Cow;

use penstock_proxy::exchange::latin1_text;
use penstock_proxy::filters::FieldName;
use pyo3::exceptions::PyValueError;
use pyo3::types::PyString;
use pyo3::{Bound, PyResult, Python};

/// A header's value as Python text, latin-1.
pub(super) fn value_text<'py>(py: Python<'py>, value: &[u8]) -> Bound<'py, PyString> {
    PyString::new(py, &latin1_text(value))
}

/// The bytes of a value that a filter gives (J9).
///
/// # Errors
/// `ValueError` if it could end the line, or is not latin-1.
pub(super) fn value_bytes(text: &str) -> PyResult<Cow<'_, [u8]>> {
    let text = text.trim_matches([' ', '\t']);
    if let Some(wrong) = text.chars().find(|letter| !fits(*letter)) {
        return Err(PyValueError::new_err(format!("a header cannot hold {wrong:?}")));
    }
    Ok(if text.is_ascii() { text.as_bytes().into() } else { text.chars().map(|letter| letter as u8).collect() })
}

/// Checks the name of a header that a filter changes (J9).
///
/// # Errors
/// `ValueError` if it is no name, or one that the core alone writes.
pub(super) fn check_name(name: &str) -> PyResult<()> {
    FieldName::check(name).map_err(|(message, hint)| PyValueError::new_err(format!("{message}: {hint}")))
}

fn fits(letter: char) -> bool {
    matches!(u32::from(letter), 0x09 | 0x20..=0x7e | 0x80..=0xff)
}
