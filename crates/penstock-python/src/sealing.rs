//! Sealing of texts, for what Python keeps on disk.

use penstock_proxy::sealing;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Seals a text with a key of 32 bytes, for a purpose that has to be named again.
#[pyfunction]
pub(crate) fn seal(key: &[u8], purpose: &[u8], text: &[u8]) -> PyResult<Vec<u8>> {
    sealing::seal(key, purpose, text).ok_or_else(|| PyValueError::new_err("a key has 32 bytes"))
}

/// The text that was sealed with a key for a purpose, or None.
#[pyfunction]
pub(crate) fn unseal(key: &[u8], purpose: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    sealing::open(key, purpose, sealed)
}
