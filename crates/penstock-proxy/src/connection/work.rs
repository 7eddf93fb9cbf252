//! What one exchange needs beyond its connection; kept by the thread and used again.

use std::rc::Rc;

use super::remote::Remote;
use super::transfer::Transfer;
use crate::exchange::Exchange;
use crate::failure::Blame;
use crate::grpc::Status;
use crate::http1::{RequestInfo, ResponseInfo};
use crate::routing::Scratch;
use crate::telemetry::{Entered, RouteMeter};
use crate::tracing::Recording;
use crate::upstream::{InFlight, Upstream};

/// Memory a kept head may hold.
const KEPT_BYTES: usize = 8 << 10;

/// The state of one exchange. An idle connection has none.
#[derive(Default)]
pub(crate) struct Work {
    /// What filters see.
    pub(crate) exchange: Exchange,
    /// What the request's head said.
    pub(crate) info: RequestInfo,
    /// The request's body on its way to the upstream.
    pub(crate) request_transfer: Transfer,
    /// The answer's body on its way to the client.
    pub(crate) answer_transfer: Transfer,
    /// The connection to the endpoint that answers.
    pub(crate) attempt: Option<Attempt>,
    /// Steps that were passed on the way in.
    pub(crate) passed: Vec<Passed>,
    /// Memory of the router's look-up.
    pub(crate) scratch: Scratch,
    /// What the log says of it.
    pub(crate) record: Record,
    /// What is noted of it for traces, where it is recorded.
    pub(crate) recording: Option<Box<Recording>>,
    /// Moment at which the whole request is late; `u64::MAX`: never.
    pub(crate) late_at_ms: u64,
    /// Moment at which the client's own deadline for a call passes, also while its answer streams; `u64::MAX`: never.
    pub(crate) call_late_at_ms: u64,
    /// Moment at which a client that stopped sending counts as gone; `u64::MAX`: it has not stopped.
    pub(crate) gone_at_ms: u64,
    /// Whether the client must see a 100 before it sends its body.
    pub(crate) owes_continue: bool,
    /// Whether the request came before the handshake was done.
    pub(crate) is_early: bool,
    /// Whether anything of the answer was sent.
    pub(crate) is_delivering: bool,
}

/// Which list of steps a passed step belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// The listener's `before`.
    Before,
    /// The route's pipeline.
    Route,
    /// The listener's `after`.
    After,
}

/// A step that ran on the way in and is due on the way out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passed {
    pub(crate) sequence: Sequence,
    pub(crate) index: usize,
}

/// A request at an endpoint.
pub(crate) struct Attempt {
    /// The connection, or a stream of one.
    pub(crate) remote: Remote,
    /// Counts the request at the endpoint.
    pub(crate) in_flight: InFlight,
    /// The upstream it belongs to.
    pub(crate) upstream: Rc<Upstream>,
    /// Whether the connection carried a request before.
    pub(crate) is_reused: bool,
    /// Whether the endpoint stopped taking the request.
    pub(crate) has_refused_more: bool,
    /// What the answer's head said.
    pub(crate) info: ResponseInfo,
    /// Bytes the connection had sent and received before this request.
    pub(crate) base: (u64, u64),
}

/// What the access log says of an exchange beyond the exchange itself.
#[derive(Default)]
pub(crate) struct Record {
    /// When the request's head was complete, in microseconds of the thread's clock.
    pub(crate) started_us: u64,
    /// Bytes received and sent on the client's connection before this exchange.
    pub(crate) base: (u64, u64),
    /// The last endpoint tried.
    pub(crate) endpoint: Option<Rc<crate::upstream::Endpoint>>,
    /// The upstream.
    pub(crate) upstream: Option<Rc<Upstream>>,
    /// Where its route is counted, and the number of the plan that says so.
    pub(crate) route: (RouteMeter, u64),
    /// Counts it at the route while it is under way.
    pub(crate) active: Option<Entered>,
    /// Whose fault it was that the gateway itself answered.
    pub(crate) blame: Option<Blame>,
    /// The status of a call, where one was said.
    pub(crate) grpc_status: Option<Status>,
    /// Attempts made.
    pub(crate) attempts: u32,
    /// When the attempt under way began.
    pub(crate) attempt_us: u64,
    /// When the step under way began to send, and the attempts made before it.
    pub(crate) step: (u64, u32),
    /// Whether the exchange became a tunnel.
    pub(crate) is_tunnel: bool,
    /// When the first attempt began and the answer's head was there.
    pub(crate) upstream_us: (u64, u64),
}

impl Work {
    /// Whether the client takes fields behind a body, be it in some other form.
    pub(crate) fn takes_trailers(&self) -> bool {
        self.info.takes_trailers || self.exchange.grpc.is_some()
    }

    /// Makes it ready for the next exchange and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.exchange.clear(KEPT_BYTES);
        self.info = RequestInfo::default();
        self.attempt = None;
        self.passed.clear();
        self.record = Record::default();
        self.recording = None;
        self.late_at_ms = u64::MAX;
        self.call_late_at_ms = u64::MAX;
        self.gone_at_ms = u64::MAX;
        self.owes_continue = false;
        self.is_early = false;
        self.is_delivering = false;
    }
}
