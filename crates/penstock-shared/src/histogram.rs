//! Histograms: how values are spread, in fixed buckets, one column per worker.
//!
//! Buckets end at round numbers, because those are what people ask for: how many took at most
//! 250 ms? Values up to 10 have a bucket each; above, every power of ten is cut into thirteen,
//! and a bucket is at most a quarter of what lies below it wide. The last one takes what is above
//! 7 × 10⁹: almost two hours in microseconds, 7 GB in bytes.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::counter::add_alone;
use crate::layout::HISTOGRAM_WORDS;
use crate::slots::{HistogramSlot, WorkerSlot};
use crate::table::Table;

/// Buckets of one histogram; the word after them is the sum.
const BUCKETS: usize = HISTOGRAM_WORDS - 1;
/// Where a power of ten is cut, in hundredths of it.
const CUTS: [u64; 13] = [120, 150, 180, 200, 250, 300, 350, 400, 500, 600, 700, 800, 1000];
/// The largest value that each bucket takes; one more, so that masking an index needs no check.
const LARGEST: [u64; HISTOGRAM_WORDS] = largest();
/// The bucket of the smallest number with so many leading zeros.
const FIRST: [u8; 65] = first();

/// One histogram of the table.
#[derive(Debug, Clone, Copy)]
pub struct Histogram<'table> {
    table: &'table Table,
    slot: HistogramSlot,
}

impl Table {
    /// The histogram at a place.
    #[inline]
    pub fn histogram(&self, slot: HistogramSlot) -> Histogram<'_> {
        Histogram { table: self, slot }
    }
}

impl Histogram<'_> {
    /// Records a value in the worker's own cells: two plain additions.
    ///
    /// Only the worker that owns the column may call it.
    #[inline]
    pub fn record(self, worker: WorkerSlot, value: u64) {
        let cells = self.cells(worker.position());
        add_alone(&cells[bucket(value)], 1);
        add_alone(&cells[BUCKETS], value);
    }

    /// All workers' values together.
    pub fn merged(self) -> Merged {
        let mut merged = Merged::default();
        for column in self.table.columns() {
            let cells = self.cells(column);
            for (total, cell) in merged.buckets.iter_mut().zip(cells) {
                *total += cell.load(Relaxed);
            }
            merged.sum = merged.sum.wrapping_add(cells[BUCKETS].load(Relaxed));
        }
        merged
    }

    /// Empties it for another use of its place, while no worker runs a plan that names it.
    pub fn clear(self) {
        for column in self.table.columns() {
            self.cells(column).iter().for_each(|cell| cell.store(0, Relaxed));
        }
    }

    #[inline]
    fn cells(&self, column: usize) -> &[AtomicU64; HISTOGRAM_WORDS] {
        &self.table.memory().histograms[column][self.slot.position()].0
    }
}

/// What all workers recorded in one histogram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    buckets: [u64; BUCKETS],
    sum: u64,
}

impl Default for Merged {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], sum: 0 }
    }
}

impl Merged {
    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The sum of the values.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// Every bucket: the largest value it takes, and how many it took.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        LARGEST.into_iter().zip(self.buckets)
    }

    /// How many values are certainly not above this one: those of the buckets that end there or before.
    pub fn count_at_most(&self, value: u64) -> u64 {
        self.buckets().take_while(|(largest, _)| *largest <= value).map(|(_, count)| count).sum()
    }

    /// The smallest bucket end that this share (0 to 1) of the values does not exceed; nothing
    /// recorded: none.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        #[expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "a share of a count is an estimate")]
        let wanted = ((self.count() as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        self.buckets()
            .find(|(_, count)| {
                seen += count;
                seen >= wanted
            })
            .map(|(largest, _)| largest)
    }
}

/// The largest value that each bucket takes, in order; the last bucket takes all that is larger than the one before it.
pub fn bucket_ends() -> &'static [u64] {
    LARGEST.first_chunk::<BUCKETS>().map_or(&[], |ends| ends.as_slice())
}

/// The bucket that takes a value.
#[inline]
fn bucket(value: u64) -> usize {
    // Between two powers of two lie four ends or fewer: a few comparisons, no search.
    let mut index = usize::from(FIRST[value.leading_zeros() as usize]);
    while LARGEST[index & (HISTOGRAM_WORDS - 1)] < value {
        index += 1;
    }
    index
}

const fn largest() -> [u64; HISTOGRAM_WORDS] {
    let (mut ends, mut index, mut power) = ([u64::MAX; HISTOGRAM_WORDS], 0, 10);
    while index <= 10 {
        ends[index] = index as u64;
        index += 1;
    }
    while index < BUCKETS - 1 {
        let cut = (index - 11) % CUTS.len();
        ends[index] = CUTS[cut] * power / 100;
        if cut == CUTS.len() - 1 {
            power *= 10;
        }
        index += 1;
    }
    ends
}

const fn first() -> [u8; 65] {
    let (mut buckets, mut zeros) = ([0; 65], 0);
    while zeros < 64 {
        let (smallest, mut index) = (1 << (63 - zeros), 0);
        while LARGEST[index] < smallest {
            index += 1;
        }
        buckets[zeros] = index as u8;
        zeros += 1;
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_into_the_first_bucket_that_ends_at_or_after_it() {
        let around = |value: u64| [value.saturating_sub(1), value, value.saturating_add(1)];
        let powers = (0..64).map(|shift| 1_u64 << shift);
        for value in powers.chain(LARGEST).flat_map(around) {
            let index = bucket(value);
            assert!(value <= LARGEST[index], "{value}");
            assert!(index == 0 || value > LARGEST[index - 1], "{value}");
        }
    }

    #[test]
    fn a_bucket_is_at_most_a_quarter_of_what_lies_below_it_wide() {
        for pair in LARGEST[10..BUCKETS - 1].windows(2) {
            assert!((pair[1] - pair[0]) * 4 <= pair[0], "{pair:?}");
        }
    }

    #[test]
    fn buckets_end_at_the_numbers_that_people_ask_for() {
        for end in [100, 250, 500].map(|end| [1, 1_000, 1_000_000].map(|unit| end * unit)).as_flattened() {
            assert!(LARGEST.contains(end), "{end}");
        }
    }

    #[test]
    fn the_last_bucket_takes_all_that_is_larger() {
        assert_eq!(bucket(7_000_000_000), BUCKETS - 2);
        assert_eq!(bucket(7_000_000_001), BUCKETS - 1);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn nothing_recorded_has_no_quantile() {
        assert_eq!(Merged::default().quantile(0.5), None);
    }

    #[test]
    #[cfg(not(miri))]
    fn workers_are_merged() {
        let table = Table::create(1).unwrap();
        let histogram = table.histogram(HistogramSlot::new(HistogramSlot::CAPACITY - 1).unwrap());
        let workers = [0, 7].map(|number| WorkerSlot::new(number).unwrap());
        for worker in workers {
            table.enroll(worker, 1, 0);
        }
        (1..=50).for_each(|value| histogram.record(workers[0], value));
        (51..=100).for_each(|value| histogram.record(workers[1], value));
        let merged = histogram.merged();
        assert_eq!((merged.count(), merged.sum()), (100, 5050));
        assert_eq!((merged.quantile(0.0), merged.quantile(0.5), merged.quantile(1.0)), (Some(1), Some(50), Some(100)));
        assert_eq!((merged.count_at_most(3), merged.count_at_most(11)), (3, 10));
        assert_eq!(merged.count_at_most(100), 100);
        histogram.clear();
        assert_eq!(histogram.merged(), Merged::default());
    }
}
