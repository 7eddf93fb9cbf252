//! Which filter call runs and how long it may: what the IO thread tells the watchdog.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::Thread;

use super::health::{Charge, SharedCharge};

/// The running call of one IO thread, as numbers that the watchdog reads.
#[derive(Default)]
pub(super) struct Guard {
    /// Number of the running call; 0 while there is none.
    running: AtomicU64,
    /// Number of the last call, running or over; only the IO thread uses it.
    last: AtomicU64,
    /// Number of the call that was interrupted last.
    interrupted: AtomicU64,
    budget_ms: AtomicU32,
    /// Where an overrun of the running call is counted if it never comes back.
    pub(super) charge: SharedCharge,
    /// Whether the watchdog sleeps until it is woken.
    pub(super) is_asleep: AtomicBool,
    pub(super) is_stopped: AtomicBool,
    watchdog: OnceLock<Thread>,
    /// Whether the IO thread is not Python's main thread, and what Python calls it then.
    is_side_thread: bool,
    thread_ident: AtomicU64,
}

impl Guard {
    /// The guard of a thread that is not Python's main one.
    pub(super) fn of_a_side_thread() -> Self {
        Self { is_side_thread: true, ..Self::default() }
    }

    /// What Python calls the IO thread; 0 where it is the main thread, or has called nothing yet.
    pub(super) fn thread_ident(&self) -> u64 {
        self.thread_ident.load(Ordering::Relaxed)
    }

    /// Remembers whom to wake when a call begins.
    pub(super) fn set_watchdog(&self, thread: Thread) {
        let _ = self.watchdog.set(thread);
    }

    /// A call begins; gives its number.
    pub(super) fn begin(&self, budget_ms: u32, charge: Charge) -> u64 {
        if self.is_side_thread && self.thread_ident() == 0 {
            self.learn_thread();
        }
        let number = self.last.load(Ordering::Relaxed) + 1;
        self.last.store(number, Ordering::Relaxed);
        self.budget_ms.store(budget_ms, Ordering::Relaxed);
        self.charge.set(charge);
        // No fence between the two: the watchdog waits a look between its own store and its load,
        // and by then it sees every call that did not see it fall asleep.
        self.running.store(number, Ordering::Release);
        if self.is_asleep.load(Ordering::Relaxed) {
            self.wake();
        }
        number
    }

    /// The call is over; says whether it was interrupted.
    pub(super) fn end(&self, number: u64) -> bool {
        self.running.store(0, Ordering::Release);
        self.interrupted.load(Ordering::Acquire) == number
    }

    /// The running call and its budget; 0 where none runs.
    pub(super) fn running(&self) -> (u64, u32) {
        (self.running.load(Ordering::Acquire), self.budget_ms.load(Ordering::Relaxed))
    }

    /// Notes that a call is being interrupted.
    pub(super) fn note_interrupt(&self, number: u64) {
        self.interrupted.store(number, Ordering::Release);
    }

    /// Whether the call that was interrupted last is the one that runs.
    pub(super) fn is_due(&self) -> bool {
        let running = self.running.load(Ordering::Relaxed);
        running != 0 && running == self.interrupted.load(Ordering::Acquire)
    }

    fn learn_thread(&self) {
        // SAFETY: it has no conditions.
        self.thread_ident.store(unsafe { pyo3::ffi::PyThread_get_thread_ident() }, Ordering::Relaxed);
    }

    /// Wakes the watchdog.
    pub(super) fn wake(&self) {
        if let Some(thread) = self.watchdog.get() {
            thread.unpark();
        }
    }
}
