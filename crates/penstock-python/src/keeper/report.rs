//! What the watch says, on the supervisor's standard error.

use std::io::{self, Write};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread;

use penstock_proxy::worker::MemoryLevel;
use penstock_shared::MemoryTold;

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
        line(Level::Warning, text.trim_end())
    });
}

/// Writes that a worker was ended.
pub(super) fn replaced(index: u32, process: u32, silence_ms: u64) {
    write_beside(move || {
        let text = format!("worker {index}, process {process}, has stood still for {silence_ms} ms and is replaced");
        line(Level::Error, &text)
    });
}

/// Writes how short memory is.
pub(super) fn memory(told: &MemoryTold) {
    let MemoryTold { used_bytes, limit_bytes, .. } = *told;
    let used = format!("{} MiB of {} MiB of memory are used", used_bytes >> 20, limit_bytes >> 20);
    let (level, text) = match MemoryLevel::of_number(told.level) {
        MemoryLevel::Enough => (Level::Info, "there is enough memory again".to_owned()),
        MemoryLevel::Scarce => (Level::Info, format!("{used}: nothing is kept for later use")),
        MemoryLevel::Shedding => (Level::Warning, format!("{used}: new requests are refused")),
        MemoryLevel::Closed => (Level::Error, format!("{used}: no connection is accepted")),
    };
    write_beside(move || line(level, &text));
}

/// Writes on a thread of its own; a report that would have to wait for the last one is left out.
fn write_beside(text: impl FnOnce() -> String + Send + 'static) {
    if IS_WRITING.swap(true, Acquire) {
        return;
    }
    let write = move || {
        let _ = writeln!(io::stderr(), "{}", text());
        IS_WRITING.store(false, Release);
    };
    if thread::Builder::new().name("keeper-report".to_owned()).spawn(write).is_err() {
        IS_WRITING.store(false, Release);
    }
}
