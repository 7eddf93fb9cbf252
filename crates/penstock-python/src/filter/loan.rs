//! An exchange lent to Python objects for the length of one call.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use penstock_proxy::exchange::Exchange;
use pyo3::PyResult;
use pyo3::exceptions::PyRuntimeError;

/// Where the objects of one thread find the exchange they show, while there is one.
///
/// The atomics are for the type system: only the thread that made a loan reads or writes it,
/// and relaxed access costs what a plain one does.
pub(super) struct Loan {
    exchange: AtomicPtr<Exchange>,
    reads_body: AtomicBool,
    thread: usize,
}

impl Loan {
    /// A loan of nothing, for this thread.
    pub(super) fn new() -> Self {
        Self { exchange: AtomicPtr::new(ptr::null_mut()), reads_body: AtomicBool::new(false), thread: this_thread() }
    }

    /// Lends an exchange until the answer is dropped.
    pub(super) fn lend<'a>(&'a self, exchange: &'a mut Exchange, reads_body: bool) -> Lent<'a> {
        self.exchange.store(exchange, Ordering::Relaxed);
        self.reads_body.store(reads_body, Ordering::Relaxed);
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
    pub(super) fn with<R>(&self, use_it: impl FnOnce(&mut Exchange) -> PyResult<R>) -> PyResult<R> {
        if self.thread != this_thread() {
            return Err(PyRuntimeError::new_err("this request belongs to another thread: copy what you need"));
        }
        // Taken out while it is used: a use that led back here would find nothing.
        let lent = self.exchange.load(Ordering::Relaxed);
        if lent.is_null() {
            return Err(PyRuntimeError::new_err("this request is over"));
        }
        self.exchange.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: `lend` stored the pointer from a unique reference that the `Lent` keeps
        // borrowed, and its drop stores null; so the exchange is alive and nobody else holds
        // it. It never leaves its thread, and null was stored above, so this is the only
        // reference made from the pointer.
        let result = use_it(unsafe { &mut *lent });
        self.exchange.store(lent, Ordering::Relaxed);
        result
    }
}

/// The time for which an exchange is lent.
pub(super) struct Lent<'a>(&'a Loan);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.0.exchange.store(ptr::null_mut(), Ordering::Relaxed);
    }
}

/// A number that no other living thread has.
fn this_thread() -> usize {
    thread_local!(static PLACE: u8 = const { 0 });
    PLACE.with(|place| ptr::from_ref(place) as usize)
}
