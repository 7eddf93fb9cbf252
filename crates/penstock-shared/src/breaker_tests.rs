//! Tests of the circuit breaker (reliability row R39: counts exact under concurrency, one probe).

use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use super::*;

const CONSECUTIVE: Policy =
    Policy { trip: Trip::Consecutive(3), open_ms: 1_000, longest_open_ms: 5_000, probe_ms: 200 };

fn with(trip: Trip) -> Policy {
    Policy { trip, ..CONSECUTIVE }
}

fn permit(word: &AtomicU64, policy: &Policy, now_ms: u64) -> Permit {
    match admit(word, policy, now_ms) {
        Admission::Allowed(permit) => permit,
        Admission::Refused { retry_after_ms } => panic!("refused for {retry_after_ms} ms"),
    }
}

/// Makes calls that end as the letters say: `s`ucceeded, `f`ailed, `u`nknown.
fn calls(word: &AtomicU64, policy: &Policy, outcomes: &str, now_ms: u64) -> Option<Change> {
    let outcome = |letter| match letter {
        's' => Outcome::Succeeded,
        'f' => Outcome::Failed,
        _ => Outcome::Unknown,
    };
    let report_one = |letter| report(word, policy, permit(word, policy, now_ms), outcome(letter), now_ms);
    outcomes.chars().filter_map(report_one).last()
}

#[test]
fn it_opens_at_the_threshold_and_not_before() {
    let share = Trip::Share { percent: 50, least: 4, window_ms: 10_000 };
    let failures = Trip::Failures { count: 3, window_ms: 10_000 };
    for (trip, stays_closed, opens) in [
        (Trip::Consecutive(3), "ffsffsff", "f"),
        (Trip::Consecutive(3), "ffuu", "f"),
        (Trip::Consecutive(1), "sss", "f"),
        (failures, "fsssssfs", "f"),
        (failures, "ffuuuu", "f"),
        (share, "fff", "f"),
        (share, "sssfss", "ffff"),
        (share, "ssssff", "ff"),
    ] {
        let (word, policy) = (AtomicU64::new(0), with(trip));
        assert_eq!(calls(&word, &policy, stays_closed, 5_000), None, "{trip:?} {stays_closed}");
        let (nearly, last) = opens.split_at(opens.len() - 1);
        assert_eq!(calls(&word, &policy, nearly, 5_000), None, "{trip:?} {stays_closed} {nearly}");
        assert_eq!(calls(&word, &policy, last, 5_000), Some(Change::Opened), "{trip:?} {stays_closed} {opens}");
        assert_eq!(admit(&word, &policy, 5_000), Admission::Refused { retry_after_ms: 1_000 });
    }
}

#[test]
fn failures_of_a_window_that_is_over_do_not_count() {
    for trip in
        [Trip::Failures { count: 3, window_ms: 10_000 }, Trip::Share { percent: 100, least: 3, window_ms: 10_000 }]
    {
        let (word, policy) = (AtomicU64::new(0), with(trip));
        assert_eq!(calls(&word, &policy, "ff", 50_000), None);
        assert_eq!(calls(&word, &policy, "ff", 60_016), None);
        assert_eq!(calls(&word, &policy, "f", 62_000), Some(Change::Opened));
    }
}

#[test]
fn a_clock_that_is_a_little_behind_loses_no_count() {
    let (word, policy) = (AtomicU64::new(0), with(Trip::Failures { count: 3, window_ms: 10_000 }));
    calls(&word, &policy, "f", 50_000);
    calls(&word, &policy, "f", 49_900);
    assert_eq!(calls(&word, &policy, "f", 50_001), Some(Change::Opened));
}

#[test]
fn a_window_whose_counts_overflow_keeps_its_share() {
    let (word, policy) = (AtomicU64::new(0), with(Trip::Share { percent: 40, least: 100, window_ms: 1 << 40 }));
    let full = Counts { failures: 20_000, calls: u16::MAX, started: 0 };
    word.store(State::Closed(full).word(), Relaxed);
    assert_eq!(calls(&word, &policy, "s", 16), None);
    let State::Closed(counts) = State::from_word(word.load(Relaxed)) else { panic!("it is closed") };
    assert_eq!((counts.failures, counts.calls), (10_000, 32_768));
}

fn open(policy: &Policy) -> AtomicU64 {
    let word = AtomicU64::new(0);
    assert_eq!(calls(&word, policy, "fff", 10_000), Some(Change::Opened));
    word
}

#[test]
fn after_the_open_time_exactly_one_call_probes() {
    let word = open(&CONSECUTIVE);
    assert_eq!(admit(&word, &CONSECUTIVE, 10_999), Admission::Refused { retry_after_ms: 1 });
    assert!(permit(&word, &CONSECUTIVE, 11_000).is_probe());
    assert_eq!(admit(&word, &CONSECUTIVE, 11_000), Admission::Refused { retry_after_ms: 200 });
}

#[test]
fn a_probe_that_succeeds_closes_it_with_nothing_counted() {
    let word = open(&CONSECUTIVE);
    let probe = permit(&word, &CONSECUTIVE, 11_000);
    assert_eq!(report(&word, &CONSECUTIVE, probe, Outcome::Succeeded, 11_050), Some(Change::Closed));
    assert_eq!(word.load(Relaxed), 0);
}

