//! How often an object is referred to.

use pyo3::{Py, Python, ffi};

/// The reference count of an object.
pub(super) fn references<T>(_: Python<'_>, object: &Py<T>) -> isize {
    // SAFETY: the token says that this thread is attached, and `object` keeps what it points
    // to alive.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) }
}
