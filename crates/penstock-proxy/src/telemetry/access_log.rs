//! The access log: whole lines in a buffer of the IO thread, written out by a helper thread.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use penstock_plan::LogFormat;

use super::log_line::{Entry, LineFormat};

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
}

/// What became of the lines that waited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Bytes written.
    pub written: u64,
    /// Bytes that could not be written.
    pub lost: u64,
}

/// Where lines are written to. It is the owner's business to open it.
pub type LogSink = Box<dyn Write + Send>;

impl LogQueue {
    /// Writes everything that waits; what cannot be written is lost.
    pub fn drain(&self, sink: &mut LogSink) -> Drained {
        let blocks = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut drained = Drained::default();
        for block in blocks {
            let bytes = block.len() as u64;
            match sink.write_all(&block) {
                Ok(()) => drained.written += bytes,
                Err(_) => drained.lost += bytes,
            }
            self.keep(block);
        }
        let _ = sink.flush();
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
            self.hand_over();
        }
    }

    /// Hands whole lines to the helper thread and says how many lines found no room.
    pub(crate) fn hand_over(&self) -> u64 {
        let mut buffer = self.buffer.borrow_mut();
        if !buffer.is_empty() {
            let block = std::mem::replace(&mut *buffer, self.queue.block());
            if let Err(block) = self.queue.push(block) {
                let lines = memchr::memchr_iter(b'\n', &block).count() as u64;
                self.dropped_lines.set(self.dropped_lines.get() + lines);
            }
        }
        self.dropped_lines.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_bound_are_dropped_and_counted() {
        let queue = LogQueue::default();
        assert!(queue.push(vec![b'\n'; MOST_WAITING_BYTES]).is_ok());
        assert!(queue.push(vec![b'\n'; 1]).is_err());
    }
}
