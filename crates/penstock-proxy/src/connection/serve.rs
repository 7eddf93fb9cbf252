//! The life of a client connection: wait, read a head, run the exchange, again.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use penstock_plan::Protocol;

use super::answer::answer_failure;
use super::call::begin_call;
use super::client::Client;
use super::deliver::{Next, deliver};
use super::ends::{Sink, Source};
use super::handshake::handshake;
use super::http2::{begins_http2, serve_http2};
use super::identify::{Peer, identify};
use super::passed::serve_passed;
use super::steps::run_exchange;
use super::tcp::serve_tcp;
use super::understand::understand;
use super::work::Work;
use crate::exchange::{Client as ClientAddress, Method, Name, Request, Span, Version};
use crate::failure::Failure;
use crate::http1::{Connects, Framing, Malformed, RequestInfo, head_may_be_complete, parse_request};
use crate::listener::{BuiltListener, ListenerRoutes, ListenerState};
use crate::proxy_header::Addresses;
use crate::websocket::add_key;
use crate::wire::{Deadline, Socket, Wire};
use crate::worker::Worker;

/// Most bytes read and thrown away after an answer that ends a connection (A21).
const DRAINED_BYTES: u64 = 64 << 10;
/// Tells that a request came before the handshake was done.
const EARLY_DATA: &[u8] = b"early-data";
/// Time a client has to take the last answer and close.
const LINGER_MS: u64 = 2_000;

/// A client's connection.
pub(crate) struct Connection {
    /// The thread's context.
    pub(crate) worker: Rc<Worker>,
    /// The listener it came in by.
    pub(crate) listener: Rc<ListenerState>,
    /// The client's wire.
    pub(crate) client: Client,
    /// Wakes the task when a phase is late.
    pub(crate) deadline: Deadline,
    peer: Peer,
    /// Both ends as the client sees them, where the client's wire does not say so itself.
    addresses: Option<Rc<Addresses>>,
}

/// Why no head came.
pub(super) enum NoHead {
    /// The connection ended between requests: nobody's fault, nothing to log.
    Quiet,
    /// What came is refused.
    Failed(Failure),
}

impl Connection {
    /// A fresh connection.
    pub(crate) fn new(worker: Rc<Worker>, listener: Rc<ListenerState>, socket: Socket, peer: IpAddr) -> Self {
        let deadline = worker.deadlines.register();
        let peer = Peer { ip: peer, port: listener.port, is_enciphered: socket.session().is_some() };
        Self { worker, listener, client: Client::Wire(Wire::new(socket)), deadline, peer, addresses: None }
    }

    /// A connection without a wire of its own.
    pub(super) fn carried(worker: Rc<Worker>, listener: Rc<ListenerState>, client: Client, peer: Peer) -> Self {
        let deadline = worker.deadlines.register();
        Self { worker, listener, client, deadline, peer, addresses: None }
    }

    /// The same connection with another client's side, a stream of it, and the deadline of whoever serves that.
    pub(super) fn with_client(&self, client: Client, deadline: Deadline) -> Self {
        let (worker, listener) = (Rc::clone(&self.worker), Rc::clone(&self.listener));
        Self { worker, listener, client, deadline, peer: Peer { ..self.peer }, addresses: self.addresses.clone() }
    }

    /// Lets go of all but what serves the next one.
    pub(super) fn end(self) -> (Rc<Worker>, Deadline) {
        self.deadline.disarm();
        (self.worker, self.deadline)
    }

    /// Takes over what a proxy says of the connection.
    pub(super) fn came_from(&mut self, addresses: Addresses) {
        self.peer.ip = addresses.source.ip();
        self.peer.port = addresses.destination.port();
        self.addresses = Some(Rc::new(addresses));
    }

    /// Both ends as the client sees them; none where it came by a unix socket.
    pub(super) fn addresses(&self) -> Option<Addresses> {
        self.addresses.as_deref().copied().or_else(|| self.client.addresses())
    }

    /// Notes both ends for the streams of the connection, which have no wire to ask.
    pub(super) fn keep_addresses(&mut self) {
        self.addresses = self.addresses().map(Rc::new);
    }

    /// Makes the task the one that deadlines wake.
    pub(super) async fn watch_deadline(&self) {
        poll_fn(|context| {
            self.deadline.watch(context);
            Poll::Ready(())
        })
        .await;
    }

