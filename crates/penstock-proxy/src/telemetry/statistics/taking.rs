//! Takes readings of the table, and says what was counted in a window of time.

use std::collections::{BTreeMap, BTreeSet};

use penstock_shared::{CounterSlot, HistogramSlot, Table};

use super::past::Past;
use super::reading::{CELLS, Reading, cell};
use super::spread::Spread;

/// Where a sum stands behind the buckets.
const SUM: usize = CELLS as usize - 1;
/// Readings that are asked for are not taken more often.
const LEAST_MS: u64 = 250;

/// The places of one subject: neighbouring counters and histograms.
///
/// Its histograms are looked into only when one of its counters has moved, which costs a subject at rest next to
/// nothing, and no memory in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watched {
    /// The first counter, and how many there are.
    pub counters: (u32, u32),
    /// The first histogram, and how many there are.
    pub histograms: (u32, u32),
}

/// What was counted in a window of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// How long it is: no longer than what is known.
    pub span_ms: u64,
    /// By how much counters have grown, by place.
    pub counters: BTreeMap<u32, u64>,
    /// What histograms took, by place.
    pub histograms: BTreeMap<u32, Spread>,
}

/// Readings of one table.
#[derive(Debug, Default)]
pub struct Statistics {
    watched: Vec<Watched>,
    /// The values of counters when they were last read, by place.
    counters: Vec<u64>,
    /// The same of histograms.
    histograms: BTreeMap<u32, Box<[u64; CELLS as usize]>>,
    past: Past,
    read_ms: Option<u64>,
}

impl Statistics {
    /// Watches these subjects from now on, and none else; what was counted before at places that are new counts not.
    pub fn watch(&mut self, table: &Table, watched: &[Watched]) {
        let known: BTreeSet<Watched> = self.watched.iter().copied().collect();
        let added: Vec<Watched> = watched.iter().copied().filter(|one| !known.contains(one)).collect();
        let wanted: BTreeSet<Watched> = watched.iter().copied().collect();
        for gone in known.difference(&wanted) {
            places(gone.histograms).for_each(|place| drop(self.histograms.remove(&place)));
        }
        let counters: BTreeSet<u32> = added.iter().flat_map(|one| places(one.counters)).collect();
        let histograms: BTreeSet<u32> = added.iter().flat_map(|one| places(one.histograms)).collect();
        self.past.forget(|place| counters.contains(&place), |place| histograms.contains(&place));
        for place in counters {
            *at(&mut self.counters, place) = value(table, place);
        }
        for one in &added {
            // What nobody has counted at yet is empty, and looking would only take memory.
            if places(one.counters).any(|place| *at(&mut self.counters, place) > 0) {
                for place in places(one.histograms) {
                    self.histograms.insert(place, cells(table, place));
                }
            }
        }
        self.watched = wanted.into_iter().collect();
    }

    /// Takes a reading.
    pub fn read(&mut self, table: &Table, now_ms: u64) {
        let before_ms = self.read_ms.replace(now_ms);
        let span_ms = before_ms.map_or(0, |before| now_ms.saturating_sub(before));
        let mut reading = Reading { ended_ms: now_ms, span_ms, ..Reading::default() };
        for one in &self.watched {
            let mut has_moved = false;
            for place in places(one.counters) {
                let before = at(&mut self.counters, place);
                has_moved |= note(&mut reading.counters, place, value(table, place), before);
            }
            if has_moved {
                for place in places(one.histograms) {
                    let before = self.histograms.entry(place).or_insert_with(|| Box::new([0; CELLS as usize]));
                    for (index, (now, before)) in cells(table, place).iter().zip(before.iter_mut()).enumerate() {
                        note(&mut reading.cells, cell(place, index), *now, before);
                    }
                }
            }
        }
        reading.counters.sort_unstable();
        reading.cells.sort_unstable();
        reading.counters.shrink_to_fit();
        reading.cells.shrink_to_fit();
        self.past.push(reading);
    }

    /// What was counted in the last so many milliseconds, up to now.
    pub fn window(&mut self, table: &Table, now_ms: u64, window_ms: u64) -> Window {
        if self.read_ms.is_none_or(|read_ms| now_ms.saturating_sub(read_ms) >= LEAST_MS) {
            self.read(table, now_ms);
        }
        let mut window = Window::default();
        for reading in self.past.since(now_ms.saturating_sub(window_ms)) {
            window.span_ms += reading.span_ms;
            for (place, growth) in &reading.counters {
                *window.counters.entry(*place).or_default() += u64::from(*growth);
            }
            for (number, growth) in &reading.cells {
                window.add(*number, u64::from(*growth));
            }
        }
        for spread in window.histograms.values_mut() {
            spread.buckets.sort_unstable();
            spread.buckets.dedup_by(|next, kept| {
                let is_same = next.0 == kept.0;
                kept.1 += if is_same { next.1 } else { 0 };
                is_same
            });
        }
        window
    }
}

