//! Histograms: how values are spread, in fixed log-linear buckets, one column per worker.
//!
//! Values below 4 have a bucket each; above, every power of two is cut into four, so a
//! bucket is at most a quarter of its lower bound wide. The last bucket begins at 6 × 2³⁰:
//! an hour and three quarters in microseconds, 6 GiB in bytes.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::counter::add_alone;
use crate::layout::HISTOGRAM_WORDS;
use crate::slots::{HistogramSlot, WorkerSlot};
use crate::table::Table;

/// Buckets of one histogram; the word after them is the sum.
const BUCKETS: usize = HISTOGRAM_WORDS - 1;

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
        self.buckets.iter().enumerate().map(|(index, count)| (largest(index), *count))
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

/// The bucket that takes a value.
#[inline]
fn bucket(value: u64) -> usize {
    let Some(octave) = value.checked_ilog2().filter(|octave| *octave >= 2) else {
        return value as usize;
    };
    let quarter = (value >> (octave - 2)) as usize & 3;
    ((octave as usize - 1) * 4 + quarter).min(BUCKETS - 1)
}

/// The largest value that a bucket takes.
fn largest(bucket: usize) -> u64 {
    match bucket {
        0..4 => bucket as u64,
        bucket if bucket >= BUCKETS - 1 => u64::MAX,
        bucket => {
            let (octave, quarter) = (bucket / 4 + 1, bucket as u64 % 4);
            ((quarter + 5) << (octave - 2)) - 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_into_the_bucket_that_ends_at_or_after_it() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1 << shift) | 1, (1 << shift) - 1, (1_u64 << shift).wrapping_mul(3)] {
                let index = bucket(value);
                assert!(value <= largest(index), "{value}");
                assert!(index == 0 || value > largest(index - 1), "{value}");
            }
        }
    }

    #[test]
    fn a_bucket_is_at_most_a_quarter_of_its_lower_bound_wide() {
        for index in 5..BUCKETS - 1 {
            let lower = largest(index - 1) + 1;
            assert!((largest(index) - lower) * 4 < lower, "bucket {index}");
        }
    }

    #[test]
    fn the_last_bucket_takes_all_that_is_larger() {
        assert_eq!(bucket(6 << 30), BUCKETS - 1);
        assert_eq!(bucket((6 << 30) - 1), BUCKETS - 2);
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
        assert_eq!((merged.quantile(0.0), merged.quantile(0.5), merged.quantile(1.0)), (Some(1), Some(55), Some(111)));
        assert_eq!(merged.count_at_most(3), 3);
        assert_eq!(merged.count_at_most(111), 100);
        histogram.clear();
        assert_eq!(histogram.merged(), Merged::default());
    }
}
