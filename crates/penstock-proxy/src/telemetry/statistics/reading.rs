//! One reading: how much every counter and bucket has grown since the one before.

/// What grew, by what: sorted, each once, and only what has grown.
pub(super) type Growth = Vec<(u32, u32)>;

/// How much was counted in a span of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// When it ends, in milliseconds of the reader's clock.
    pub(super) ended_ms: u64,
    /// How long it is.
    pub(super) span_ms: u64,
    /// By the place of the counter.
    pub(super) counters: Growth,
    /// By [`cell`]: buckets, and behind them a sum in milliseconds.
    pub(super) cells: Growth,
}

/// Cells of one histogram, as many as it has words in the table.
pub(super) const CELLS: u32 = 128;

/// The number of a histogram's cell.
pub(super) fn cell(histogram: u32, cell: usize) -> u32 {
    histogram * CELLS + cell as u32
}

impl Reading {
    /// How many numbers it holds.
    pub(super) fn len(&self) -> usize {
        self.counters.len() + self.cells.len()
    }

    /// Takes in what was counted after it.
    pub(super) fn append(&mut self, later: &Self) {
        self.ended_ms = later.ended_ms;
        self.span_ms += later.span_ms;
        self.counters = merged(&self.counters, &later.counters);
        self.cells = merged(&self.cells, &later.cells);
    }

    /// Forgets what was counted where somebody else counts from now on.
    pub(super) fn forget(&mut self, is_counter: impl Fn(u32) -> bool, is_histogram: impl Fn(u32) -> bool) {
        self.counters.retain(|(place, _)| !is_counter(*place));
        self.cells.retain(|(cell, _)| !is_histogram(cell / CELLS));
    }
}

fn merged(earlier: &Growth, later: &Growth) -> Growth {
    let mut both = Growth::with_capacity(earlier.len() + later.len());
    both.extend(earlier.iter().chain(later));
    both.sort_unstable_by_key(|(key, _)| *key);
    both.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            kept.1 = kept.1.saturating_add(next.1);
        }
        is_same
    });
    both.shrink_to_fit();
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_added_number_by_number() {
        let mut reading = Reading { ended_ms: 1_000, span_ms: 1_000, counters: vec![(1, 5), (7, 1)], cells: vec![] };
        let later = Reading { ended_ms: 2_500, span_ms: 1_500, counters: vec![(1, 2), (3, 9)], cells: vec![(4, 4)] };
        reading.append(&later);
        let expected = vec![(1, 7), (3, 9), (7, 1)];
        assert_eq!(reading, Reading { ended_ms: 2_500, span_ms: 2_500, counters: expected, cells: vec![(4, 4)] });
    }

    #[test]
    fn what_somebody_else_counts_at_is_forgotten() {
        let (counters, cells) = (vec![(1, 5), (2, 1)], vec![(cell(3, 0), 1), (cell(3, 127), 2), (cell(4, 0), 3)]);
        let mut reading = Reading { counters, cells, ..Reading::default() };
        reading.forget(|place| place == 1, |histogram| histogram == 3);
        assert_eq!((reading.counters, reading.cells), (vec![(2, 1)], vec![(cell(4, 0), 3)]));
    }
}
