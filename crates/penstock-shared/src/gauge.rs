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
mod tests {
    use super::*;

    fn enrolled(numbers: &[u32]) -> (Table, Vec<WorkerSlot>) {
        let table = Table::create(1).unwrap();
        let workers: Vec<WorkerSlot> = numbers.iter().filter_map(|number| WorkerSlot::new(*number)).collect();
        for worker in &workers {
            table.enroll(*worker, 1, 0);
        }
        (table, workers)
    }

    fn slot(number: u32) -> GaugeSlot {
        GaugeSlot::new(number).unwrap()
    }

    #[test]
    fn entering_and_leaving_cancel_out() {
        let (table, workers) = enrolled(&[0, 63]);
        let gauge = table.gauge(slot(GaugeSlot::CAPACITY - 1));
        gauge.enter(workers[0]);
        gauge.enter(workers[1]);
        gauge.enter(workers[1]);
        assert_eq!((gauge.value(), gauge.part_of(workers[0]), gauge.part_of(workers[1])), (3, 1, 2));
        gauge.leave(workers[0]);
        gauge.leave(workers[1]);
        gauge.leave(workers[1]);
        assert_eq!((gauge.value(), gauge.part_of(workers[1])), (0, 0));
    }

    #[test]
    fn leaving_what_was_never_entered_changes_nothing() {
        let (table, workers) = enrolled(&[0, 1]);
        table.gauge(slot(0)).enter(workers[0]);
        table.gauge(slot(0)).leave(workers[1]);
        assert_eq!(table.gauge(slot(0)).value(), 1);
    }

    #[test]
    fn a_dead_workers_part_is_taken_out_and_the_others_stays() {
        let (table, workers) = enrolled(&[0, 1]);
        (0..5).for_each(|_| table.gauge(slot(7)).enter(workers[0]));
        table.gauge(slot(7)).enter(workers[1]);
        table.gauge(slot(8)).enter(workers[0]);
        assert_eq!(table.settle_dead_worker(workers[0]), []);
        assert_eq!(table.settle_dead_worker(workers[0]), []);
        assert_eq!((table.gauge(slot(7)).value(), table.gauge(slot(8)).value()), (1, 0));
        assert_eq!(table.workers().collect::<Vec<_>>(), [workers[1]]);
    }

    /// Does what a worker does before it dies in the middle of a change.
    fn die_half_way(gauge: Gauge<'_>, worker: WorkerSlot, change: u64) {
        begin(gauge.ledger(worker.position()));
        gauge.shared().fetch_add(change, AcqRel);
    }

    #[test]
    fn a_change_that_death_cut_in_half_is_mended() {
        for (before, change) in [(2, 0), (2, 1), (2, u64::MAX), (0, 0), (0, 1)] {
            let (table, workers) = enrolled(&[0, 1]);
            let gauge = table.gauge(slot(7));
            (0..before).for_each(|_| gauge.enter(workers[0]));
            gauge.enter(workers[1]);
            die_half_way(gauge, workers[0], change);
            assert_eq!(table.settle_dead_worker(workers[0]), []);
            assert_eq!(gauge.value(), 1, "{before} entered, then {change}");
        }
    }

    #[test]
    fn two_deaths_in_mid_change_of_one_gauge_are_mended() {
        let (table, workers) = enrolled(&[0, 1, 2]);
        let gauge = table.gauge(slot(7));
        for worker in &workers {
            gauge.enter(*worker);
        }
        die_half_way(gauge, workers[0], 1);
        die_half_way(gauge, workers[1], 1);
        assert_eq!(table.settle_dead_worker(workers[0]), [slot(7)], "the other stands in mid-change for ever");
        assert_eq!(table.settle_dead_worker(workers[1]), []);
        assert_eq!(gauge.value(), 1);
    }

    #[test]
    fn settling_that_was_cut_short_can_be_repeated() {
        let (table, workers) = enrolled(&[0, 1]);
        let gauge = table.gauge(slot(7));
        gauge.enter(workers[0]);
        gauge.enter(workers[1]);
        // The first settler took the part out and died before it emptied the ledger.
        gauge.shared().fetch_sub(1, AcqRel);
        assert_eq!(table.settle_dead_worker(workers[0]), []);
        assert_eq!(gauge.value(), 1);
    }

    #[test]
    fn settling_is_exact_while_the_others_work() {
        let (table, workers) = enrolled(&[0, 1, 2]);
        let (table, stop) = (&table, &std::sync::atomic::AtomicBool::new(false));
        let gauge = table.gauge(slot(3));
        let mut unsettled = 0;
        std::thread::scope(|scope| {
            for worker in workers[1..].iter().copied() {
                scope.spawn(move || {
                    while !stop.load(Relaxed) {
                        gauge.enter(worker);
                        (0..100).for_each(|_| std::hint::spin_loop());
                        gauge.leave(worker);
                        (0..100).for_each(|_| std::hint::spin_loop());
                    }
                });
            }
            for round in 0..200 {
                gauge.enter(workers[0]);
                die_half_way(gauge, workers[0], round % 2);
                unsettled += table.settle_dead_worker(workers[0]).len();
            }
            stop.store(true, Relaxed);
        });
        assert!(gauge.value() <= unsettled as u64, "{} but {unsettled}", gauge.value());
        assert!(unsettled < 100, "a quiet moment is the rule: {unsettled}");
        assert!(gauge.mend());
        assert_eq!(gauge.value(), 0);
    }

    #[test]
    fn permits_are_never_more_than_the_limit() {
        let (table, workers) = enrolled(&[0, 1, 2, 3]);
        let gauge = table.gauge(slot(3));
        let entered: usize = std::thread::scope(|scope| {
            let enter_all = |worker| scope.spawn(move || (0..1_000).filter(|_| gauge.enter_below(worker, 100)).count());
            let threads: Vec<_> = workers.iter().copied().map(enter_all).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((entered, gauge.value()), (100, 100));
        gauge.leave(workers.iter().copied().find(|worker| gauge.part_of(*worker) > 0).unwrap());
        assert!(gauge.enter_below(workers[0], 100));
    }

    #[test]
    fn a_cleared_gauge_starts_again() {
        let (table, workers) = enrolled(&[0]);
        let gauge = table.gauge(slot(3));
        gauge.enter(workers[0]);
        gauge.clear();
        assert_eq!((gauge.value(), gauge.part_of(workers[0])), (0, 0));
    }
}
