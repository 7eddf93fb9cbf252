//! Measures: what the table counts of one subject, listed and placed by the same function.

use penstock_shared::{CounterSlot, GaugeSlot, HistogramSlot, WordSlot};
use serde::{Deserialize, Serialize};

/// Upper bounds of the buckets that are shown of a duration, in microseconds; buckets of the table end there.
pub const BOUNDS_US: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
];

/// A number that is kept of a subject, under the name by which it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// Name of the metric.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Labels beside the subject's own, with this measure's values.
    pub labels: [(&'static str, &'static str); 2],
}

impl Measure {
    /// A measure that is alone under its name.
    pub(super) const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, labels: [("", ""); 2] }
    }

    /// One of several under a name.
    pub(super) const fn labelled(self, labels: [(&'static str, &'static str); 2]) -> Self {
        Self { labels, ..self }
    }
}

/// Where a subject's numbers lie: its first place in each region of the table.
///
/// 0 is nobody's own: what has no place there counts there, and nobody reads it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Place {
    /// The first counter.
    pub counters: u32,
    /// The first gauge.
    pub gauges: u32,
    /// The first histogram.
    pub histograms: u32,
    /// The first word.
    pub words: u32,
}

/// Takes places for measures, one after the other.
pub(super) trait Taker {
    fn counter(&mut self, measure: Measure) -> CounterSlot;
    fn gauge(&mut self, measure: Measure) -> GaugeSlot;
    fn histogram(&mut self, measure: Measure) -> HistogramSlot;
    fn word(&mut self) -> WordSlot;
}

/// What is measured of one kind of subject.
pub(super) trait Meter: Sized {
    /// The kind's name: keys of its subjects begin with it.
    const KIND: &'static str;
    /// Labels of a subject.
    const LABELS: &'static [&'static str];

    /// Takes every place that it needs, always in the same order.
    fn take(taker: &mut impl Taker) -> Self;

    /// The meter of a subject at its place.
    fn at(mut place: Place) -> Self {
        Self::take(&mut place)
    }
}

impl Taker for Place {
    fn counter(&mut self, _: Measure) -> CounterSlot {
        CounterSlot::new(next(&mut self.counters)).unwrap_or(CounterSlot::FIRST)
    }

    fn gauge(&mut self, _: Measure) -> GaugeSlot {
        GaugeSlot::new(next(&mut self.gauges)).unwrap_or(GaugeSlot::FIRST)
    }

    fn histogram(&mut self, _: Measure) -> HistogramSlot {
        HistogramSlot::new(next(&mut self.histograms)).unwrap_or(HistogramSlot::FIRST)
    }

    fn word(&mut self) -> WordSlot {
        WordSlot::new(next(&mut self.words)).unwrap_or(WordSlot::FIRST)
    }
}

/// The place, and a step on; without a place of its own it stays where nobody reads.
fn next(place: &mut u32) -> u32 {
    let own = *place;
    *place += u32::from(own != 0);
    own
}

/// All measures of one kind of subject, in the order in which its places lie.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Kind {
    /// The kind's name.
    pub name: &'static str,
    /// Labels of a subject.
    pub labels: &'static [&'static str],
    /// Its counters.
    pub counters: Vec<Measure>,
    /// Its gauges.
    pub gauges: Vec<Measure>,
    /// Its histograms.
    pub histograms: Vec<Measure>,
    /// How many words it has.
    pub words: u32,
}

impl Kind {
    /// What is measured of a kind.
    pub(super) fn of<M: Meter>() -> Self {
        let mut kind = Self { name: M::KIND, labels: M::LABELS, ..Self::default() };
        M::take(&mut kind);
        kind
    }
}

impl Taker for Kind {
    fn counter(&mut self, measure: Measure) -> CounterSlot {
        self.counters.push(measure);
        CounterSlot::FIRST
    }

    fn gauge(&mut self, measure: Measure) -> GaugeSlot {
        self.gauges.push(measure);
        GaugeSlot::FIRST
    }

    fn histogram(&mut self, measure: Measure) -> HistogramSlot {
        self.histograms.push(measure);
        HistogramSlot::FIRST
    }

    fn word(&mut self) -> WordSlot {
        self.words += 1;
        WordSlot::FIRST
    }
}
