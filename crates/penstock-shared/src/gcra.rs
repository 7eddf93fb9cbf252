//! Rate limits: one compare-and-swap on one 64-bit word per decision.
//!
//! The word is the time, in monotonic nanoseconds, at which the bucket will be empty again:
//! every admitted request moves it one interval on, and a request is admitted while the word
//! stays within the burst from now. At or before now, as zero always is, the bucket is in its
//! initial state. Workers whose clocks lag a little only become a little stricter.
//!
//! Source: the generic cell rate algorithm, ITU-T I.371, annex A.

use std::num::NonZeroU64;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

const SECOND_NS: u64 = 1_000_000_000;

/// How far one worker's cached clock may be ahead of another's.
pub(crate) const CLOCK_SLACK_NS: u64 = SECOND_NS;

/// How much is allowed: a steady rate and a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Time that one unit takes; rounded up, so that never more than the rate is admitted.
    interval_ns: u64,
    /// Time that the whole burst takes.
    tolerance_ns: u64,
}

/// What a limit says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Admitted {
        /// What may still come at once.
        remaining: u64,
    },
    /// Too much.
    Limited {
        /// When the same request would pass; `u64::MAX`: never, it is larger than the burst.
        retry_after_ns: u64,
    },
}

impl Verdict {
    /// Whether it lets the request pass.
    pub fn is_admitted(self) -> bool {
        matches!(self, Self::Admitted { .. })
    }
}

impl Rate {
    /// `count` in every `period_ns`, and `burst` at once.
    ///
    /// Without a burst, one second of the rate may come at once, and at least one.
    /// Exact to a nanosecond in the interval: above a million a second, up to 0.1 % stricter.
    pub fn new(count: NonZeroU64, period_ns: NonZeroU64, burst: Option<NonZeroU64>) -> Self {
        let interval_ns = period_ns.get().div_ceil(count.get());
        let burst = burst.map_or_else(|| (SECOND_NS / interval_ns).max(1), NonZeroU64::get);
        // A century is for ever, and sums of it with any clock do not overflow.
        let tolerance_ns = interval_ns.saturating_mul(burst).min(u64::MAX / 4);
        Self { interval_ns: interval_ns.min(u64::MAX / 4), tolerance_ns }
    }

    /// One of so many equal parts of it. Of the burst too, but what is left of that is at least one at once.
    ///
    /// Every request takes so many times as long, in a bucket of the same length: so a bucket is as full as before
    /// when the number of parts changes.
    #[must_use]
    pub fn divided(self, parts: u64) -> Self {
        if parts <= 1 {
            return self;
        }
        let interval_ns = self.interval_ns.saturating_mul(parts).min(u64::MAX / 4);
        Self { interval_ns, tolerance_ns: self.tolerance_ns.max(interval_ns) }
    }

    /// What a bucket whose word is `word` says to a request of this cost, and the word after it.
    ///
    /// Pure arithmetic: the second value is absent where nothing changes.
    pub(crate) fn decide(&self, word: u64, cost: u64, now_ns: u64) -> (Verdict, Option<u64>) {
        let Some(needed) = self.interval_ns.checked_mul(cost).filter(|needed| *needed <= self.tolerance_ns) else {
            return (Verdict::Limited { retry_after_ns: u64::MAX }, None);
        };
        let next = self.started(word, now_ns).max(now_ns).saturating_add(needed);
        let ahead = next - now_ns;
        match self.tolerance_ns.checked_sub(ahead) {
            Some(left) => (Verdict::Admitted { remaining: left / self.interval_ns }, Some(next)),
            None => (Verdict::Limited { retry_after_ns: ahead - self.tolerance_ns }, None),
        }
    }

    /// The word, unless this rate can never have moved it so far: then it is another rate's
    /// leftover, as after a change of the configuration or of the nodes, and the bucket is empty.
    fn started(&self, word: u64, now_ns: u64) -> u64 {
        let empty = now_ns.saturating_add(self.tolerance_ns);
        if word > empty.saturating_add(CLOCK_SLACK_NS) { empty } else { word }
    }
}

