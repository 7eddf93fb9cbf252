//! Ends a process that a filter has forked: it must not serve the requests of the worker it is a copy of.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static WATCHED: Once = Once::new();
static IS_CHILD: AtomicBool = AtomicBool::new(false);

/// Notes forks of this process from now on.
pub(super) fn watch() {
    WATCHED.call_once(|| {
        // SAFETY: the handler stores to an atomic, which is allowed between fork and exec. Where
        // there is no memory for it, forks go unnoticed as before.
        unsafe { libc::pthread_atfork(None, None, Some(note)) };
    });
}

/// Ends the process if it is a copy of the one that runs filters. Called where a filter's own code ends.
pub(super) fn end_if_child() {
    if IS_CHILD.load(Ordering::Relaxed) {
        // SAFETY: `_exit` has no conditions; it runs no handlers, which belong to the parent.
        unsafe { libc::_exit(0) }
    }
}

extern "C" fn note() {
    IS_CHILD.store(true, Ordering::Relaxed);
}