    /// Whether this connection was made for another host's certificate.
    fn is_misdirected(&self, host: &str) -> bool {
        self.client.is_misdirected(host)
    }

    /// Gives the session up that the client never began.
    pub(super) fn speak_clear_text(&mut self) {
        self.peer.is_enciphered = false;
        if let Some(session) = self.client.session_mut() {
            session.give_way();
        }
    }

    /// What is refused before it is understood must not be taken for the exchange before it.
    pub(super) fn forget_previous(&self, work: &mut Work) {
        let request = &mut work.exchange.request;
        request.client = ClientAddress { ip: self.peer.ip, peer: self.peer.ip, is_trusted: false };
        request.method = Method::default();
        request.version = Version::default();
        request.method_span = Span::default();
        request.session = self.client.facts();
    }
}

/// Serves a connection until it ends.
pub(crate) async fn serve(connection: &mut Connection) {
    connection.watch_deadline().await;
    if handshake(connection).await {
        if connection.listener.speaks(Protocol::Tcp) {
            Box::pin(serve_tcp(connection)).await;
        } else if connection.listener.speaks(Protocol::Tls) {
            Box::pin(serve_passed(connection)).await;
        } else if begins_http2(connection).await {
            // Boxed: other connections would else hold room for it.
            Box::pin(serve_http2(connection)).await;
        } else if connection.listener.speaks_over_tcp() {
            serve_http1(connection).await;
        }
    }
    connection.client.discard(&connection.worker.buffers);
}

async fn serve_http1(connection: &mut Connection) {
    let mut next = Next::Again;
    while next == Next::Again {
        if !wait_for_bytes(connection).await {
            say_end(connection).await;
            break;
        }
        let mut work = connection.worker.lend_work();
        next = contained(connection, &mut work).await;
        end_exchange(connection, work);
    }
    if next == Next::Close {
        linger(connection).await;
    }
}

/// Tells a client that the session has ended, not just the wire, if it takes that at once.
pub(super) async fn say_end(connection: &mut Connection) {
    poll_fn(|context| {
        if connection.client.session().is_some() {
            let _ = connection.client.poll_shutdown(context);
        }
        Poll::Ready(())
    })
    .await;
}

/// Serves the one request of a stream.
pub(super) async fn serve_stream(connection: &mut Connection) {
    connection.watch_deadline().await;
    let mut work = connection.worker.lend_work();
    // Whatever becomes of other connections, a stream that did not reach its end is reset when it is dropped.
    contained(connection, &mut work).await;
    end_exchange(connection, work);
}

/// Counts an exchange and writes its line.
pub(super) fn end_exchange(connection: &Connection, mut work: Box<Work>) {
    connection.worker.log(connection, &work);
    if let Some(recording) = work.recording.take() {
        connection.worker.trace(connection, &work, recording);
    }
    connection.worker.return_work(work);
}

/// Waits without a buffer for the next request's first bytes; false: the connection is over.
pub(super) async fn wait_for_bytes(connection: &mut Connection) -> bool {
    connection.client.release_input(&connection.worker.buffers);
    let idle_ms = connection.listener.idle_ms();
    connection.deadline.arm(super::lifetime::at(connection, idle_ms));
    poll_fn(|context| {
        if !connection.client.unread().is_empty() {
            return Poll::Ready(true);
        }
        match connection.client.poll_fill(context, &connection.worker.buffers) {
            Poll::Ready(Ok(count)) => Poll::Ready(count > 0),
            Poll::Ready(Err(_)) => Poll::Ready(false),
            Poll::Pending => {
                // In a drain too a client has a moment: it may believe the connection open.
                connection.deadline.arm_earlier(connection.worker.idle_until_ms());
                let is_over = connection.deadline.has_passed(connection.worker.clock.coarse_ms());
                if is_over { Poll::Ready(false) } else { Poll::Pending }
            }
        }
    })
    .await
}

/// Runs one exchange; a panic in it ends this exchange only (R40).
async fn contained(connection: &mut Connection, work: &mut Work) -> Next {
    let outcome = {
        let mut exchange = pin!(exchange(connection, work));
        poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| exchange.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(next)) => Poll::Ready(Some(next)),
            Err(_) => Poll::Ready(None),
        })
        .await
    };
    match outcome {
        Some(next) => next,
        None => after_panic(connection, work).await,
    }
}