#[test]
fn each_probe_that_fails_doubles_the_time_up_to_the_longest() {
    let (word, mut now_ms) = (open(&CONSECUTIVE), 11_000);
    for expected in [2_000, 4_000, 5_000, 5_000] {
        let probe = permit(&word, &CONSECUTIVE, now_ms);
        assert_eq!(report(&word, &CONSECUTIVE, probe, Outcome::Failed, now_ms), Some(Change::Opened));
        assert_eq!(admit(&word, &CONSECUTIVE, now_ms), Admission::Refused { retry_after_ms: expected });
        now_ms += expected;
    }
}

#[test]
fn a_probe_that_says_nothing_is_given_to_the_next_caller() {
    let word = open(&CONSECUTIVE);
    let probe = permit(&word, &CONSECUTIVE, 11_000);
    assert_eq!(report(&word, &CONSECUTIVE, probe, Outcome::Unknown, 11_010), None);
    assert!(permit(&word, &CONSECUTIVE, 11_010).is_probe());
}

#[test]
fn a_probe_that_never_reports_loses_its_lease() {
    let word = open(&CONSECUTIVE);
    let lost = permit(&word, &CONSECUTIVE, 11_000);
    assert!(!matches!(admit(&word, &CONSECUTIVE, 11_199), Admission::Allowed(_)));
    let second = permit(&word, &CONSECUTIVE, 11_200);
    assert_eq!(report(&word, &CONSECUTIVE, lost, Outcome::Succeeded, 11_201), None, "the lease is another's");
    assert_eq!(report(&word, &CONSECUTIVE, second, Outcome::Succeeded, 11_202), Some(Change::Closed));
}

#[test]
fn results_of_calls_from_before_it_opened_change_nothing() {
    let word = AtomicU64::new(0);
    let early = permit(&word, &CONSECUTIVE, 9_000);
    calls(&word, &CONSECUTIVE, "fff", 10_000);
    for outcome in [Outcome::Succeeded, Outcome::Failed] {
        let before = word.load(Relaxed);
        assert_eq!(report(&word, &CONSECUTIVE, early, outcome, 10_100), None);
        assert_eq!(word.load(Relaxed), before);
    }
}

#[test]
fn a_time_that_a_longer_policy_set_does_not_hold_a_shorter_one() {
    let long = Policy { open_ms: 300_000, longest_open_ms: 300_000, ..CONSECUTIVE };
    let word = open(&long);
    assert!(permit(&word, &CONSECUTIVE, 10_001).is_probe());
}

#[test]
fn every_state_survives_its_word() {
    let counts = Counts { failures: u16::MAX, calls: 1, started: TICK_MASK };
    for state in [
        State::default(),
        State::Closed(counts),
        State::Closed(Counts { failures: 1, calls: u16::MAX, started: 0 }),
        State::Open { failed_probes: 63, until_ms: MS_MASK },
        State::HalfOpen { failed_probes: 0, until_ms: 1 },
    ] {
        assert_eq!(State::from_word(state.word()), state);
    }
}

/// Runs it on four threads at once and adds up what they return.
fn on_four_threads(run: impl Fn() -> usize + Sync) -> usize {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(&run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

#[test]
fn r39_failures_are_counted_exactly_by_many_threads() {
    let each = if cfg!(miri) { 20 } else { 2_000 };
    let policy = with(Trip::Failures { count: each * 4 + 1, window_ms: 60_000 });
    let word = AtomicU64::new(0);
    let permit = permit(&word, &policy, 100);
    let fail = || (0..each).filter_map(|_| report(&word, &policy, permit, Outcome::Failed, 100)).count();
    assert_eq!(on_four_threads(fail), 0, "one failure is still missing");
    assert_eq!(report(&word, &policy, permit, Outcome::Failed, 100), Some(Change::Opened));
}

#[test]
fn r39_many_threads_open_it_once() {
    let word = AtomicU64::new(0);
    let permit = permit(&word, &CONSECUTIVE, 100);
    let fail = || (0..50).filter_map(|_| report(&word, &CONSECUTIVE, permit, Outcome::Failed, 100)).count();
    assert_eq!(on_four_threads(fail), 1);
}

#[test]
fn r39_one_of_many_threads_gets_the_probe() {
    for _ in 0..if cfg!(miri) { 5 } else { 500 } {
        let word = open(&CONSECUTIVE);
        let probe = || {
            usize::from(matches!(admit(&word, &CONSECUTIVE, 11_000), Admission::Allowed(permit) if permit.is_probe()))
        };
        assert_eq!(on_four_threads(probe), 1);
    }
}

#[test]
fn a_closed_breaker_admits_without_a_clock_and_an_open_one_does_not() {
    let (word, policy) = (AtomicU64::new(0), CONSECUTIVE);
    assert_eq!(admit_if_closed(&word).map(Permit::is_probe), Some(false));
    assert_eq!(calls(&word, &policy, "fff", 5_000), Some(Change::Opened));
    assert!(is_open(&word));
    assert_eq!(admit_if_closed(&word), None);
}

#[test]
fn a_probe_may_be_reported_by_another_who_knows_the_permits_word() {
    let (word, policy) = (AtomicU64::new(0), CONSECUTIVE);
    calls(&word, &policy, "fff", 0);
    let probe = permit(&word, &policy, 1_000);
    assert_eq!(Permit::of_word(probe.word()), probe);
    let reported = report(&word, &policy, Permit::of_word(probe.word()), Outcome::Failed, 1_000);
    assert_eq!(reported, Some(Change::Opened));
    assert_eq!(admit(&word, &policy, 1_000), Admission::Refused { retry_after_ms: 2_000 });
    let call = Permit { lease: None };
    assert_eq!(Permit::of_word(call.word()), call);
}
