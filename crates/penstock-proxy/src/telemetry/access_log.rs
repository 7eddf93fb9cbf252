//! The access log: whole lines in a buffer of the IO thread, written out by a helper thread.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use penstock_plan::LogFormat;

use super::log_line::{Entry, LineFormat};
use super::log_sink::{Drained, LogSink};

/// Lines are handed over when the buffer holds this much, or at the next tick.
const HANDED_OVER_BYTES: usize = 48 << 10;
/// Blocks kept to be filled again.
const KEPT_BLOCKS: usize = 16;
/// Bytes that may wait for the helper thread; beyond it lines are dropped and counted.
const MOST_WAITING_BYTES: usize = 16 << 20;

/// Lines on their way from the IO thread to the helper thread that writes them.
#[derive(Default)]
pub struct LogQueue {
    waiting: Mutex<Vec<Vec<u8>>>,
    /// Blocks that were written, to be filled again: fresh memory would cost a page fault for each page.
    free: Mutex<Vec<Vec<u8>>>,
    /// Lines that could not be written and that nobody has counted yet.
    lost_lines: AtomicU64,
}

impl LogQueue {
    /// Writes everything that waits; what cannot be written is lost, and counted.
    pub fn drain(&self, sink: &mut LogSink) -> Drained {
        let blocks = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut drained = Drained::default();
        for block in blocks {
            match sink.write(&block) {
                Ok(()) => drained.written_bytes += block.len() as u64,
                Err((lost, problem)) => {
                    let lines = count_lines(block.get(block.len() - lost..).unwrap_or_default());
                    drained.lost_lines += lines;
                    drained.problem = Some(problem);
                    self.lost_lines.fetch_add(lines, Ordering::Relaxed);
                }
            }
            self.keep(block);
        }
        drained
    }

    fn keep(&self, mut block: Vec<u8>) {
        block.clear();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT_BLOCKS {
            free.push(block);
        }
    }

    /// An empty block.
    fn block(&self) -> Vec<u8> {
        let known = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        known.unwrap_or_else(|| Vec::with_capacity(HANDED_OVER_BYTES + (8 << 10)))
    }

    fn push(&self, block: Vec<u8>) -> Result<(), Vec<u8>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.iter().map(Vec::len).sum::<usize>() + block.len() > MOST_WAITING_BYTES {
            return Err(block);
        }
        waiting.push(block);
        Ok(())
    }
}

/// The IO thread's end of the access log.
pub(crate) struct AccessLog {
    buffer: RefCell<Vec<u8>>,
    queue: Arc<LogQueue>,
    format: RefCell<Option<LineFormat>>,
    stamp: RefCell<(u64, String)>,
    dropped_lines: Cell<u64>,
}

impl AccessLog {
    pub(crate) fn new(queue: Arc<LogQueue>) -> Self {
        Self {
            buffer: RefCell::default(),
            queue,
            format: RefCell::default(),
            stamp: RefCell::default(),
            dropped_lines: Cell::new(0),
        }
    }

    /// Takes over what the newest plan says.
    pub(crate) fn set_format(&self, format: Option<&LogFormat>) {
        *self.format.borrow_mut() = format.map(LineFormat::new);
    }

    /// Whether lines are written at all.
    pub(crate) fn is_on(&self) -> bool {
        self.format.borrow().is_some()
    }

    /// Adds a line.
    pub(crate) fn write(&self, entry: &Entry<'_>) {
        let format = self.format.borrow();
        let Some(format) = &*format else { return };
        let second = entry.wall_us / 1_000_000;
        let mut stamp = self.stamp.borrow_mut();
        if stamp.0 != second {
            *stamp = (second, crate::worker::date::rfc3339_seconds(second));
        }
        let mut buffer = self.buffer.borrow_mut();
        format.write(&mut buffer, entry, &stamp.1);
        if buffer.len() >= HANDED_OVER_BYTES {
            drop(buffer);
            self.pass_on();
        }
    }

    /// Hands whole lines to the helper thread and says how many found no room or were lost by it.
    pub(crate) fn hand_over(&self) -> u64 {
        self.pass_on();
        self.dropped_lines.take() + self.queue.lost_lines.swap(0, Ordering::Relaxed)
    }

    fn pass_on(&self) {
        let mut buffer = self.buffer.borrow_mut();
        if !buffer.is_empty() {
            let block = std::mem::replace(&mut *buffer, self.queue.block());
            if let Err(block) = self.queue.push(block) {
                self.dropped_lines.set(self.dropped_lines.get() + count_lines(&block));
            }
        }
    }
}

fn count_lines(block: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', block).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::log_line::tests::ENTRY;

    #[test]
    fn lines_beyond_the_bound_are_dropped_and_counted() {
        let queue = LogQueue::default();
        assert!(queue.push(vec![b'\n'; MOST_WAITING_BYTES]).is_ok());
        assert!(queue.push(vec![b'\n'; 1]).is_err());
    }

    #[test]
    fn r53_lines_are_counted_as_dropped_whenever_they_find_no_room() {
        let queue = Arc::new(LogQueue::default());
        queue.push(vec![b'\n'; MOST_WAITING_BYTES]).unwrap();
        let log = AccessLog::new(Arc::clone(&queue));
        log.set_format(Some(&LogFormat::Template("x".repeat(HANDED_OVER_BYTES / 2))));
        for _ in 0..4 {
            log.write(&ENTRY);
        }
        assert_eq!(log.hand_over(), 4, "two of them were given up while lines were written");
        queue.drain(&mut LogSink::file(std::io::sink()));
        assert_eq!(log.hand_over(), 0);
    }
}
