//! Reads metrics off the table, as a supervisor does.

use penstock_proxy::telemetry::{Measure, Places, kinds};
use penstock_shared::{CounterSlot, GaugeSlot, HistogramSlot, Table};

/// The sum of a metric over all its subjects and labels, or over those that `of` names: keys of subjects,
/// values of labels. Of a histogram it is how many values were recorded.
pub(crate) fn sum(table: &Table, places: &Places, metric: &str, of: &[&str]) -> u64 {
    let (mut sum, mut is_known) = (0, false);
    for kind in kinds() {
        let own = places.iter().filter(|(key, _)| key.split('/').next() == Some(kind.name));
        for (key, place) in own {
            let is_meant = |measure: &Measure| {
                let names = measure.labels.iter().map(|(_, value)| *value).chain([key.as_str()]);
                of.iter().all(|wanted| names.clone().any(|name| name == *wanted))
            };
            let mut add = |first: u32, measures: &[Measure], read: &dyn Fn(u32) -> u64| {
                for (position, measure) in (first..).zip(measures).filter(|(_, measure)| measure.name == metric) {
                    is_known = true;
                    sum += if is_meant(measure) { read(position) } else { 0 };
                }
            };
            add(place.counters, &kind.counters, &|slot| table.counter(CounterSlot::new(slot).unwrap()).sum());
            add(place.gauges, &kind.gauges, &|slot| table.gauge(GaugeSlot::new(slot).unwrap()).value());
            add(place.histograms, &kind.histograms, &|slot| {
                table.histogram(HistogramSlot::new(slot).unwrap()).merged().count()
            });
        }
    }
    assert!(is_known, "no metric {metric}");
    sum
}
