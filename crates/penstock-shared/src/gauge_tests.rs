//! Tests of gauges: exact counts, and exact again after a death in the middle of a change.

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
