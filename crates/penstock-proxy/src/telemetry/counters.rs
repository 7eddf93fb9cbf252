//! Counters of one worker: plain additions on the IO thread.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde::Serialize;

/// A count that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(Cell<u64>);

impl Counter {
    /// Adds to it.
    pub(crate) fn add(&self, count: u64) {
        self.0.set(self.0.get().wrapping_add(count));
    }

    fn get(&self) -> u64 {
        self.0.get()
    }
}

/// Upper bounds of the latency histogram, in microseconds.
const BOUNDS_US: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
];

/// What one worker counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections: Counter,
    pub(crate) connections_refused: Counter,
    pub(crate) accept_failures: Counter,
    pub(crate) accept_pauses: Counter,
    pub(crate) panics: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) log_lines_dropped: Counter,
    by_class: [Counter; 6],
    latency: [Counter; BOUNDS_US.len() + 1],
    latency_sum_us: Counter,
    by_reason: RefCell<BTreeMap<(&'static str, &'static str), u64>>,
}

impl Counters {
    /// Counts an exchange that ended; `failure` is reason and blame, empty where nothing failed.
    pub(crate) fn record(&self, status: u16, duration_us: u64, failure: (&'static str, &'static str)) {
        if let Some(counter) = self.by_class.get(usize::from(status / 100)) {
            counter.add(1);
        }
        let bucket = BOUNDS_US.iter().position(|bound| duration_us <= *bound).unwrap_or(BOUNDS_US.len());
        if let Some(counter) = self.latency.get(bucket) {
            counter.add(1);
        }
        self.latency_sum_us.add(duration_us);
        if !failure.0.is_empty() {
            *self.by_reason.borrow_mut().entry(failure).or_default() += 1;
        }
    }

    fn blames(&self) -> BTreeMap<String, u64> {
        let mut blames = BTreeMap::new();
        for ((_, blame), count) in self.by_reason.borrow().iter() {
            *blames.entry((*blame).to_owned()).or_default() += count;
        }
        blames
    }

    /// Everything as it stands.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let requests = self.by_class.iter().enumerate().skip(1);
        Snapshot {
            connections: self.connections.get(),
            connections_refused: self.connections_refused.get(),
            accept_failures: self.accept_failures.get(),
            accept_pauses: self.accept_pauses.get(),
            panics: self.panics.get(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            log_lines_dropped: self.log_lines_dropped.get(),
            requests: requests.map(|(class, counter)| (format!("{class}xx"), counter.get())).collect(),
            failures: self
                .by_reason
                .borrow()
                .iter()
                .map(|((reason, _), count)| ((*reason).to_owned(), *count))
                .collect(),
            blames: self.blames(),
            latency_us: BOUNDS_US.iter().zip(&self.latency).map(|(bound, counter)| (*bound, counter.get())).collect(),
            latency_sum_us: self.latency_sum_us.get(),
            latency_count: self.latency.iter().map(Counter::get).sum(),
            ..Snapshot::default()
        }
    }
}

/// What a worker has counted so far.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Snapshot {
    /// Connections accepted.
    pub connections: u64,
    /// Connections closed because the listener's limit was reached.
    pub connections_refused: u64,
    /// Failures of accept.
    pub accept_failures: u64,
    /// Times that accepting stopped because descriptors were short.
    pub accept_pauses: u64,
    /// Panics contained.
    pub panics: u64,
    /// Bytes received from clients.
    pub bytes_in: u64,
    /// Bytes sent to clients.
    pub bytes_out: u64,
    /// Access-log lines that found no room.
    pub log_lines_dropped: u64,
    /// Requests by class of status.
    pub requests: BTreeMap<String, u64>,
    /// The gateway's own answers by reason.
    pub failures: BTreeMap<String, u64>,
    /// The same by whose fault it was: client, upstream or gateway.
    pub blames: BTreeMap<String, u64>,
    /// Requests by upper bound of duration, in microseconds; not cumulative.
    pub latency_us: BTreeMap<u64, u64>,
    /// Sum of all durations.
    pub latency_sum_us: u64,
    /// Requests in the histogram.
    pub latency_count: u64,
    /// Open client connections.
    pub open_connections: u64,
    /// Idle upstream connections by endpoint.
    pub idle_upstream_connections: BTreeMap<String, u64>,
    /// Requests in flight by endpoint.
    pub in_flight: BTreeMap<String, u64>,
}
