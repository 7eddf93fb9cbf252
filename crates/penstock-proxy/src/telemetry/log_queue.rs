//! Lines on their way from the IO thread to the thread that writes them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::log_sink::{Drained, LogSink};
use crate::export::Counts;

/// Lines are handed over when a buffer holds this much, or at the next tick.
pub(super) const HANDED_OVER_BYTES: usize = 48 << 10;
/// Blocks kept to be filled again.
const KEPT_BLOCKS: usize = 16;
/// Bytes that may wait for the thread that writes; beyond it lines are dropped and counted.
pub(super) const MOST_WAITING_BYTES: usize = 16 << 20;

/// Lines of one log, in blocks of whole lines.
#[derive(Default)]
pub struct LogQueue {
    waiting: Mutex<Vec<Vec<u8>>>,
    /// Blocks that were written, to be filled again: fresh memory would cost a page fault for each page.
    free: Mutex<Vec<Vec<u8>>>,
    /// Lines that could not be written and that nobody has counted yet.
    lost_lines: AtomicU64,
    /// What became of lines for somebody on the network, those that found no room here among them.
    sent: Mutex<Counts>,
}

impl LogQueue {
    /// Writes everything that waits; what cannot be written is lost, and counted.
    pub fn drain(&self, sink: &mut LogSink) -> Drained {
        let mut drained = Drained::default();
        for block in self.take() {
            match sink.write(&block) {
                Ok(()) => drained.written_bytes += block.len() as u64,
                Err((lost, problem)) => {
                    let lines = count_lines(block.get(block.len() - lost..).unwrap_or_default());
                    drained.lost_lines += lines;
                    drained.problem = Some(problem);
                    self.lose(lines);
                }
            }
            self.keep(block);
        }
        drained
    }

    /// The blocks that wait.
    pub fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The block that has waited longest.
    pub(crate) fn take_one(&self) -> Option<Vec<u8>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        (!waiting.is_empty()).then(|| waiting.remove(0))
    }

    /// Counts what became of lines for somebody on the network.
    pub(crate) fn account(&self, counts: Counts) {
        self.lose(counts.dropped + counts.failed);
        self.tell(counts);
    }

    /// The same of lines whose loss is counted elsewhere.
    pub(super) fn tell(&self, counts: Counts) {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) += counts;
    }

    /// What became of them since this was last asked.
    pub(super) fn take_sent(&self) -> Counts {
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts lines that could not be written.
    pub fn lose(&self, lines: u64) {
        self.lost_lines.fetch_add(lines, Ordering::Relaxed);
    }

    /// Takes a block back that was written.
    pub fn keep(&self, mut block: Vec<u8>) {
        block.clear();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT_BLOCKS {
            free.push(block);
        }
    }

    /// How many lines were lost since this was last asked.
    pub(super) fn take_lost(&self) -> u64 {
        self.lost_lines.swap(0, Ordering::Relaxed)
    }

    /// An empty block.
    pub(super) fn block(&self) -> Vec<u8> {
        let known = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        known.unwrap_or_else(|| Vec::with_capacity(HANDED_OVER_BYTES + (8 << 10)))
    }

    /// Lets a block wait; gives it back where too much does already.
    pub(super) fn push(&self, block: Vec<u8>) -> Result<(), Vec<u8>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.iter().map(Vec::len).sum::<usize>() + block.len() > MOST_WAITING_BYTES {
            return Err(block);
        }
        waiting.push(block);
        Ok(())
    }
}

/// How many lines a block has.
pub fn count_lines(block: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', block).count() as u64
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