/// Decides one request: takes `cost` units from the bucket, or nothing.
pub fn admit(word: &AtomicU64, rate: &Rate, cost: u64, now_ns: u64) -> Verdict {
    let mut found = word.load(Acquire);
    loop {
        let (verdict, next) = rate.decide(found, cost, now_ns);
        let Some(next) = next else { return verdict };
        match word.compare_exchange_weak(found, next, AcqRel, Acquire) {
            Ok(_) => return verdict,
            Err(changed) => found = changed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn rate(count: u64, period_ns: u64, burst: Option<u64>) -> Rate {
        let whole = |number| NonZeroU64::new(number).unwrap();
        Rate::new(whole(count), whole(period_ns), burst.map(whole))
    }

    fn admitted_at(word: &AtomicU64, rate: &Rate, now_ns: u64) -> usize {
        (0..10_000).take_while(|_| admit(word, rate, 1, now_ns).is_admitted()).count()
    }

    #[test]
    fn the_burst_is_one_second_of_the_rate_unless_written() {
        for (count, period, burst, expected) in [
            (100, SECOND_NS, None, 100),
            (5000, 60 * SECOND_NS, None, 83),
            (10, 60 * SECOND_NS, None, 1),
            (100, SECOND_NS, Some(7), 7),
            (1, 86_400 * SECOND_NS, Some(3), 3),
        ] {
            let word = AtomicU64::new(0);
            assert_eq!(admitted_at(&word, &rate(count, period, burst), 5), expected, "{count} in {period}");
        }
    }

    #[test]
    fn an_emptied_bucket_gives_one_more_each_interval() {
        let (word, rate) = (AtomicU64::new(0), rate(10, SECOND_NS, None));
        assert_eq!(admitted_at(&word, &rate, 0), 10);
        assert_eq!(admit(&word, &rate, 1, 99 * MS), Verdict::Limited { retry_after_ns: MS });
        assert_eq!(admit(&word, &rate, 1, 100 * MS), Verdict::Admitted { remaining: 0 });
        assert_eq!(admitted_at(&word, &rate, 350 * MS), 2);
        assert_eq!(admitted_at(&word, &rate, 10_000 * MS), 10);
    }

    #[test]
    fn the_time_to_wait_is_exactly_enough() {
        let (word, rate) = (AtomicU64::new(0), rate(3, SECOND_NS, Some(2)));
        admitted_at(&word, &rate, 12_345);
        let Verdict::Limited { retry_after_ns } = admit(&word, &rate, 1, 12_346) else { panic!("the bucket is empty") };
        assert!(!admit(&word, &rate, 1, 12_346 + retry_after_ns - 1).is_admitted());
        assert!(admit(&word, &rate, 1, 12_346 + retry_after_ns).is_admitted());
    }

    #[test]
    fn a_cost_counts_as_so_many_and_one_above_the_burst_never_passes() {
        let (word, rate) = (AtomicU64::new(0), rate(10, SECOND_NS, None));
        assert_eq!(admit(&word, &rate, 8, 0), Verdict::Admitted { remaining: 2 });
        assert_eq!(admit(&word, &rate, 3, 0), Verdict::Limited { retry_after_ns: 100 * MS });
        assert_eq!(admit(&word, &rate, 2, 0), Verdict::Admitted { remaining: 0 });
        for cost in [11, u64::MAX] {
            assert_eq!(admit(&word, &rate, cost, 99 * SECOND_NS), Verdict::Limited { retry_after_ns: u64::MAX });
        }
    }

    #[test]
    fn a_free_request_needs_an_unbroken_limit_only() {
        let (word, rate) = (AtomicU64::new(0), rate(1, SECOND_NS, None));
        assert!(admit(&word, &rate, 1, 0).is_admitted());
        assert!(admit(&word, &rate, 0, 0).is_admitted());
        assert!(!admit(&word, &rate, 1, 0).is_admitted());
    }

    #[test]
    fn a_refusal_costs_nothing() {
        let (word, rate) = (AtomicU64::new(0), rate(1, SECOND_NS, None));
        admit(&word, &rate, 1, 0);
        let before = word.load(Acquire);
        (0..100).for_each(|_| assert!(!admit(&word, &rate, 1, 0).is_admitted()));
        assert_eq!(word.load(Acquire), before);
    }

    #[test]
    fn a_slower_clock_is_stricter_never_looser() {
        let (word, rate) = (AtomicU64::new(0), rate(10, SECOND_NS, None));
        assert_eq!(admitted_at(&word, &rate, 500 * MS), 10);
        assert_eq!(admitted_at(&word, &rate, 450 * MS), 0);
    }

    #[test]
    fn what_a_slower_rate_left_is_an_empty_bucket_of_a_faster_one() {
        let (word, faster) = (AtomicU64::new(0), rate(10, SECOND_NS, None));
        admitted_at(&word, &rate(1, 3600 * SECOND_NS, Some(5)), 0);
        assert_eq!(admit(&word, &faster, 1, 0), Verdict::Limited { retry_after_ns: 100 * MS });
        assert_eq!(admitted_at(&word, &faster, 0), 0);
    }

    #[test]
    fn nobody_is_given_more_as_parts_become_fewer_than_one_may_come_at_once() {
        let (word, whole) = (AtomicU64::new(0), rate(10, 60 * SECOND_NS, None));
        assert_eq!(admitted_at(&word, &whole.divided(3), 0), 1);
        for parts in [2, 1, 2, 1] {
            assert_eq!(admitted_at(&word, &whole.divided(parts), 0), 0, "{parts}");
        }
    }

    #[test]
    fn a_part_of_a_rate_is_as_much_less_and_never_nothing() {
        for (burst, parts, at_once) in [(12, 1, 12), (12, 0, 12), (12, 3, 4), (10, 3, 3), (2, 3, 1), (12, u64::MAX, 1)]
        {
            let (word, part) = (AtomicU64::new(0), rate(5, 3600 * SECOND_NS, Some(burst)).divided(parts));
            assert_eq!(admitted_at(&word, &part, 5), at_once, "{burst} in {parts}");
        }
        let (word, part) = (AtomicU64::new(0), rate(40, SECOND_NS, Some(4)).divided(4));
        assert_eq!(admitted_at(&word, &part, 0), 1);
        assert_eq!(admit(&word, &part, 1, 0), Verdict::Limited { retry_after_ns: 100 * MS });
    }

    #[test]
    fn a_bucket_is_as_full_as_before_when_the_number_of_parts_changes() {
        let (word, whole) = (AtomicU64::new(0), rate(1, 3600 * SECOND_NS, Some(12)));
        assert_eq!(admitted_at(&word, &whole.divided(3), 0), 4);
        for parts in [1, 2, 6] {
            assert!(!admit(&word, &whole.divided(parts), 1, 0).is_admitted(), "{parts}");
        }
        let word = AtomicU64::new(0);
        assert!((0..2).all(|_| admit(&word, &whole.divided(3), 1, 0).is_admitted()));
        assert_eq!(admitted_at(&word, &whole, 0), 6, "half of the bucket is left, and half of the burst");
    }

    #[test]
    fn extreme_rates_and_clocks_do_not_overflow() {
        let numbers = [1, 2, SECOND_NS, u64::MAX / 2, u64::MAX];
        for (count, period) in numbers.into_iter().flat_map(|count| numbers.map(|period| (count, period))) {
            for now in [0, SECOND_NS, u64::MAX - 1, u64::MAX] {
                for (burst, word) in [(None, 0), (Some(u64::MAX), now), (Some(1), u64::MAX)] {
                    admit(&AtomicU64::new(word), &rate(count, period, burst), 1, now);
                }
            }
        }
    }

    #[test]
    fn threads_on_one_word_never_admit_more_than_allowed() {
        // Each thread walks its own clock over the same second: at most the burst and what
        // flows in meanwhile may pass, and with all of them asking, exactly that does.
        let (word, rate) = (AtomicU64::new(0), rate(200, SECOND_NS, Some(50)));
        let steps: u64 = if cfg!(miri) { 50 } else { 5_000 };
        let walk = || (0..=steps).filter(|step| admit(&word, &rate, 1, step * SECOND_NS / steps).is_admitted()).count();
        let admitted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(walk)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!(admitted <= 250, "{admitted}");
        assert!(cfg!(miri) || admitted >= 200, "{admitted}");
    }
}
