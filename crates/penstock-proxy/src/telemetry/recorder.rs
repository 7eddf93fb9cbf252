//! What an IO thread counts, in its own column of the shared table: plain additions at places that are known.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use penstock_shared::{CounterSlot, GaugeSlot, HistogramSlot, Table, WorkerSlot};

use super::measure::Meter;
use super::meters::{EndpointMeter, GatewayMeter, ListenerMeter, RouteMeter, UpstreamMeter, VERSIONS};
use super::places::{NO_ROUTE, OTHERS, Places, meter};
use super::reasons::position;
use crate::exchange::Session;
use crate::export::{Counts, Signal};
use crate::grpc::Status;
use crate::http2::Resets;
use crate::worker::Share;

/// Counts for one worker.
pub(crate) struct Recorder {
    share: Share,
    /// That of the gateway's own, apart from the rest because every exchange counts there.
    requests: Cell<CounterSlot>,
    gateway: RefCell<GatewayMeter>,
    unrouted: Cell<RouteMeter>,
    /// Number of the plan that the places belong to.
    plan: Cell<u64>,
    places: RefCell<Arc<Places>>,
}

/// The worker's own column. Taken once for several numbers: what lies behind `&self` would be
/// looked up anew after each of them.
#[derive(Clone, Copy)]
struct Column<'a> {
    table: &'a Table,
    worker: WorkerSlot,
}

impl Column<'_> {
    #[inline]
    fn count(self, slot: CounterSlot, amount: u64) {
        self.table.counter(slot).add(self.worker, amount);
    }

    #[inline]
    fn record(self, slot: HistogramSlot, value: u64) {
        self.table.histogram(slot).record(self.worker, value);
    }
}

/// An exchange that has ended.
pub(crate) struct Ended<'a> {
    /// The listener it came in by.
    pub(crate) listener: &'a ListenerMeter,
    /// Name and meter of its route, and the number of the plan that they belong to.
    pub(crate) route: Option<(&'a str, &'a RouteMeter, u64)>,
    pub(crate) status: u16,
    /// Whether it became a tunnel.
    pub(crate) is_tunnel: bool,
    pub(crate) duration_us: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    /// Why the gateway itself refused it or gave it up; empty where it did not.
    pub(crate) reason: &'a str,
}

/// What became of a request that was sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forwarded {
    /// The head of an answer came after this time, in microseconds.
    Answered(u64),
    /// No endpoint answered.
    Failed,
    /// The client is to blame that there is no answer, or is gone.
    Abandoned,
}

impl Recorder {
    pub(crate) fn new(share: Share) -> Self {
        Self {
            share,
            requests: Cell::new(CounterSlot::FIRST),
            gateway: RefCell::new(GatewayMeter::at(super::Place::default())),
            unrouted: Cell::default(),
            plan: Cell::new(0),
            places: RefCell::default(),
        }
    }

    /// Counts by another plan's places from here on.
    pub(crate) fn turn_to(&self, plan: u64, places: &Arc<Places>) {
        self.plan.set(plan);
        let gateway: GatewayMeter = meter(places, &[]);
        self.requests.set(gateway.requests);
        *self.gateway.borrow_mut() = gateway;
        self.unrouted.set(meter(places, &[NO_ROUTE]));
        *self.places.borrow_mut() = Arc::clone(places);
    }

    /// The meter of listeners that the plan does not name any more.
    pub(crate) fn other_listeners(&self) -> ListenerMeter {
        meter(&self.places.borrow(), &[OTHERS])
    }

    /// The meter of such upstreams.
    pub(crate) fn other_upstreams(&self) -> UpstreamMeter {
        meter(&self.places.borrow(), &[OTHERS])
    }

    /// The meter of such endpoints.
    pub(crate) fn other_endpoints(&self) -> EndpointMeter {
        meter(&self.places.borrow(), &[OTHERS, OTHERS])
    }

    /// Counts an exchange that ended.
    pub(crate) fn ended(&self, ended: &Ended<'_>) {
        let route = match ended.route {
            None => self.unrouted.get(),
            Some((_, meter, plan)) if plan == self.plan.get() => *meter,
            // The plan has changed since, and the route's place may be another's by now.
            Some((name, ..)) => meter(&self.places.borrow(), &[name]),
        };
        let column = self.column();
        if let Some(requests) = route.requests.get(usize::from(ended.status / 100).wrapping_sub(1)) {
            column.count(*requests, 1);
        }
        // Tunnels are no requests that take long.
        if !ended.is_tunnel {
            column.record(route.duration, ended.duration_us);
        }
        column.count(route.received_bytes, ended.bytes_in);
        column.count(route.sent_bytes, ended.bytes_out);
        column.count(ended.listener.received_bytes, ended.bytes_in);
        column.count(ended.listener.sent_bytes, ended.bytes_out);
        column.count(self.requests.get(), 1);
        if !ended.reason.is_empty()
            && let Some(failures) = self.gateway.borrow().failures.get(position(ended.reason))
        {
            column.count(*failures, 1);
        }
    }