async fn after_panic(connection: &mut Connection, work: &mut Work) -> Next {
    connection.worker.recorder.panicked();
    if work.is_delivering {
        note_failure(work, Failure::Panicked);
        connection.client.abort();
        return Next::Drop;
    }
    refuse(connection, work, Failure::Panicked).await
}

async fn exchange(connection: &mut Connection, work: &mut Work) -> Next {
    let (listener, routes) = (connection.listener.current(), connection.listener.routes());
    connection.forget_previous(work);
    let head = match &mut connection.client {
        Client::Wire(wire) => {
            work.record.base = (wire.received_bytes - wire.unread().len() as u64, wire.sent_bytes);
            read_head(connection, work, &listener).await
        }
        Client::Stream(stream) => stream.head(work),
    };
    match head {
        Ok(()) => {}
        Err(NoHead::Quiet) => return Next::Drop,
        Err(NoHead::Failed(failure)) => return refuse(connection, work, failure).await,
    }
    work.record.started_us = connection.worker.clock.now_us();
    if let Err(malformed) = prepare(connection, work, &listener, &routes) {
        return refuse(connection, work, malformed.into()).await;
    }
    let worker = &connection.worker;
    if worker.tracer.is_on() {
        work.recording = worker.tracer.begin(work.record.started_us, &mut work.exchange.request);
    }
    if work.is_early && !mark_early(&mut work.exchange.request) {
        return refuse(connection, work, Failure::TooEarly).await;
    }
    if connection.is_misdirected(&work.exchange.request.host) {
        return refuse(connection, work, Failure::Misdirected).await;
    }
    if let Err(failure) = begin_call(connection, work) {
        return refuse(connection, work, failure).await;
    }
    if connection.worker.memory.is_shedding() {
        return refuse(connection, work, Failure::OutOfMemory).await;
    }
    if is_declared_too_large(work) {
        return refuse(connection, work, Failure::BodyTooLarge).await;
    }
    match run_exchange(connection, work, &listener, routes).await {
        Ok(()) => deliver(connection, work, &listener).await,
        Err(failure) => {
            // Nobody is left to be told.
            note_failure(work, failure);
            work.exchange.response.status = failure.verdict().status;
            Next::Drop
        }
    }
}

/// Notes for log and counters what went wrong.
pub(crate) fn note_failure(work: &mut Work, failure: Failure) {
    let verdict = failure.verdict();
    work.exchange.reason = verdict.reason;
    work.record.blame = Some(verdict.blame);
}

fn is_declared_too_large(work: &Work) -> bool {
    let (declared, limit) = (work.exchange.request.declared_length, work.exchange.body_limit);
    declared.zip(limit).is_some_and(|(declared, limit)| declared > limit)
}

/// Answers a request that is refused before it is routed, and ends the connection.
pub(super) async fn refuse(connection: &mut Connection, work: &mut Work, failure: Failure) -> Next {
    let listener = connection.listener.current();
    if work.record.started_us == 0 {
        work.record.started_us = connection.worker.clock.now_us();
    }
    if work.exchange.request.id.is_empty() {
        connection.worker.write_id(&mut work.exchange.request.id);
    }
    answer_failure(work, failure);
    work.request_transfer.begin(Framing::UntilClose, false, None);
    deliver(connection, work, &listener).await
}

async fn read_head(connection: &mut Connection, work: &mut Work, listener: &Arc<BuiltListener>) -> Result<(), NoHead> {
    let late_at_ms = super::lifetime::at(connection, listener.plan.limits.header_time_ms);
    let mut seen = 0;
    poll_fn(|context| poll_head(context, connection, work, listener, late_at_ms, &mut seen)).await
}

