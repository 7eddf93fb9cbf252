//! How the values of a histogram are spread.

use penstock_shared::bucket_ends;

/// Values of a histogram: how many fell into each bucket, and what they sum up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// Buckets that took something, in order, with how many.
    pub(super) buckets: Vec<(usize, u64)>,
    /// The sum of the values, in thousands.
    pub sum_thousands: u64,
}

impl Spread {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// The value that this share (0 to 1) of all does not exceed; none of nothing.
    ///
    /// Between the ends of a bucket it is interpolated as if the values lay there evenly. What is told and the true
    /// value lie in the same bucket, so they differ by at most a quarter. Of the last bucket the lower end is told.
    #[expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "a share of a count is an estimate")]
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let wanted = self.count() as f64 * share.clamp(0.0, 1.0);
        let mut before = 0.0;
        let last = self.buckets.last()?.0;
        for (bucket, count) in &self.buckets {
            let count = *count as f64;
            if before + count >= wanted || *bucket == last {
                let (lower, upper) = ends(*bucket);
                let part = ((wanted - before) / count).clamp(0.0, 1.0);
                return Some(lower + ((upper - lower) as f64 * part) as u64);
            }
            before += count;
        }
        None
    }
}

/// What a bucket is above, and the largest value it takes.
fn ends(bucket: usize) -> (u64, u64) {
    let end = |bucket: usize| bucket_ends().get(bucket).copied();
    let lower = bucket.checked_sub(1).and_then(end).unwrap_or(0);
    let upper = end(bucket).filter(|end| *end != u64::MAX).unwrap_or(lower);
    (lower, upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(values: &[u64]) -> Spread {
        let mut spread = Spread::default();
        for (bucket, end) in bucket_ends().iter().enumerate() {
            let lower = bucket.checked_sub(1).map(|below| bucket_ends()[below]);
            let is_in = |value: &&u64| **value <= *end && lower.is_none_or(|lower| **value > lower);
            let count = values.iter().filter(is_in).count() as u64;
            if count > 0 {
                spread.buckets.push((bucket, count));
            }
        }
        spread
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Spread::default().quantile(0.5), None);
    }

    #[test]
    fn a_quantile_is_within_a_quarter_of_the_true_one() {
        let mut random = 7_u64;
        for round in 0..50 {
            let mut values: Vec<u64> = (0..400)
                .map(|_| {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    11 + (random >> 33) % 10_u64.pow(2 + round % 7)
                })
                .collect();
            values.sort_unstable();
            let spread = spread(&values);
            assert_eq!(spread.count(), 400);
            for share in [0.5_f64, 0.9, 0.95, 0.99, 0.999] {
                #[expect(clippy::cast_sign_loss, reason = "a share of a count")]
                let truth = values[((400.0 * share).ceil() as usize).max(1) - 1];
                let told = spread.quantile(share).unwrap();
                assert!(told.abs_diff(truth) * 4 <= truth.max(told), "{told} for {truth}");
            }
        }
    }

    #[test]
    fn of_values_without_bounds_the_lower_end_is_told() {
        assert_eq!(spread(&[u64::MAX]).quantile(0.5), Some(7_000_000_000));
    }
}
