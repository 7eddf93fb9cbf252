//! A listener as a worker runs it.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use penstock_plan::{Listener as ListenerPlan, Protocol};

use super::StreamRoutes;
use crate::connection::{Trust, Work, limit_time};
use crate::http1::HeadLimits;
use crate::pipeline::BuiltPipeline;
use crate::quic::{Endpoint, Terms as QuicTerms};
use crate::routing::Router;
use crate::telemetry::{ListenerMeter, RouteMeter};
use crate::tls::ServerTls;
use crate::tracing::RouteTracing;
use crate::worker::Worker;

/// What a plan makes of one listener; an exchange keeps the one it started with.
pub(crate) struct BuiltListener {
    /// What the plan says.
    pub(crate) plan: ListenerPlan,
    /// What it asks of handshakes; none: it speaks in clear text.
    pub(crate) tls: Option<Arc<ServerTls>>,
    /// The same of connections of QUIC; none: it speaks no HTTP/3.
    pub(crate) quic: Option<QuicTerms>,
    /// Limits on request heads.
    pub(crate) head_limits: HeadLimits,
    /// Whose forwarding fields are believed.
    pub(crate) trust: Trust,
    /// Where it is counted.
    pub(crate) meter: ListenerMeter,
    /// Steps before routing.
    pub(crate) before: BuiltPipeline,
    /// Steps with every answer.
    pub(crate) after: BuiltPipeline,
}

/// The routes of a listener; only routing itself holds them, because there may be very many.
pub(crate) struct ListenerRoutes {
    /// Finds one.
    pub(crate) router: Router,
    /// Their pipelines, by the router's positions.
    pub(crate) pipelines: Vec<Arc<BuiltPipeline>>,
    /// Whether a request may name its own destination in one of them.
    pub(crate) are_proxies: bool,
    /// Where each is counted, likewise.
    pub(crate) meters: Vec<RouteMeter>,
    /// What each says of traces, likewise.
    pub(crate) tracing: Vec<Option<RouteTracing>>,
    /// Where bytes go that are carried as they are.
    pub(crate) streams: StreamRoutes,
    /// Number of the plan that they belong to.
    pub(crate) plan_number: u64,
}

impl ListenerRoutes {
    /// Makes a route the exchange's own and gives its pipeline.
    pub(crate) fn enter(&self, index: usize, work: &mut Work, worker: &Worker) -> Option<Arc<BuiltPipeline>> {
        let route = self.router.route(index)?;
        work.exchange.route = Some(Arc::clone(&route.name));
        work.record.route = (self.meters.get(index).copied().unwrap_or_default(), self.plan_number);
        work.record.active = Some(worker.recorder.entered(work.record.route.0.active));
        if let Some(timeout) = route.timeout {
            limit_time(work, worker.clock.coarse_ms(), timeout.as_millis() as u64);
        }
        if worker.tracer.is_on()
            && let Some(says) = self.tracing.get(index).copied().flatten()
        {
            worker.tracer.enter_route(says, &mut work.exchange.request, &mut work.recording);
        }
        self.pipelines.get(index).map(Arc::clone)
    }
}

/// Whether a listener of these protocols carries bytes as they are.
pub(crate) fn carries(protocols: &[Protocol]) -> bool {
    protocols.iter().any(|protocol| matches!(protocol, Protocol::Tls | Protocol::Tcp | Protocol::Udp))
}

/// A listener's state in one worker; it outlives the plans that name it.
pub(crate) struct ListenerState {
    /// The resource's name.
    pub(crate) name: Box<str>,
    /// Port that forwarding fields name.
    pub(crate) port: u16,
    /// Open connections of this worker.
    pub(crate) open: Cell<u64>,
    /// Where it is counted.
    pub(crate) meter: Cell<ListenerMeter>,
    /// Its connections of QUIC.
    quic: RefCell<Option<Rc<Endpoint>>>,
    /// What clients that came by TCP are told of HTTP/3.
    alternative: RefCell<Option<Box<str>>>,
    current: RefCell<Arc<BuiltListener>>,
    routes: RefCell<Arc<ListenerRoutes>>,
}

impl ListenerState {
    /// A listener without connections.
    pub(crate) fn new(port: u16, built: Arc<BuiltListener>, routes: Arc<ListenerRoutes>) -> Self {
        Self {
            name: built.plan.name.as_str().into(),
            port,
            open: Cell::new(0),
            meter: Cell::new(built.meter),
            quic: RefCell::default(),
            alternative: RefCell::default(),
            current: RefCell::new(built),
            routes: RefCell::new(routes),
        }
    }

    /// What the newest plan says.
    pub(crate) fn current(&self) -> Arc<BuiltListener> {
        Arc::clone(&self.current.borrow())
    }

    /// Time that the newest plan lets a connection wait for its next request.
    pub(crate) fn idle_ms(&self) -> u64 {
        self.current.borrow().plan.limits.idle_ms
    }

    /// Whether clients may speak a protocol.
    pub(crate) fn speaks(&self, protocol: Protocol) -> bool {
        self.current.borrow().plan.protocols.contains(&protocol)
    }

    /// Its connections of QUIC, once its own socket is received from.
    pub(crate) fn quic(&self) -> Option<Rc<Endpoint>> {
        self.quic.borrow().clone()
    }

    /// Notes where its connections of QUIC are.
    pub(crate) fn set_quic(&self, endpoint: Rc<Endpoint>) {
        *self.quic.borrow_mut() = Some(endpoint);
        self.note_alternative();
    }

    /// Takes no more of them; they are their own tasks'.
    pub(crate) fn end_quic(&self) {
        if let Some(endpoint) = self.quic.borrow_mut().take() {
            endpoint.close();
        }
        self.note_alternative();
    }

    /// What clients that came by TCP are told of HTTP/3; none: nothing.
    pub(crate) fn alternative(&self) -> Option<Ref<'_, str>> {
        Ref::filter_map(self.alternative.borrow(), Option::as_deref).ok()
    }

    /// Writes the field anew (RFC 7838, section 3): the port is known only once the socket is.
    fn note_alternative(&self) {
        let port = self.quic.borrow().as_ref().and_then(|quic| quic.local_address()).map(|address| address.port());
        let told = port.zip(self.current.borrow().plan.alt_svc_seconds);
        *self.alternative.borrow_mut() = told.map(|(port, seconds)| format!("h3=\":{port}\"; ma={seconds}").into());
    }

    /// Whether clients may speak something that does not come in datagrams.
    pub(crate) fn speaks_over_tcp(&self) -> bool {
        self.current.borrow().plan.protocols.iter().any(|protocol| *protocol != Protocol::H3)
    }

    /// The newest plan's routes.
    pub(crate) fn routes(&self) -> Arc<ListenerRoutes> {
        Arc::clone(&self.routes.borrow())
    }

    /// Takes over what a newer plan says.
    pub(crate) fn replace(&self, built: Arc<BuiltListener>, routes: Arc<ListenerRoutes>) {
        self.meter.set(built.meter);
        *self.current.borrow_mut() = built;
        *self.routes.borrow_mut() = routes;
        self.note_alternative();
    }
}
