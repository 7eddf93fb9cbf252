//! The interpreter, kept by the IO thread from the first filter call of a loop turn to the turn's end.
//!
//! Attaching and detaching for each call costs more than an empty call does. A turn is short, and
//! what else wants the interpreter (a thread that builds filters) gets it before the IO thread sleeps.

use std::cell::Cell;

use pyo3::{Python, ffi};

thread_local!(static KEPT: Cell<Option<ffi::PyGILState_STATE>> = const { Cell::new(None) });

/// Runs something attached; the thread stays attached until [`release`].
///
/// `pyo3` does not count this attachment: a `Py` dropped in it waits in a pool until something
/// attaches that is counted, so what drops or clones many belongs inside a `Python::attach`.
pub(super) fn kept<R>(run: impl FnOnce(Python<'_>) -> R) -> R {
    KEPT.with(|kept| {
        if kept.get().is_none() {
            // SAFETY: the interpreter runs: it has built the filter that is to be called.
            kept.set(Some(unsafe { ffi::PyGILState_Ensure() }));
        }
    });
    // SAFETY: this thread took the interpreter above or before; `release` is called from its loop,
    // never from inside `run`.
    run(unsafe { Python::assume_attached() })
}

/// Gives the interpreter back, if this thread keeps it. To be called before the thread sleeps.
pub(crate) fn release() {
    if let Some(state) = KEPT.take() {
        // SAFETY: `state` comes from this thread's `PyGILState_Ensure`, which nothing has undone.
        unsafe { ffi::PyGILState_Release(state) };
    }
}

/// Gives the interpreter back when it is dropped: also where a loop ends by a panic.
pub(crate) struct ReleasedAtEnd;

impl Drop for ReleasedAtEnd {
    fn drop(&mut self) {
        release();
    }
}
