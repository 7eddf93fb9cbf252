//! One endpoint as a worker knows it: where it is, what is in flight, which connections wait.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use penstock_shared::GaugeSlot;

use super::multiplexed::Multiplexed;
use crate::telemetry::{EndpointMeter, Entered, Recorder};
use crate::wire::{Address, Wire};

/// An endpoint of an upstream, as one worker knows it. It outlives the plans that name it.
pub(crate) struct Endpoint {
    /// As the plan names it.
    pub(crate) name: Box<str>,
    addresses: RefCell<Vec<Address>>,
    idle: RefCell<Vec<IdleWire>>,
    /// Connections that carry many requests at once.
    pub(crate) multiplexed: Rc<Multiplexed>,
    /// As many as waited when they were last counted.
    counted_idle: RefCell<Vec<Entered>>,
    meter: Cell<EndpointMeter>,
    recorder: Rc<Recorder>,
}

struct IdleWire {
    wire: Box<Wire>,
    since_ms: u64,
}

impl Endpoint {
    pub(crate) fn new(name: &str, meter: EndpointMeter, recorder: &Rc<Recorder>) -> Self {
        Self {
            name: name.into(),
            addresses: RefCell::default(),
            idle: RefCell::default(),
            multiplexed: Rc::default(),
            counted_idle: RefCell::default(),
            meter: Cell::new(meter),
            recorder: Rc::clone(recorder),
        }
    }

    /// Counts elsewhere from here on.
    pub(crate) fn set_meter(&self, meter: EndpointMeter) {
        self.meter.set(meter);
    }

    /// The addresses it can be reached at, in order of preference.
    pub(crate) fn addresses(&self) -> Vec<Address> {
        self.addresses.borrow().clone()
    }

    /// Takes over what the newest plan says of its addresses.
    pub(crate) fn set_addresses(&self, addresses: Vec<Address>) {
        *self.addresses.borrow_mut() = addresses;
    }

    /// Requests in flight, from all workers.
    pub(crate) fn in_flight(&self) -> u32 {
        u32::try_from(self.recorder.value(self.meter.get().in_flight)).unwrap_or(u32::MAX)
    }

    /// Where it is counted now.
    pub(crate) fn meter(&self) -> EndpointMeter {
        self.meter.get()
    }

    /// Counts a request as in flight while the guard lives.
    pub(crate) fn enter(self: &Rc<Self>) -> InFlight {
        let slot = self.meter.get().in_flight;
        self.recorder.enter(slot);
        InFlight { endpoint: Rc::clone(self), slot }
    }

    /// The freshest waiting connection that nothing is known against.
    ///
    /// A connection on which anything came while it waited is not used: it is closed, or
    /// its bytes answer no request of ours (A36).
    pub(crate) fn take_idle(&self) -> Option<Box<Wire>> {
        loop {
            let idle = self.idle.borrow_mut().pop()?;
            if idle.wire.socket().is_quiet() {
                return Some(idle.wire);
            }
        }
    }

    /// Keeps a connection for later requests.
    pub(crate) fn keep(&self, wire: Box<Wire>, most: usize, now_ms: u64) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < most {
            idle.push(IdleWire { wire, since_ms: now_ms });
        }
    }

    /// Whether a connection waits.
    pub(super) fn is_waited_at(&self) -> bool {
        !self.idle.borrow().is_empty()
    }

    /// Closes the connection that has waited longest; says no where none waits.
    pub(crate) fn close_oldest(&self) -> bool {
        let mut idle = self.idle.borrow_mut();
        let has_one = !idle.is_empty();
        if has_one {
            idle.remove(0);
        }
        has_one || self.multiplexed.retire_idle(u64::MAX)
    }

    /// Closes waiting connections that are too old or that the endpoint has closed, and counts the others.
    pub(crate) fn sweep(&self, oldest_ms: u64) {
        self.idle.borrow_mut().retain(|idle| idle.since_ms >= oldest_ms && idle.wire.socket().is_quiet());
        self.multiplexed.retire_idle(oldest_ms);
        // Counted now and then: to do it with every request would cost more than it tells.
        let slot = self.meter.get().idle;
        let count = self.idle.borrow().len() + self.multiplexed.count_idle();
        self.counted_idle.borrow_mut().resize_with(count, || self.recorder.entered(slot));
    }
}

/// A request in flight at an endpoint.
pub(crate) struct InFlight {
    endpoint: Rc<Endpoint>,
    /// Where it was counted in, and is counted out whatever plan serves then.
    slot: GaugeSlot,
}

impl InFlight {
    /// The endpoint.
    pub(crate) fn endpoint(&self) -> &Rc<Endpoint> {
        &self.endpoint
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.endpoint.recorder.leave(self.slot);
    }
}
