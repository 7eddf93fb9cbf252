//! The datagrams of one client: where they go, and what the log says of them.

use std::cell::Cell;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Waker};

use socket2::SockRef;
use tokio::net::UdpSocket;

use crate::exchange::{Exchange, LocalBody, Version};
use crate::failure::Failure;
use crate::listener::{BuiltStreamRoute, ListenerState};
use crate::telemetry::{Ended, Entered, Entry, RouteMeter};
use crate::upstream::{InFlight, Upstream};
use crate::worker::Worker;

/// What the log and the counters say of a session: as of a request that was answered.
pub(super) const CARRIED: u16 = 200;
/// What the system says of an address at which nobody is.
const NOBODY: [ErrorKind; 3] =
    [ErrorKind::ConnectionRefused, ErrorKind::HostUnreachable, ErrorKind::NetworkUnreachable];

/// The datagrams between one client and one endpoint.
pub(super) struct Session {
    pub(super) client: SocketAddr,
    /// Hears nobody but the endpoint.
    pub(super) socket: UdpSocket,
    /// When a datagram last came or went, in milliseconds of the thread's clock.
    pub(super) moved_ms: Cell<u64>,
    began_us: u64,
    upstream: Rc<Upstream>,
    in_flight: InFlight,
    /// Where its route is counted, and the number of the plan that says so.
    route: (RouteMeter, u64),
    /// Counts it at the route while it lasts.
    pub(super) active: Cell<Option<Entered>>,
    received_bytes: Cell<u64>,
    sent_bytes: Cell<u64>,
    is_given_up: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Session {
    /// A session without a datagram yet.
    pub(super) fn new(
        client: SocketAddr,
        socket: UdpSocket,
        (upstream, in_flight): (Rc<Upstream>, InFlight),
        route: (RouteMeter, u64),
        (began_us, now_ms): (u64, u64),
    ) -> Self {
        let (received_bytes, sent_bytes) = (Cell::new(0), Cell::new(0));
        let moved_ms = Cell::new(now_ms);
        Self {
            client,
            socket,
            moved_ms,
            began_us,
            upstream,
            in_flight,
            active: Cell::default(),
            route,
            received_bytes,
            sent_bytes,
            is_given_up: Cell::new(false),
            waker: Cell::new(None),
        }
    }

    /// Sends a datagram of the client on; one that finds no room is lost, as anywhere on the way. Says no where the
    /// system knows by now that nobody is there.
    pub(super) fn send(&self, datagram: &[u8], now_ms: u64) -> bool {
        // Not asked whether it is writable: of a fresh socket that is not known yet.
        let sent = SockRef::from(&self.socket).send(datagram);
        if sent.is_err_and(|error| NOBODY.contains(&error.kind())) {
            return false;
        }
        self.moved_ms.set(now_ms);
        self.received_bytes.set(self.received_bytes.get() + datagram.len() as u64);
        true
    }

    /// Ends the session, whose endpoint is not there.
    pub(super) fn give_up(&self) {
        self.is_given_up.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Whether it is to end; else the task is the one that is woken when it is.
    pub(super) fn is_given_up(&self, context: &Context<'_>) -> bool {
        self.waker.set(Some(context.waker().clone()));
        self.is_given_up.get()
    }

    /// Notes an answer of so many bytes.
    pub(super) fn note_sent(&self, bytes: usize, now_ms: u64) {
        self.moved_ms.set(now_ms);
        self.sent_bytes.set(self.sent_bytes.get() + bytes as u64);
    }
}

/// Counts a session that has ended and writes its line.
pub(super) fn log(
    worker: &Worker,
    listener: &ListenerState,
    session: &Session,
    route: &BuiltStreamRoute,
    end: Option<Failure>,
) {
    let ended_us = worker.clock.now_us();
    let duration_us = ended_us.saturating_sub(session.began_us);
    let (bytes_in, bytes_out) = (session.received_bytes.get(), session.sent_bytes.get());
    let (status, reason) = end.map_or((CARRIED, ""), |failure| (failure.verdict().status, failure.verdict().reason));
    let (meter, plan) = &session.route;
    worker.recorder.ended(&Ended {
        listener: &listener.meter.get(),
        route: Some((&route.name.name, meter, *plan)),
        status,
        is_tunnel: false,
        duration_us,
        bytes_in,
        bytes_out,
        reason,
    });
    if !worker.access_logs.are_on() {
        return;
    }
    let mut exchange = Exchange::default();
    worker.write_id(&mut exchange.request.id);
    exchange.request.client.ip = session.client.ip().to_canonical();
    exchange.answer(status, LocalBody::Empty);
    let entry = Entry {
        wall_us: worker.clock.wall_us(ended_us),
        id: &exchange.request.id,
        listener: &listener.name,
        route: &route.name.name,
        client: exchange.request.client.ip,
        method: b"",
        host: "",
        path: "",
        protocol: Version::Udp.text(),
        status,
        bytes_in,
        bytes_out,
        duration_us,
        upstream: &session.upstream.plan.name,
        endpoint: &session.in_flight.endpoint().name,
        attempts: 1,
        upstream_us: 0,
        reason,
        user_agent: b"",
        session: None,
        consumer: "",
        grpc_status: None,
        trace: None,
        query: b"",
    };
    worker.access_logs.write(&entry, &exchange);
}
