//! What waits to be delivered: bounded, and what finds no room is counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that may wait; beyond them what comes is dropped and counted (R64).
pub(super) const MOST_WAITING_BYTES: usize = 8 << 20;

/// Bytes that are delivered together, and how many records are in them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The body of a request.
    pub(crate) body: Vec<u8>,
    /// Spans or lines in it.
    pub(crate) items: u64,
}

/// What became of records since that was last asked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// A collector has taken them.
    pub(crate) delivered: u64,
    /// They found no room.
    pub(crate) dropped: u64,
    /// No collector took them.
    pub(crate) failed: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.delivered += more.delivered;
        self.dropped += more.dropped;
        self.failed += more.failed;
    }
}

#[derive(Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    bytes: usize,
    /// Moment at which nothing is worth waiting for any more; none: there is time.
    end: Option<Instant>,
    /// Whether whoever delivers has ended.
    is_over: bool,
}

/// Batches between the IO thread and the one that delivers.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    delivered: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Queue {
    /// Takes a batch, or counts it as dropped.
    pub(super) fn push(&self, batch: Batch) {
        let mut waiting = self.waiting();
        if waiting.is_over || waiting.bytes + batch.body.len() > MOST_WAITING_BYTES {
            self.dropped.fetch_add(batch.items, Ordering::Relaxed);
            return;
        }
        waiting.bytes += batch.body.len();
        waiting.batches.push_back(batch);
        self.changed.notify_all();
    }

    /// Waits for the next batch; none: all is delivered that will be. Its bytes count as waiting until it is settled.
    pub(super) fn next(&self) -> Option<Batch> {
        let mut waiting = self.waiting();
        loop {
            let is_late = waiting.end.is_some_and(|end| end <= Instant::now());
            if !is_late && let Some(batch) = waiting.batches.pop_front() {
                return Some(batch);
            }
            if waiting.end.is_some() {
                let left = waiting.batches.drain(..).map(|batch| batch.items).sum();
                self.failed.fetch_add(left, Ordering::Relaxed);
                waiting.bytes = 0;
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Counts what became of a batch: so many of its records were delivered.
    pub(super) fn settle(&self, batch: &Batch, delivered: u64) {
        self.delivered.fetch_add(delivered, Ordering::Relaxed);
        self.failed.fetch_add(batch.items.saturating_sub(delivered), Ordering::Relaxed);
        let mut waiting = self.waiting();
        waiting.bytes = waiting.bytes.saturating_sub(batch.body.len());
    }

    /// Waits for a time; false: the end came first.
    pub(super) fn rest(&self, time: Duration) -> bool {
        let is_undisturbed = |waiting: &mut Waiting| waiting.end.is_none();
        let waited = self.changed.wait_timeout_while(self.waiting(), time, is_undisturbed);
        waited.unwrap_or_else(PoisonError::into_inner).0.end.is_none()
    }

    /// When nothing is worth waiting for any more, if it is known.
    pub(super) fn end(&self) -> Option<Instant> {
        self.waiting().end
    }

    /// Has what waits delivered until a moment and no longer; said again, it can only hasten.
    pub(super) fn end_at(&self, end: Instant) {
        let mut waiting = self.waiting();
        waiting.end = Some(waiting.end.map_or(end, |earlier| earlier.min(end)));
        self.changed.notify_all();
    }

    /// Says that nothing is delivered any more.
    pub(super) fn close(&self) {
        self.waiting().is_over = true;
        self.changed.notify_all();
    }

    /// Whether nothing is delivered any more.
    pub(super) fn is_over(&self) -> bool {
        self.waiting().is_over
    }

    /// Waits until nothing is delivered any more, or until a moment.
    pub(super) fn wait_closed(&self, until: Instant) {
        let time = until.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(self.waiting(), time, |waiting| !waiting.is_over);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// What became of records since the last call.
    pub(super) fn counts(&self) -> Counts {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        Counts { delivered: take(&self.delivered), dropped: take(&self.dropped), failed: take(&self.failed) }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
