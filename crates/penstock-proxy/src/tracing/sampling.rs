//! Which traces are recorded.

use std::cell::Cell;

/// A share in millionths.
const WHOLE: u128 = 1_000_000;

/// Whether a trace belongs to a share of all. All services that ask for the same share choose the same traces.
///
/// Source: OpenTelemetry's `TraceIdRatioBased` as its SDKs do it: of the last 8 bytes, without their last bit.
pub(crate) fn is_in_share(trace: u128, millionths: u32) -> bool {
    let bound = (u128::from(millionths.min(WHOLE as u32)) << 63) / WHOLE;
    u128::from(trace as u64 >> 1) < bound
}

/// How many a second may be recorded because a stranger has asked for it; a bucket that fills up again.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    /// Moment up to which the allowance is used up, in microseconds of the thread's clock.
    used_until_us: Cell<u64>,
}

/// A second's worth may come at once.
const BURST_US: u64 = 1_000_000;

impl Allowance {
    /// Takes one, if there is one left where there is another after each such time.
    pub(crate) fn take(&self, now_us: u64, each_us: u64) -> bool {
        let saved_us = now_us.saturating_sub(each_us.max(BURST_US));
        let until = self.used_until_us.get().max(saved_us).saturating_add(each_us);
        let is_left = until <= now_us;
        if is_left {
            self.used_until_us.set(until);
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_decided_by_the_number_of_the_trace_alone() {
        for (low, millionths, expected) in [
            (0, 0, false),
            (0, 1, true),
            (u64::MAX, 999_999, false),
            (u64::MAX, 1_000_000, true),
            (1 << 63, 500_000, false),
            ((1 << 63) - 1, 500_000, true),
            (0x0290_0000_0000_0000, 10_000, false),
            (0x028f_0000_0000_0000, 10_000, true),
        ] {
            for high in [0, 1 << 64, u128::from(u64::MAX) << 64] {
                assert_eq!(is_in_share(high | u128::from(low), millionths), expected, "{low:x} of {millionths}");
            }
        }
    }

    #[test]
    fn strangers_are_allowed_so_many_a_second_and_no_more() {
        let allowance = Allowance::default();
        let taken = |at_us| (0..1_000).filter(|_| allowance.take(at_us, 10_000)).count();
        assert_eq!(taken(5_000_000), 100);
        assert_eq!(taken(5_009_999), 0);
        assert_eq!(taken(5_500_000), 50);
        assert_eq!(taken(60_000_000), 100, "what was not used is not saved for longer than a second");
        let seldom = Allowance::default();
        let taken = |at_us| (0..9).filter(|_| seldom.take(at_us, 60_000_000)).count();
        assert_eq!([taken(100_000_000), taken(159_999_999), taken(160_000_000)], [1, 0, 1]);
    }
}