fn poll_head(
    context: &mut Context<'_>,
    connection: &mut Connection,
    work: &mut Work,
    listener: &BuiltListener,
    late_at_ms: u64,
    seen: &mut usize,
) -> Poll<Result<(), NoHead>> {
    loop {
        let bytes = connection.client.unread();
        if *seen == 0 || bytes.len() >= listener.head_limits.bytes || head_may_be_complete(bytes, *seen) {
            *seen = bytes.len();
            match parse_request(bytes, &listener.head_limits, &mut work.exchange.request) {
                Ok(Some(info)) => {
                    connection.client.consume(info.length);
                    work.info = info;
                    return Poll::Ready(Ok(()));
                }
                Ok(None) => {}
                Err(malformed) => return Poll::Ready(Err(NoHead::Failed(malformed.into()))),
            }
        }
        *seen = bytes.len();
        match connection.client.poll_fill(context, &connection.worker.buffers) {
            Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(NoHead::Quiet)),
            Poll::Ready(Ok(_)) => {}
            Poll::Pending if connection.worker.clock.coarse_ms() >= late_at_ms => {
                return Poll::Ready(Err(NoHead::Failed(Failure::HeadTimedOut)));
            }
            Poll::Pending => {
                connection.deadline.arm(late_at_ms);
                return Poll::Pending;
            }
        }
    }
}

/// Makes a request out of a parsed head, or refuses it.
fn prepare(
    connection: &Connection,
    work: &mut Work,
    listener: &BuiltListener,
    routes: &ListenerRoutes,
) -> Result<(), Malformed> {
    let Work { exchange, info, request_transfer, owes_continue, .. } = work;
    let request = &mut exchange.request;
    if request.method == Method::Connect {
        check_connect(info, routes.are_proxies || listener.before.is_proxy())?;
    }
    info.scheme = understand(request, info.target, listener.plan.encoded_slash)?.or(info.scheme);
    let worker = &connection.worker;
    identify(request, &connection.peer, &listener.trust, listener.plan.underscores, |id| worker.write_id(id))?;
    if info.connects == Connects::WebSocket {
        add_key(&mut request.head, [worker.random(), worker.random()]);
    }
    exchange.body_limit = listener.plan.limits.body_bytes;
    request_transfer.begin(info.framing, matches!(info.framing, Framing::Chunked | Framing::Stream), None);
    request_transfer.passes_trailers = true;
    *owes_continue = info.expects_continue;
    Ok(())
}

/// Takes a `CONNECT` for one, where there is a step for it; it has no body (RFC 9110, section 9.3.6).
fn check_connect(info: &mut RequestInfo, is_served: bool) -> Result<(), Malformed> {
    match info.framing {
        _ if !is_served => Err(Malformed::Method),
        Framing::Length(_) => Err(Malformed::ContentLength),
        Framing::Chunked => Err(Malformed::TransferEncoding),
        Framing::None | Framing::UntilClose | Framing::Stream => {
            info.connects = Connects::Destination;
            Ok(())
        }
    }
}

/// Tells the endpoint that a request may be a copy; says no where a copy could do harm (RFC 8470, section 5.1).
fn mark_early(request: &mut Request) -> bool {
    let is_safe = matches!(request.method, Method::Get | Method::Head | Method::Options);
    if is_safe {
        request.head.retain(|_, name, _| !name.eq_ignore_ascii_case(EARLY_DATA));
        request.head.push(Name::OTHER, EARLY_DATA, b"1");
    }
    is_safe
}

/// Lets the client take its last answer: what it still sends is read and thrown away for a
/// while, because closing a socket with unread bytes resets it and can destroy the answer.
pub(super) async fn linger(connection: &mut Connection) {
    let late_at_ms = super::lifetime::at(connection, LINGER_MS);
    connection.deadline.arm(late_at_ms);
    let most = connection.client.received_bytes() + DRAINED_BYTES;
    let mut has_ended = false;
    poll_fn(|context| {
        if !has_ended {
            has_ended = ready!(connection.client.poll_shutdown(context)).is_ok();
            if !has_ended {
                return Poll::Ready(());
            }
        }
        loop {
            let count = connection.client.unread().len();
            connection.client.consume(count);
            if connection.client.received_bytes() > most || connection.worker.clock.coarse_ms() >= late_at_ms {
                return Poll::Ready(());
            }
            match ready!(connection.client.poll_fill(context, &connection.worker.buffers)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of the future that a function gives for a connection.
    fn task_bytes<'a, F: Future + 'a>(_: impl FnOnce(&'a mut Connection) -> F) -> usize {
        size_of::<F>() + size_of::<Connection>()
    }

    #[test]
    fn an_idle_connections_task_is_small() {
        let bytes = task_bytes(serve);
        assert!(bytes <= 856, "{bytes} bytes");
    }
}
