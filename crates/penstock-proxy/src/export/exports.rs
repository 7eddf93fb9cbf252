//! All that a worker sends away: which collectors get what, and what became of it.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::collector::{Collector, Intake};
use super::exporter::Exporter;
use super::queue::{Batch, Counts};
use crate::resolver::FindAddresses;

/// Time for what waits when a collector is replaced by another, or is not wanted any more.
const PARTING: Duration = Duration::from_secs(5);

/// A kind of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Spans.
    Traces,
    /// Lines of the access log.
    Logs,
}

impl Signal {
    /// As metrics name them, by position.
    pub(crate) const WORDS: [&'static str; 2] = ["traces", "logs"];
}

/// What is to be sent, and to whom.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) signal: Signal,
    pub(crate) collector: Arc<Collector>,
    pub(crate) intake: Intake,
}

/// A thread that delivers one kind.
struct Running {
    wanted: Wanted,
    exporter: Exporter,
    /// Whether nothing more is given to it.
    is_parting: bool,
}

/// What one IO thread sends away.
pub(crate) struct Exports {
    addresses: Arc<dyn FindAddresses>,
    running: RefCell<Vec<Running>>,
}

impl Exports {
    /// Nothing yet; names of collectors are looked up by `addresses`.
    pub(crate) fn new(addresses: Arc<dyn FindAddresses>) -> Self {
        Self { addresses, running: RefCell::default() }
    }

    /// Takes over what the newest plan wants: what it wanted before goes on, the rest has a moment to end.
    pub(crate) fn turn_to(&self, wanted: &[Wanted]) {
        let mut running = self.running.borrow_mut();
        for one in running.iter_mut().filter(|one| !one.is_parting) {
            if !wanted.iter().any(|wanted| one.delivers(wanted)) {
                one.is_parting = true;
                one.exporter.end_at(Instant::now() + PARTING);
            }
        }
        for wanted in wanted {
            let is_there = running.iter().any(|one| !one.is_parting && one.delivers(wanted));
            let (collector, addresses) = (Arc::clone(&wanted.collector), Arc::clone(&self.addresses));
            if !is_there && let Ok(exporter) = Exporter::start(collector, wanted.intake, addresses) {
                running.push(Running { wanted: wanted.clone(), exporter, is_parting: false });
            }
        }
    }

    /// Gives a batch to whoever delivers its kind; false: there is nobody.
    pub(crate) fn push(&self, signal: Signal, batch: Batch) -> bool {
        let running = self.running.borrow();
        let found = running.iter().find(|one| one.wanted.signal == signal && !one.is_parting);
        found.inspect(|one| one.exporter.push(batch)).is_some()
    }

    /// What became of records since the last call, each time with their kind; forgets who has ended.
    pub(crate) fn take_counts(&self, mut take: impl FnMut(Signal, Counts)) {
        self.running.borrow_mut().retain(|one| {
            // Asked before its counts are: what it counts at its end is not to be missed.
            let is_over = one.exporter.is_over();
            take(one.wanted.signal, one.exporter.counts());
            !is_over
        });
    }

    /// Has what waits delivered, for so long at the most.
    pub(crate) fn finish(&self, within: Duration) {
        let (end, running) = (Instant::now() + within, self.running.borrow());
        running.iter().for_each(|one| one.exporter.end_at(end));
        running.iter().for_each(|one| one.exporter.wait(end));
    }
}

impl Running {
    fn delivers(&self, wanted: &Wanted) -> bool {
        self.wanted.signal == wanted.signal && Arc::ptr_eq(&self.wanted.collector, &wanted.collector)
    }
}
