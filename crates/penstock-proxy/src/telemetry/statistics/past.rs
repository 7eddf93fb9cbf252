//! Readings of the last quarter of an hour: each for a minute, then ten seconds together.

use std::collections::VecDeque;

use super::reading::Reading;

const FINE_MS: u64 = 60_000;
const COARSE_MS: u64 = 10_000;
const KEPT_MS: u64 = 900_000;
/// With eight bytes for each number of a reading, at most 32 MiB: then the oldest readings go first.
const MOST_NUMBERS: usize = 4 << 20;

/// Readings in the order in which they were taken.
#[derive(Debug)]
pub(super) struct Past {
    fine: VecDeque<Reading>,
    coarse: VecDeque<Reading>,
    numbers: usize,
    most_numbers: usize,
}

impl Default for Past {
    fn default() -> Self {
        Self { fine: VecDeque::new(), coarse: VecDeque::new(), numbers: 0, most_numbers: MOST_NUMBERS }
    }
}

impl Past {
    /// Adds the newest reading and forgets the oldest.
    pub(super) fn push(&mut self, reading: Reading) {
        let now_ms = reading.ended_ms;
        self.numbers += reading.len();
        self.fine.push_back(reading);
        while self.fine.front().is_some_and(|oldest| oldest.ended_ms + FINE_MS <= now_ms) {
            self.fine.pop_front().into_iter().for_each(|old| self.fold(old));
        }
        while self.coarse.front().is_some_and(|oldest| oldest.ended_ms + KEPT_MS <= now_ms) {
            self.forget_oldest();
        }
        while self.numbers > self.most_numbers && self.fine.len() + self.coarse.len() > 1 {
            self.forget_oldest();
        }
    }

    /// The readings that ended after a moment.
    pub(super) fn since(&self, since_ms: u64) -> impl Iterator<Item = &Reading> {
        self.coarse.iter().chain(&self.fine).filter(move |reading| reading.ended_ms > since_ms)
    }

    /// Forgets what was counted at places that are another's now.
    pub(super) fn forget(&mut self, is_counter: impl Fn(u32) -> bool, is_histogram: impl Fn(u32) -> bool) {
        for reading in self.coarse.iter_mut().chain(&mut self.fine) {
            reading.forget(&is_counter, &is_histogram);
        }
        self.numbers = self.coarse.iter().chain(&self.fine).map(Reading::len).sum();
    }

    fn fold(&mut self, old: Reading) {
        match self.coarse.back_mut() {
            Some(last) if last.ended_ms / COARSE_MS == old.ended_ms / COARSE_MS => {
                self.numbers -= last.len() + old.len();
                last.append(&old);
                self.numbers += last.len();
            }
            _ => self.coarse.push_back(old),
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.coarse.pop_front().or_else(|| self.fine.pop_front()) {
            self.numbers -= oldest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(second: u64, numbers: u32) -> Reading {
        let counters = (0..numbers).map(|place| (place, 1)).collect();
        Reading { ended_ms: second * 1_000, span_ms: 1_000, counters, cells: vec![] }
    }

    fn counted(past: &Past, since_second: u64) -> (u64, u32) {
        let found: Vec<_> = past.since(since_second * 1_000).collect();
        let spans = found.iter().map(|one| one.span_ms).sum();
        (spans, found.iter().flat_map(|one| &one.counters).map(|(_, growth)| growth).sum())
    }

    #[test]
    fn a_quarter_of_an_hour_is_kept_in_some_hundred_readings() {
        let mut past = Past::default();
        (1..=2_000).for_each(|second| past.push(reading(second, 1)));
        assert_eq!(counted(&past, 1_940), (60_000, 60));
        let (span_ms, count) = counted(&past, 0);
        assert!((880_000..=910_000).contains(&span_ms), "{span_ms}");
        assert_eq!(span_ms, u64::from(count) * 1_000);
        assert!(past.fine.len() <= 61 && past.coarse.len() <= 86, "{} and {}", past.fine.len(), past.coarse.len());
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let mut past = Past { most_numbers: 1_000, ..Past::default() };
        (1..=50).for_each(|second| past.push(reading(second, 100)));
        assert_eq!(past.numbers, 1_000);
        assert_eq!(counted(&past, 0), (10_000, 1_000));
        past.push(reading(51, 5_000));
        assert_eq!(past.fine.len(), 1);
    }

    #[test]
    fn what_is_forgotten_makes_room() {
        let mut past = Past::default();
        (1..=100).for_each(|second| past.push(reading(second, 10)));
        past.forget(|place| place >= 2, |_| false);
        assert_eq!(counted(&past, 0), (100_000, 200));
        let kept: usize = past.coarse.iter().chain(&past.fine).map(Reading::len).sum();
        assert_eq!(past.numbers, kept);
    }
}
