//! Whether a filter is called at all: all workers suspend one that overruns its budget again and again.

use std::sync::atomic::{AtomicU64, Ordering};

use penstock_proxy::telemetry::FilterMeter;
use penstock_proxy::worker::Share;
use penstock_shared::breaker::{Admission, Change, Outcome, Permit, Policy, Trip, admit, admit_if_closed, report};
use penstock_shared::{CounterSlot, WordSlot, monotonic_ns};

/// Three overruns within ten seconds of the first suspend a filter for ten seconds; each probe that
/// overruns doubles the time.
const POLICY: Policy = Policy {
    trip: Trip::Failures { count: 3, window_ms: 10_000 },
    open_ms: 10_000,
    longest_open_ms: 300_000,
    // Longer than a worker lives that is stuck in a probe.
    probe_ms: 10_000,
};

/// What the workers of a gateway know in common of one filter.
pub(super) struct Health {
    share: Share,
    meter: FilterMeter,
}

impl Health {
    /// The health of a filter; nothing is held against one that is new.
    pub(super) fn new(share: Share, meter: FilterMeter, is_new: bool) -> Self {
        let health = Self { share, meter };
        if is_new {
            health.word().store(0, Ordering::Release);
        }
        health
    }

    /// Leave for a call, unless the filter is suspended.
    pub(super) fn admits(&self) -> Option<Permit> {
        admit_if_closed(self.word()).or_else(|| match admit(self.word(), &POLICY, now_ms()) {
            Admission::Allowed(permit) => Some(permit),
            Admission::Refused { .. } => None,
        })
    }

    /// A call begins.
    pub(super) fn called(&self) {
        self.share.table.counter(self.meter.calls).add(self.share.column, 1);
    }

    /// The call ended in an exception.
    pub(super) fn failed(&self) {
        self.share.table.counter(self.meter.failures).add(self.share.column, 1);
    }

    /// The call overran its budget; says whether that suspends the filter.
    pub(super) fn overran(&self, permit: Permit) -> bool {
        count(&self.share, self.meter.overruns, self.meter.suspension, permit) == Some(Change::Opened)
    }

    /// The call kept its budget; says whether that ends a suspension.
    pub(super) fn ran_well(&self, permit: Permit) -> bool {
        permit.is_probe() && report(self.word(), &POLICY, permit, Outcome::Succeeded, now_ms()) == Some(Change::Closed)
    }

    /// What the watchdog has to know of the call.
    pub(super) fn charge(&self, permit: Permit) -> Charge {
        let places = u64::from(self.meter.overruns.number()) << 32 | u64::from(self.meter.suspension.number());
        Charge { places, permit: permit.word() }
    }

    fn word(&self) -> &AtomicU64 {
        self.share.table.word(self.meter.suspension)
    }
}

/// Where an overrun is counted if the call never comes back; 0 is nobody's place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Charge {
    places: u64,
    permit: u64,
}

/// The charge of the running call, as the IO thread tells it to the watchdog.
#[derive(Default)]
pub(super) struct SharedCharge {
    places: AtomicU64,
    permit: AtomicU64,
}

impl SharedCharge {
    /// The charge of the call that begins.
    pub(super) fn set(&self, charge: Charge) {
        self.places.store(charge.places, Ordering::Relaxed);
        self.permit.store(charge.permit, Ordering::Relaxed);
    }

    /// Counts an overrun for a call that will not come back. Its thread must be stuck in it: the
    /// counter's column is that thread's own.
    pub(super) fn count(&self, share: &Share) {
        let places = self.places.load(Ordering::Relaxed);
        let permit = Permit::of_word(self.permit.load(Ordering::Relaxed));
        let counter = u32::try_from(places >> 32).ok().and_then(CounterSlot::new);
        let word = u32::try_from(places & u64::from(u32::MAX)).ok().and_then(WordSlot::new);
        if let (Some(counter), Some(word), true) = (counter, word, places != 0) {
            count(share, counter, word, permit);
        }
    }
}

fn count(share: &Share, counter: CounterSlot, word: WordSlot, permit: Permit) -> Option<Change> {
    share.table.counter(counter).add(share.column, 1);
    report(share.table.word(word), &POLICY, permit, Outcome::Failed, now_ms())
}

fn now_ms() -> u64 {
    monotonic_ns() / 1_000_000
}
