//! Header names and values as Python gives and gets them.

use std::borrow::Cow;

use penstock_proxy::filters::FieldName;
use pyo3::exceptions::PyValueError;
use pyo3::types::PyString;
use pyo3::{Bound, PyResult, Python, ffi};

/// A header's value as Python text, latin-1.
pub(super) fn value_text<'py>(py: Python<'py>, value: &[u8]) -> PyResult<Bound<'py, PyString>> {
    // A slice is never longer than what `Py_ssize_t` holds.
    let (start, length) = (value.as_ptr().cast(), value.len().cast_signed());
    // SAFETY: the pointer and the length are those of one slice, which Python copies; it gives a
    // new reference to a str, or null with an exception set.
    let text =
        unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_DecodeLatin1(start, length, std::ptr::null())) };
    Ok(text?.cast_into()?)
}

/// The bytes of a value that a filter gives (J9).
///
/// # Errors
/// `ValueError` if it could end the line, or is not latin-1.
pub(super) fn value_bytes(text: &str) -> PyResult<Cow<'_, [u8]>> {
    let text = trimmed(text);
    // Without an early way out it is done many bytes at a time.
    if text.bytes().fold(true, |fits, byte| fits & matches!(byte, 0x20..=0x7e)) {
        return Ok(text.as_bytes().into());
    }
    if let Some(wrong) = text.chars().find(|letter| !fits(*letter)) {
        return Err(PyValueError::new_err(format!("a header cannot hold {wrong:?}")));
    }
    Ok(text.chars().map(|letter| letter as u8).collect())
}

/// Without blanks around it; most values have none.
fn trimmed(text: &str) -> &str {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = text.as_bytes();
    if is_blank(bytes.first()) || is_blank(bytes.last()) { text.trim_matches([' ', '\t']) } else { text }
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
