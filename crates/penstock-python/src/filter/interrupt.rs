//! How a filter call that runs too long is interrupted.

use std::sync::Arc;

use pyo3::exceptions::PyBaseException;
use pyo3::types::PyAnyMethods;
use pyo3::{Bound, Py, PyAny, PyResult, Python, create_exception, ffi, pyclass, pymethods};

use super::guard::Guard;

create_exception!(
    penstock.sdk,
    BudgetExceeded,
    PyBaseException,
    "A filter call that took longer than its budget was interrupted."
);

/// A way to interrupt the thread that runs filters.
pub(super) enum Interrupt {
    /// A signal to Python's main thread: stops loops, sleeps, `re` and big-number work.
    Signal { thread: libc::pthread_t, number: libc::c_int },
    /// An exception that Python raises between two instructions: stops loops only. For
    /// gateways inside another program, whose main thread is not theirs.
    Exception,
}

impl Interrupt {
    /// By a signal to this thread, Python's main one, which will run the filters.
    ///
    /// # Errors
    /// Python refused the handler.
    pub(super) fn by_signal(py: Python<'_>, guard: &Arc<Guard>) -> PyResult<Self> {
        let number = libc::SIGRTMAX() - 2;
        let handler = Py::new(py, Handler { guard: Arc::clone(guard) })?;
        py.import("signal")?.call_method1("signal", (number, handler))?;
        // SAFETY: `pthread_self` has no conditions.
        Ok(Self::Signal { thread: unsafe { libc::pthread_self() }, number })
    }

    /// Interrupts a call, unless it is over by then.
    pub(super) fn fire(&self, guard: &Guard, call: u64) {
        match *self {
            Self::Signal { thread, number } => {
                guard.note_interrupt(call);
                // SAFETY: the main thread lives as long as the process, and Python handles the
                // signal since `new`.
                unsafe { libc::pthread_kill(thread, number) };
            }
            Self::Exception => {
                // While this thread holds the interpreter, the call cannot end.
                Python::try_attach(|py| {
                    if guard.running().0 == call {
                        guard.note_interrupt(call);
                        raise_in(guard.thread_ident(), py.get_type::<BudgetExceeded>().as_any());
                    }
                });
            }
        }
    }

    /// Whether the process is a worker's own, which may end for a filter that is stuck.
    pub(super) fn owns_process(&self) -> bool {
        matches!(self, Self::Signal { .. })
    }
}

/// Lets what has not been raised yet be raised and forgotten, after a call that was interrupted.
///
/// An exception that is taken back instead leaves Python looking for it before every call from then on, and Python 3.11
/// for ever as soon as something traces.
pub(super) fn take_back(py: Python<'_>) {
    let _ = py.eval(c"None", None, None);
    let _ = py.check_signals();
}

/// Raises an exception in a Python thread.
fn raise_in(ident: u64, exception: &Bound<'_, PyAny>) {
    // SAFETY: the caller is attached, and the exception is a borrowed class.
    unsafe { ffi::PyThreadState_SetAsyncExc(ident.cast_signed(), exception.as_ptr()) };
}

/// What Python calls on the main thread when the watchdog's signal has come.
#[pyclass(frozen, module = "penstock._core")]
struct Handler {
    guard: Arc<Guard>,
}

#[pymethods]
impl Handler {
    /// Raises only in the call that the signal was meant for.
    fn __call__(&self, _signal: &Bound<'_, PyAny>, _frame: &Bound<'_, PyAny>) -> PyResult<()> {
        if self.guard.is_due() {
            Err(BudgetExceeded::new_err("the filter took longer than its budget"))
        } else {
            Ok(())
        }
    }
}
