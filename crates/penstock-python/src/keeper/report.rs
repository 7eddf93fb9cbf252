//! What the watch says, on the supervisor's standard error.

use std::io::{self, Write};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread;

use super::look;
use crate::said::{Level, line};

/// Set while a report is being written. Whoever reads it may be slow, and must not hold up the watch.
static IS_WRITING: AtomicBool = AtomicBool::new(false);

/// Writes what the threads of a worker are doing.
pub(super) fn stacks(index: u32, process: u32, silence_ms: u64) {
    write_beside(move || {
        let threads = look::threads(process);
        let text =
            format!("worker {index}, process {process}, has stood still for {silence_ms} ms; its threads:\n{threads}");
        line(Level::Warning, &text)
    });
}

/// Writes that a worker was ended.
pub(super) fn replaced(index: u32, process: u32, silence_ms: u64) {
    write_beside(move || {
        let text = format!("worker {index}, process {process}, has stood still for {silence_ms} ms and is replaced\n");
        line(Level::Error, &text)
    });
}

/// Writes on a thread of its own; a report that would have to wait for the last one is left out.
fn write_beside(text: impl FnOnce() -> String + Send + 'static) {
    if IS_WRITING.swap(true, Acquire) {
        return;
    }
    let write = move || {
        let _ = io::stderr().write_all(text().as_bytes());
        IS_WRITING.store(false, Release);
    };
    if thread::Builder::new().name("keeper-report".to_owned()).spawn(write).is_err() {
        IS_WRITING.store(false, Release);
    }
}