impl Window {
    fn add(&mut self, number: u32, growth: u64) {
        let spread = self.histograms.entry(number / CELLS).or_default();
        match (number % CELLS) as usize {
            SUM => spread.sum_thousands += growth,
            bucket => spread.buckets.push((bucket, growth)),
        }
    }
}

/// Notes by how much a number has grown, and its value; says whether it has. One that fell was begun anew.
fn note(growth: &mut Vec<(u32, u32)>, key: u32, now: u64, before: &mut u64) -> bool {
    let grown = now.checked_sub(*before).unwrap_or(now);
    *before = now;
    if grown > 0 {
        growth.push((key, u32::try_from(grown).unwrap_or(u32::MAX)));
    }
    grown > 0
}

/// The number at a place, which is 0 until it is set.
fn at(numbers: &mut Vec<u64>, place: u32) -> &mut u64 {
    let position = place as usize & (CounterSlot::CAPACITY as usize - 1);
    if numbers.len() <= position {
        numbers.resize(position + 1, 0);
    }
    &mut numbers[position]
}

fn places((first, count): (u32, u32)) -> std::ops::Range<u32> {
    first..first.saturating_add(count)
}

fn value(table: &Table, place: u32) -> u64 {
    CounterSlot::new(place).map_or(0, |slot| table.counter(slot).sum())
}

fn cells(table: &Table, place: u32) -> Box<[u64; CELLS as usize]> {
    let mut cells = Box::new([0; CELLS as usize]);
    if let Some(slot) = HistogramSlot::new(place) {
        let merged = table.histogram(slot).merged();
        for (cell, (_, count)) in cells.iter_mut().zip(merged.buckets()) {
            *cell = count;
        }
        cells[SUM] = merged.sum() / 1_000;
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use penstock_shared::WorkerSlot;

    const ROUTE: Watched = Watched { counters: (8, 2), histograms: (1, 1) };
    const OTHER: Watched = Watched { counters: (16, 2), histograms: (2, 1) };

    fn count(table: &Table, one: Watched, durations: &[u64]) {
        let worker = WorkerSlot::new(0).unwrap();
        for duration in durations {
            table.counter(CounterSlot::new(one.counters.0).unwrap()).add(worker, 1);
            table.histogram(HistogramSlot::new(one.histograms.0).unwrap()).record(worker, *duration);
        }
    }

    fn table() -> Table {
        let table = Table::create(1).unwrap();
        assert!(table.enroll(WorkerSlot::new(0).unwrap(), 1, 0));
        table
    }

    #[test]
    fn a_window_holds_what_was_counted_in_it() {
        let (table, mut statistics) = (table(), Statistics::default());
        count(&table, ROUTE, &[1_000; 5]);
        statistics.watch(&table, &[ROUTE, OTHER]);
        statistics.read(&table, 0);
        for second in 1..=20 {
            count(&table, ROUTE, &[2_000, 40_000]);
            statistics.read(&table, second * 1_000);
        }
        let window = statistics.window(&table, 20_100, 10_000);
        assert_eq!(window.span_ms, 10_000);
        assert_eq!(window.counters, BTreeMap::from([(8, 20)]));
        let spread = &window.histograms[&1];
        assert_eq!((spread.count(), spread.sum_thousands), (20, 420));
        assert!(spread.quantile(0.99).unwrap() > 35_000);
        // What came before it was watched does not count.
        assert_eq!(statistics.window(&table, 20_100, 900_000).counters[&8], 40);
    }

    #[test]
    fn what_is_asked_for_is_up_to_now() {
        let (table, mut statistics) = (table(), Statistics::default());
        statistics.watch(&table, &[ROUTE]);
        statistics.read(&table, 0);
        count(&table, ROUTE, &[10]);
        let window = statistics.window(&table, 300, 60_000);
        assert_eq!((window.span_ms, window.counters[&8]), (300, 1));
    }

    #[test]
    fn a_place_that_is_another_s_begins_without_a_past() {
        let (table, mut statistics) = (table(), Statistics::default());
        statistics.watch(&table, &[ROUTE]);
        statistics.read(&table, 0);
        count(&table, ROUTE, &[10; 7]);
        statistics.read(&table, 1_000);
        statistics.watch(&table, &[OTHER]);
        statistics.watch(&table, &[ROUTE, OTHER]);
        let window = statistics.window(&table, 2_000, 60_000);
        assert_eq!((window.counters.len(), window.histograms.len()), (0, 0));
        count(&table, ROUTE, &[10]);
        assert_eq!(statistics.window(&table, 3_000, 60_000).counters[&8], 1);
    }
}