    /// Counts a request that was sent on after so many attempts.
    pub(crate) fn forwarded(&self, upstream: &UpstreamMeter, attempts: u32, forwarded: Forwarded) {
        let column = self.column();
        column.count(upstream.attempts, u64::from(attempts));
        if attempts > 1 {
            column.count(upstream.retries, u64::from(attempts - 1));
        }
        match forwarded {
            Forwarded::Answered(duration_us) => column.record(upstream.duration, duration_us),
            Forwarded::Failed => column.count(upstream.failures, 1),
            Forwarded::Abandoned => {}
        }
    }

    /// Counts an endpoint's answer, whose head came after this time.
    pub(crate) fn answered(&self, endpoint: &EndpointMeter, status: u16, duration_us: u64) {
        let column = self.column();
        if let Some(answers) = endpoint.answers.get(usize::from(status / 100).wrapping_sub(1)) {
            column.count(*answers, 1);
        }
        column.record(endpoint.duration, duration_us);
    }

    /// Counts an attempt that an endpoint did not answer.
    pub(crate) fn unanswered(&self, endpoint: &EndpointMeter) {
        self.count(endpoint.failures, 1);
    }

    /// Counts a connection to an endpoint: how long it took, or that it could not be made.
    pub(crate) fn connected(&self, upstream: &UpstreamMeter, endpoint: &EndpointMeter, took_us: Option<u64>) {
        let column = self.column();
        match took_us {
            Some(took_us) => {
                column.count(endpoint.connections, 1);
                column.record(upstream.connect, took_us);
            }
            None => column.count(endpoint.connect_failures, 1),
        }
    }

    /// Counts a handshake that was finished.
    pub(crate) fn shaken_hands(&self, listener: &ListenerMeter, session: &Session) {
        let of_version = VERSIONS.iter().zip(listener.handshakes).find(|(version, _)| **version == session.version);
        if let Some((_, [begun, resumed])) = of_version {
            self.count(if session.is_resumed { resumed } else { begun }, 1);
        }
    }

    /// Counts a panic that was contained.
    pub(crate) fn panicked(&self) {
        self.count(self.gateway.borrow().panics, 1);
    }

    /// Counts a call of gRPC by what became of it.
    pub(crate) fn called(&self, status: Status) {
        let gateway = self.gateway.borrow();
        if let Some(slot) = gateway.calls.get(usize::from(status.code())) {
            self.count(*slot, 1);
        }
    }

    /// Counts streams that were reset on connections of clients, or of endpoints.
    pub(crate) fn streams_reset(&self, resets: &Resets, is_endpoints: bool) {
        let gateway = self.gateway.borrow();
        let [of_client, of_gateway, of_endpoint] = &gateway.resets;
        let of_peer = if is_endpoints { of_endpoint } else { of_client };
        for (slots, counts) in [(of_peer, &resets.by_peer), (of_gateway, &resets.by_gateway)] {
            for (slot, count) in slots.iter().zip(counts).filter(|(_, count)| **count > 0) {
                self.count(*slot, u64::from(*count));
            }
        }
    }

    /// Counts lines of the access log that found no room.
    pub(crate) fn dropped_log_lines(&self, lines: u64) {
        if lines > 0 {
            self.count(self.gateway.borrow().log_lines_dropped, lines);
        }
    }

    /// Counts what became of records for collectors.
    pub(crate) fn exported(&self, signal: Signal, counts: Counts) {
        if let Some(slots) = self.gateway.borrow().exports.get(signal as usize) {
            for (slot, count) in slots.iter().zip([counts.delivered, counts.dropped, counts.failed]) {
                if count > 0 {
                    self.count(*slot, count);
                }
            }
        }
    }

    #[inline]
    fn column(&self) -> Column<'_> {
        Column { table: &self.share.table, worker: self.share.column }
    }

    /// Adds to a counter.
    #[inline]
    pub(crate) fn count(&self, slot: CounterSlot, amount: u64) {
        self.column().count(slot, amount);
    }

    /// How much there is now, over all workers.
    #[inline]
    pub(crate) fn value(&self, slot: GaugeSlot) -> u64 {
        self.share.table.gauge(slot).value()
    }

    /// Counts one in, to be counted out at the same place.
    #[inline]
    pub(crate) fn enter(&self, slot: GaugeSlot) {
        self.share.table.gauge(slot).enter(self.share.column);
    }

    /// Counts one out.
    #[inline]
    pub(crate) fn leave(&self, slot: GaugeSlot) {
        self.share.table.gauge(slot).leave(self.share.column);
    }

    /// Counts one in while the guard lives.
    pub(crate) fn entered(self: &Rc<Self>, slot: GaugeSlot) -> Entered {
        self.enter(slot);
        Entered { recorder: Rc::clone(self), slot }
    }

    /// Counts one in while the guard lives, unless all workers together have so many already.
    pub(crate) fn enter_below(self: &Rc<Self>, slot: GaugeSlot, limit: u64) -> Option<Entered> {
        let entered = self.share.table.gauge(slot).enter_below(self.share.column, limit);
        entered.then(|| Entered { recorder: Rc::clone(self), slot })
    }
}

/// One that was counted in; it is counted out where it was, whatever plan serves then.
pub(crate) struct Entered {
    recorder: Rc<Recorder>,
    slot: GaugeSlot,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.recorder.leave(self.slot);
    }
}
