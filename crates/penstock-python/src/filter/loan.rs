//! An exchange lent to Python objects for the length of one call.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use penstock_proxy::exchange::Exchange;
use pyo3::exceptions::PyRuntimeError;
use pyo3::types::PyString;
use pyo3::{Bound, PyResult, Python, ffi};

use super::names::{FieldText, Names};

/// Where the objects of one thread find the exchange they show, while there is one.
///
/// The atomics are for the type system: only the thread that made a loan reads or writes it,
/// and relaxed access costs what a plain one does.
pub(super) struct Loan {
    exchange: AtomicPtr<Exchange>,
    reads_body: AtomicBool,
    /// The interpreter's state of the thread that has lent.
    thread: AtomicPtr<ffi::PyThreadState>,
    names: Names,
}

// SAFETY: `names` is used in `with_name` alone, behind the check that the calling thread is the
// one that has lent; dropping it elsewhere drops Python objects, which any thread may do.
unsafe impl Sync for Loan {}

impl Loan {
    /// A loan of nothing.
    pub(super) fn new() -> Self {
        Self {
            exchange: AtomicPtr::new(ptr::null_mut()),
            reads_body: AtomicBool::new(false),
            thread: AtomicPtr::new(ptr::null_mut()),
            names: Names::new(),
        }
    }

    /// Lends an exchange to this thread until the answer is dropped.
    pub(super) fn lend<'a>(&'a self, py: Python<'_>, exchange: &'a mut Exchange, reads_body: bool) -> Lent<'a> {
        self.thread.store(this_thread(py), Ordering::Relaxed);
        self.reads_body.store(reads_body, Ordering::Relaxed);
        self.exchange.store(exchange, Ordering::Relaxed);
        Lent(self)
    }

    /// Whether the filter that runs declared that it reads bodies.
    pub(super) fn reads_body(&self) -> bool {
        self.reads_body.load(Ordering::Relaxed)
    }

    /// Uses the exchange.
    ///
    /// # Errors
    /// `RuntimeError` after the call, on another thread, or from inside such a use.
    pub(super) fn with<R>(&self, py: Python<'_>, use_it: impl FnOnce(&mut Exchange) -> PyResult<R>) -> PyResult<R> {
        let lent = self.exchange.load(Ordering::Relaxed);
        if lent.is_null() {
            return Err(PyRuntimeError::new_err("this request is over"));
        }
        // A thread's state is its own for as long as the thread lives, and the thread that has lent
        // is in the middle of the call.
        if self.thread.load(Ordering::Relaxed) != this_thread(py) {
            return Err(PyRuntimeError::new_err("this request belongs to another thread: copy what you need"));
        }
        // Taken out while it is used: a use that led back here would find nothing.
        self.exchange.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: `lend` stored the pointer from a unique reference that the `Lent` keeps
        // borrowed, and its drop stores null; so the exchange is alive and nobody else holds
        // it. This is the thread that lent it, and null was stored above, so this is the only
        // reference made from the pointer.
        let result = use_it(unsafe { &mut *lent });
        self.exchange.store(lent, Ordering::Relaxed);
        result
    }

    /// Uses the exchange together with what is known of a header's name.
    ///
    /// # Errors
    /// Those of [`Loan::with`] and [`FieldText::of`].
    pub(super) fn with_name<R>(
        &self,
        name: &Bound<'_, PyString>,
        use_it: impl FnOnce(&mut Exchange, &FieldText) -> PyResult<R>,
    ) -> PyResult<R> {
        self.with(name.py(), |exchange| self.names.with(name, |text| use_it(exchange, text)))
    }
}

/// The time for which an exchange is lent.
pub(super) struct Lent<'a>(&'a Loan);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.0.exchange.store(ptr::null_mut(), Ordering::Relaxed);
    }
}

/// What the interpreter knows this thread by.
fn this_thread(_: Python<'_>) -> *mut ffi::PyThreadState {
    // SAFETY: the token says that this thread is attached.
    unsafe { ffi::PyThreadState_Get() }
}
