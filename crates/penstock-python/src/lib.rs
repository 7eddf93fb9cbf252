//! The Python module `penstock._core`: conversions between Python and the core, and nothing else.

/// The module.
#[pyo3::pymodule]
mod _core {}
