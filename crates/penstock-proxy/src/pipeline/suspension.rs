//! When a filter that overruns its budget is no longer called, and when it is tried again.

/// Overruns that suspend a filter.
const OVERRUNS: usize = 3;
/// Time in which they count together.
const WINDOW_MS: u64 = 10_000;
/// Time of a first suspension; each further one doubles it.
const FIRST_MS: u64 = 10_000;
/// Longest suspension.
const LONGEST_MS: u64 = 300_000;

/// What is remembered of one filter's overruns. Times are those of any steady clock.
#[derive(Debug, Default)]
pub struct Suspension {
    /// Times of the last overruns.
    overruns: Vec<u64>,
    /// When the present suspension ends; none while there is none.
    until_ms: Option<u64>,
    /// How long the last suspension was; 0 after the filter got well.
    length_ms: u64,
}

impl Suspension {
    /// Whether the filter may be called; after a suspension one call tries it.
    pub fn admits(&self, now_ms: u64) -> bool {
        self.until_ms.is_none_or(|until_ms| until_ms <= now_ms)
    }

    /// A call overran its budget; says whether that suspends the filter.
    pub fn overran(&mut self, now_ms: u64) -> bool {
        self.overruns.retain(|at_ms| now_ms.saturating_sub(*at_ms) < WINDOW_MS);
        self.overruns.push(now_ms);
        let failed_its_trial = self.until_ms.is_some();
        if self.overruns.len() < OVERRUNS && !failed_its_trial {
            return false;
        }
        self.length_ms = if self.length_ms == 0 { FIRST_MS } else { (self.length_ms * 2).min(LONGEST_MS) };
        self.until_ms = Some(now_ms + self.length_ms);
        self.overruns.clear();
        true
    }

    /// A call kept its budget; says whether that ends a suspension.
    pub fn ran_well(&mut self) -> bool {
        self.length_ms = if self.until_ms.is_some() { 0 } else { self.length_ms };
        self.until_ms.take().is_some()
    }

    /// Whether nothing is held against the filter any more.
    pub fn is_well(&self, now_ms: u64) -> bool {
        self.until_ms.is_none() && self.overruns.iter().all(|at_ms| now_ms.saturating_sub(*at_ms) >= WINDOW_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspended_at(now_ms: u64) -> Suspension {
        let mut suspension = Suspension::default();
        assert!(!suspension.overran(now_ms));
        assert!(!suspension.overran(now_ms));
        assert!(suspension.overran(now_ms));
        suspension
    }

    #[test]
    fn three_overruns_in_ten_seconds_suspend() {
        let suspension = suspended_at(5_000);
        assert!(!suspension.admits(14_999));
        assert!(suspension.admits(15_000));
    }

    #[test]
    fn overruns_further_apart_do_not_count_together() {
        let mut suspension = Suspension::default();
        let suspended = [0, 6_000, 12_000, 18_000].map(|now_ms| suspension.overran(now_ms));
        assert_eq!(suspended, [false; 4]);
        assert!(!suspension.is_well(20_000));
        assert!(suspension.is_well(28_000));
    }

    #[test]
    fn a_trial_that_overruns_doubles_the_suspension_up_to_five_minutes() {
        let mut suspension = suspended_at(0);
        let mut now_ms = 10_000;
        for length_ms in [20_000, 40_000, 80_000, 160_000, 300_000, 300_000] {
            assert!(suspension.overran(now_ms));
            assert!(!suspension.admits(now_ms + length_ms - 1));
            now_ms += length_ms;
            assert!(suspension.admits(now_ms));
        }
    }

    #[test]
    fn a_trial_that_keeps_its_budget_ends_the_suspension() {
        let mut suspension = suspended_at(0);
        assert!(suspension.ran_well());
        assert!(suspension.is_well(10_000));
        assert!(!suspension.ran_well());
        assert!(!suspension.overran(10_000));
    }
}
