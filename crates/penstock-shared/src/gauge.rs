//! Gauges: how much of something there is now (in flight, connections, permits).
//!
//! Kept twice: one shared word for decisions, and a ledger per worker that says whose part
//! is what. When a worker dies, its part is taken out again, exactly: even an update that
//! death cut in half is found, because a ledger shows that it is busy and how often it has
//! changed, so the truth can be read off the others while they work.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::layout::WORKERS;
use crate::slots::{GaugeSlot, WorkerSlot};
use crate::table::Table;

/// Set in a ledger while its worker is between its first and last store of one change.
const BUSY: u64 = 1;
const COUNT_SHIFT: u32 = 1;
const COUNT_MASK: u64 = 0x7fff_ffff << COUNT_SHIFT;
const ONE: u64 = 1 << COUNT_SHIFT;
/// The upper half counts changes, so that two equal looks mean nothing happened between.
const CHANGE: u64 = 1 << 32;

/// Looks at a gauge that wait for a moment in which nobody changes it. One look takes about
/// a microsecond; after each hundred others get the processor, so a neighbour that was
/// interrupted in mid-change can finish it.
const LOOKS: u32 = 5_000;
/// Where death cut nothing in half, looking only guards against an earlier settling cut short.
const FEW_LOOKS: u32 = 50;

/// One gauge of the table.
#[derive(Debug, Clone, Copy)]
pub struct Gauge<'table> {
    table: &'table Table,
    slot: GaugeSlot,
}

impl Table {
    /// The gauge at a place.
    #[inline]
    pub fn gauge(&self, slot: GaugeSlot) -> Gauge<'_> {
        Gauge { table: self, slot }
    }

    /// Takes a dead worker's part out of every gauge and frees its column.
    ///
    /// The process must be gone, and only one process settles at a time. Cut short, it can be
    /// repeated. The gauges it returns had no quiet moment and may be off by one: have them
    /// mended ([`Gauge::mend`]) a little later.
    #[must_use]
    pub fn settle_dead_worker(&self, worker: WorkerSlot) -> Vec<GaugeSlot> {
        let slots = (0..GaugeSlot::CAPACITY).filter_map(GaugeSlot::new);
        let unsettled = slots.filter(|slot| !self.gauge(*slot).settle(worker)).collect();
        self.retire(worker);
        unsettled
    }
}

impl Gauge<'_> {
    /// Counts one in; only the worker that owns the ledger calls it.
    #[inline]
    pub fn enter(self, worker: WorkerSlot) {
        let ledger = self.ledger(worker.position());
        let before = begin(ledger);
        self.shared().fetch_add(1, AcqRel);
        ledger.store(before.wrapping_add(ONE + CHANGE), Release);
    }

    /// Counts one in unless there are `limit` already: a permit.
    #[inline]
    pub fn enter_below(self, worker: WorkerSlot, limit: u64) -> bool {
        let ledger = self.ledger(worker.position());
        let before = begin(ledger);
        let entered =
            self.shared().fetch_update(AcqRel, Acquire, |word| (present(word) < limit).then(|| word.wrapping_add(1)));
        let entered = entered.is_ok();
        let after = if entered { before.wrapping_add(ONE + CHANGE) } else { before };
        ledger.store(after, Release);
        entered
    }

    /// Counts one out that this worker counted in; without one it does nothing.
    #[inline]
    pub fn leave(self, worker: WorkerSlot) {
        let ledger = self.ledger(worker.position());
        if count(ledger.load(Relaxed)) == 0 {
            return;
        }
        let before = begin(ledger);
        self.shared().fetch_sub(1, AcqRel);
        ledger.store(before.wrapping_sub(ONE).wrapping_add(CHANGE), Release);
    }

    /// How many there are now, over all workers.
    #[inline]
    pub fn value(self) -> u64 {
        present(self.shared().load(Relaxed))
    }

    /// How many of them are this worker's.
    pub fn part_of(self, worker: WorkerSlot) -> u64 {
        count(self.ledger(worker.position()).load(Acquire))
    }

    /// Sets it to zero for another use of its place, while no worker runs a plan that names it.
    pub fn clear(self) {
        self.shared().store(0, Relaxed);
        self.table.columns().for_each(|column| self.ledger(column).store(0, Relaxed));
    }

    /// Makes the shared word equal to the ledgers again; false: no quiet moment was found.
    ///
    /// Only the process that settles calls it, at any time and as often as it likes.
    pub fn mend(self) -> bool {
        let excess = self.quiet_excess(None, LOOKS);
        self.shared().fetch_sub(excess.unwrap_or(0), AcqRel);
        excess.is_some()
    }

    /// Takes a dead worker's part out; false: it may be off by one.
    fn settle(self, dead: WorkerSlot) -> bool {
        let ledger = self.ledger(dead.position());
        let left = ledger.load(Acquire);
        if left & (COUNT_MASK | BUSY) == 0 {
            return true;
        }
        let is_whole = left & BUSY == 0;
        let exact = self.quiet_excess(Some(dead.position()), if is_whole { FEW_LOOKS } else { LOOKS });
        self.shared().fetch_sub(exact.unwrap_or_else(|| count(left)), AcqRel);
        // Last, so that settling again after an interruption finds an excess of nothing.
        ledger.store(0, Release);
        is_whole || exact.is_some()
    }

    fn quiet_excess(self, dead: Option<usize>, looks: u32) -> Option<u64> {
        (0..looks).find_map(|look| {
            if look % 100 == 99 {
                std::thread::yield_now();
            }
            self.excess(dead)
        })
    }

    /// By how much the shared word exceeds the ledgers of all but the dead, if nobody moved meanwhile.
    fn excess(self, dead: Option<usize>) -> Option<u64> {
        let before = self.ledgers(dead);
        let shared = self.shared().load(Acquire);
        let is_quiet = before.iter().all(|ledger| ledger & BUSY == 0) && self.ledgers(dead) == before;
        let expected: u64 = before.iter().map(|ledger| count(*ledger)).sum();
        is_quiet.then(|| shared.wrapping_sub(expected))
    }

    fn ledgers(self, dead: Option<usize>) -> [u64; WORKERS] {
        let mut ledgers = [0; WORKERS];
        for column in self.table.columns().filter(|column| Some(*column) != dead) {
            ledgers[column] = self.ledger(column).load(Acquire);
        }
        ledgers
    }

    #[inline]
    fn shared(&self) -> &AtomicU64 {
        &self.table.memory().gauges[self.slot.position()].0
    }

    #[inline]
    fn ledger(&self, column: usize) -> &AtomicU64 {
        &self.table.memory().ledgers[column][self.slot.position()]
    }
}

/// Marks a ledger as being changed; what it was, unmarked.
#[inline]
fn begin(ledger: &AtomicU64) -> u64 {
    let before = ledger.load(Relaxed) & !BUSY;
    ledger.store(before | BUSY, Relaxed);
    before
}

fn count(ledger: u64) -> u64 {
    (ledger & COUNT_MASK) >> COUNT_SHIFT
}

/// What a shared word says. It may lie below zero while a gauge is being settled: none.
#[inline]
fn present(word: u64) -> u64 {
    if word > i64::MAX as u64 { 0 } else { word }
}

#[cfg(test)]
#[cfg(not(miri))]
#[path = "gauge_tests.rs"]
mod tests;
