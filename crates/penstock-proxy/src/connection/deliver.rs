//! Delivers the answer in hand: head, body, and what becomes of both connections.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::answer::answer_failure;
use super::call::{answer_call, end_call, note_status};
use super::client::Client;
use super::ends::{Sink, Source};
use super::lifetime::{Late, Phase};
use super::outgoing::{AnswerFraming, ConnectionField, write_answer};
use super::remote::Remote;
use super::serve::{Connection, note_failure};
use super::transfer::TransferError;
use super::tunnel::tunnel;
use super::work::{Attempt, Work};
use crate::exchange::{Answer, Head, Method, Name, Version};
use crate::failure::Failure;
use crate::grpc::Call;
use crate::http1::{Connects, Framing};
use crate::listener::BuiltListener;
use crate::websocket::ACCEPT;
use crate::worker::{Room, TICK_MS};

/// What becomes of the client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It may carry another request.
    Again,
    /// It is closed after the client had time to take the answer.
    Close,
    /// It is closed at once.
    Drop,
}

/// Sends the answer and decides what becomes of the connection.
pub(crate) async fn deliver(connection: &mut Connection, work: &mut Work, listener: &BuiltListener) -> Next {
    if is_connected(work) || is_switched(work) {
        return switch(connection, work, listener).await;
    }
    if work.info.connects != Connects::No && is_success(work) {
        // Whatever answered knew nothing of a tunnel, but the client would take it for one.
        answer_failure(work, Failure::NoTunnel);
    }
    if let Some(call) = work.exchange.grpc {
        answer_call(work, call);
    }
    let is_clean = skip_request_body(connection, work);
    let framing = framing(work);
    let field = connection_field(connection, work, is_clean, framing);
    write_head(connection, work, framing, field);
    work.is_delivering = true;
    let sent = match work.exchange.answer {
        Answer::Upstream => send_upstream_body(connection, work, listener).await,
        _ => flush(connection, work, listener).await,
    };
    note_status(work);
    release_attempt(connection, work, sent);
    match (sent, field) {
        (false, _) => Next::Drop,
        // Nothing unread is left that would make the close a reset, and no session that has to say its end.
        (true, ConnectionField::Close)
            if is_clean && connection.client.unread().is_empty() && connection.client.session().is_none() =>
        {
            Next::Drop
        }
        (true, ConnectionField::Close) => Next::Close,
        (true, _) => Next::Again,
    }
}

fn is_success(work: &Work) -> bool {
    (200..300).contains(&work.exchange.response.status)
}

/// Whether the endpoint has switched protocols, as it was asked to.
fn is_switched(work: &Work) -> bool {
    matches!(work.exchange.answer, Answer::Upstream) && work.exchange.response.status == 101
}

/// Whether the destination of a `CONNECT` was connected to, and no filter has thought otherwise since.
fn is_connected(work: &Work) -> bool {
    work.info.connects == Connects::Destination && matches!(work.exchange.answer, Answer::Upstream) && is_success(work)
}

/// Reads the whole request body for a filter that needs it; one that is too large is answered.
///
/// # Errors
/// The client is gone.
pub(crate) async fn buffer_body(connection: &mut Connection, work: &mut Work, limit: u64) -> Result<(), Failure> {
    if work.exchange.buffered_body.is_some() {
        return Ok(());
    }
    let limit = work.exchange.body_limit.map_or(limit, |other| other.min(limit));
    if work.owes_continue {
        work.owes_continue = false;
        connection.client.send_interim(&connection.worker.buffers, 100, &Head::default());
    }
    let idle_ms = connection.listener.current().plan.limits.idle_ms;
    let mut phase = Phase::new(connection, idle_ms);
    let mut body = Vec::new();
    let outcome = poll_fn(|context| match poll_buffer(context, connection, work, limit, &mut body) {
        Poll::Ready(outcome) => Poll::Ready(outcome),
        Poll::Pending => match phase.check(connection, work, connection.client.received_bytes(), idle_ms) {
            Some(Late::Request) => Poll::Ready(Err(Failure::RequestTimedOut)),
            Some(_) => Poll::Ready(Err(Failure::BodyTimedOut)),
            None => {
                if work.request_transfer.body.ready() > 0 {
                    // It waits for memory, which is read about once in each tick.
                    connection.deadline.arm_earlier(connection.worker.clock.coarse_ms() + TICK_MS);
                }
                Poll::Pending
            }
        },
    })
    .await;
    let Err(failure) = outcome else {
        work.exchange.buffered_body = Some(body);
        return Ok(());
    };
    connection.worker.memory.give_back(body.len());
    if failure == Failure::ClientGone {
        return Err(failure);
    }
    answer_failure(work, failure);
    Ok(())
}

fn poll_buffer(
    context: &mut Context<'_>,
    connection: &mut Connection,
    work: &mut Work,
    limit: u64,
    body: &mut Vec<u8>,
) -> Poll<Result<(), Failure>> {
    let Connection { client, worker, .. } = connection;
    loop {
        if !client.is_flushed() && matches!(client.poll_flush(context, &worker.buffers), Poll::Ready(Err(_))) {
            return Poll::Ready(Err(Failure::ClientGone));
        }
        let incoming = &mut work.request_transfer.body;
        if let Err(malformed) = incoming.decode(client) {
            return Poll::Ready(Err(malformed.into()));
        }
        let declared = if let Framing::Length(left) = incoming.framing() { left } else { 0 };
        if incoming.received.saturating_add(declared) > limit {
            return Poll::Ready(Err(Failure::BodyTooLarge));
        }
        let ready = incoming.ready();
        match worker.memory.take(ready) {
            Room::There => {}
            Room::Later => return Poll::Pending,
            Room::None => return Poll::Ready(Err(Failure::OutOfMemory)),
        }
        body.extend_from_slice(client.unread().get(..ready).unwrap_or_default());
        incoming.take(client, ready);
        if incoming.is_done() {
            return Poll::Ready(Ok(()));
        }
        match client.poll_fill(context, &worker.buffers) {
            Poll::Ready(Ok(count)) if count > 0 => {}
            Poll::Ready(_) => return Poll::Ready(Err(Failure::ClientGone)),
            Poll::Pending => return Poll::Pending,
        }
    }
}

/// Uses up a request body that nobody read but that is all there; says whether the next
/// request can be told from the rest of this one (A21).
fn skip_request_body(connection: &mut Connection, work: &mut Work) -> bool {
    let body = &mut work.request_transfer.body;
    if work.attempt.is_some() && !body.is_done() {
        return false;
    }
    while !body.is_done() && !connection.client.unread().is_empty() && body.framing() != Framing::UntilClose {
        if body.decode(&mut connection.client).is_err() {
            return false;
        }
        let ready = body.ready();
        body.take(&mut connection.client, ready);
    }
    if body.is_done() {
        work.request_transfer.is_finished = true;
    }
    body.is_done()
}

/// How the answer's body is framed for this client.
fn framing(work: &mut Work) -> AnswerFraming {
    let takes_trailers = work.takes_trailers();
    let Work { exchange, attempt, answer_transfer, .. } = work;
    let is_bodyless = matches!(exchange.response.status, 204 | 304);
    let is_head = exchange.request.method == Method::Head;
    match (&exchange.answer, attempt) {
        (Answer::Upstream, Some(attempt)) => match attempt.info.framing {
            Framing::None if is_head || exchange.response.status == 304 => {
                let length = exchange.response.head.first(Name::CONTENT_LENGTH);
                let length = length.and_then(|text| str::from_utf8(text).ok()).and_then(|text| text.parse().ok());
                length.map_or(AnswerFraming::None, AnswerFraming::Length)
            }
            Framing::None if is_bodyless => AnswerFraming::None,
            Framing::None => AnswerFraming::Length(0),
            Framing::Length(length) => {
                let are_streams = matches!(attempt.remote, Remote::Stream(_)) && exchange.request.version.has_streams();
                answer_transfer.passes_trailers = are_streams && takes_trailers;
                AnswerFraming::Length(length)
            }
            Framing::Chunked | Framing::UntilClose if exchange.request.version == Version::Http10 => {
                AnswerFraming::UntilClose
            }
            Framing::Chunked | Framing::UntilClose | Framing::Stream => {
                // Frames of a stream need no chunks within.
                answer_transfer.framed.is_chunked = !exchange.request.version.has_streams();
                answer_transfer.passes_trailers = takes_trailers;
                AnswerFraming::Chunked
            }
        },
        _ if is_bodyless || exchange.grpc == Some(Call::Native) => AnswerFraming::None,
        (Answer::Local(body), _) => AnswerFraming::Length(body.bytes().len() as u64),
        _ => AnswerFraming::Length(0),
    }
}

fn connection_field(connection: &Connection, work: &Work, is_clean: bool, framing: AnswerFraming) -> ConnectionField {
    let version = work.exchange.request.version;
    // What follows a CONNECT that was refused may be meant for the tunnel, and must not be taken for a request.
    let keeps_alive = is_clean
        && work.info.connects != Connects::Destination
        && work.info.options.keeps_alive(version)
        && framing != AnswerFraming::UntilClose
        && (work.gone_at_ms == u64::MAX || !connection.client.unread().is_empty())
        && !connection.worker.is_draining();
    match (keeps_alive, version) {
        (false, _) => ConnectionField::Close,
        (true, Version::Http10) => ConnectionField::KeepAlive,
        (true, Version::Http11 | Version::Http2 | Version::Http3 | Version::Tcp | Version::Tls | Version::Udp) => {
            ConnectionField::Silent
        }
    }
}

fn write_head(connection: &mut Connection, work: &mut Work, framing: AnswerFraming, field: ConnectionField) {
    let Work { exchange, .. } = work;
    if let Answer::Local(_) = exchange.answer
        && exchange.response.head.first(Name::DATE).is_none()
    {
        exchange.response.head.add_known(Name::DATE, connection.worker.http_date().as_bytes());
    }
    if exchange.request.version != Version::Http3
        && let Some(alternative) = connection.listener.alternative()
        && exchange.response.head.first(Name::ALT_SVC).is_none()
    {
        exchange.response.head.add_known(Name::ALT_SVC, alternative.as_bytes());
    }
    let has_body =
        exchange.request.method != Method::Head && !matches!(framing, AnswerFraming::None | AnswerFraming::Length(0));
    let body = if let Answer::Local(body) = &exchange.answer { body.bytes() } else { &[] };
    let body = if has_body { body } else { &[] };
    match &mut connection.client {
        Client::Wire(wire) => {
            let output = wire.output(&connection.worker.buffers);
            write_answer(output, exchange, framing, field);
            output.extend_from_slice(body);
        }
        Client::Stream(stream) => {
            let length = if let AnswerFraming::Length(length) = framing { Some(length) } else { None };
            stream.send_head(exchange.response.status, &exchange.response.head, length, !has_body);
            stream.ends.set_body(body);
            work.answer_transfer.framed.has_ended |= !has_body;
        }
    }
}

async fn flush(connection: &mut Connection, work: &Work, listener: &BuiltListener) -> bool {
    let send_ms = listener.plan.limits.send_ms;
    let mut phase = Phase::new(connection, send_ms);
    poll_fn(|context| {
        let Connection { client, worker, .. } = &mut *connection;
        match client.poll_flush(context, &worker.buffers) {
            Poll::Ready(outcome) => Poll::Ready(outcome.is_ok()),
            Poll::Pending => late(phase.check(connection, work, connection.client.sent_bytes(), send_ms)),
        }
    })
    .await
}

/// A whole-request limit never ends an answer that has begun; a half-closed client may take it.
fn late(late: Option<Late>) -> Poll<bool> {
    if late == Some(Late::Phase) { Poll::Ready(false) } else { Poll::Pending }
}

/// Streams the body of an upstream's answer while the rest of the request still goes out.
async fn send_upstream_body(connection: &mut Connection, work: &mut Work, listener: &BuiltListener) -> bool {
    work.late_at_ms = work.call_late_at_ms;
    work.gone_at_ms = u64::MAX;
    let send_ms = listener.plan.limits.send_ms;
    let mut phase = Phase::new(connection, send_ms);
    let mut presence = Presence::Open;
    poll_fn(|context| {
        let Some(mut attempt) = work.attempt.take() else { return Poll::Ready(false) };
        let mut polled = poll_bodies(context, connection, work, &mut attempt);
        if polled.is_pending() {
            polled = check_late(context, connection, work, &attempt, (&mut phase, &mut presence));
        }
        work.attempt = Some(attempt);
        polled
    })
    .await
}

/// Ends an answer that stood still for too long, or whose client is gone.
fn check_late(
    context: &mut Context<'_>,
    connection: &mut Connection,
    work: &mut Work,
    attempt: &Attempt,
    (phase, presence): (&mut Phase, &mut Presence),
) -> Poll<bool> {
    let is_uploading = !work.request_transfer.is_finished && !attempt.has_refused_more;
    if !is_uploading && !watch_client(context, connection, presence) {
        return give_up(&mut connection.client, work, Failure::ClientGone);
    }
    let limits = &connection.listener.current().plan.limits;
    let is_clients = work.answer_transfer.waits_for(&connection.client);
    let limit_ms = if is_clients { limits.send_ms } else { attempt.upstream.plan.timeouts.idle_ms };
    let is_half_closed = *presence == Presence::HalfClosed;
    let limit_ms = if is_half_closed { limit_ms.min(limits.half_close_ms) } else { limit_ms };
    let progress = connection.client.sent_bytes() ^ (attempt.remote.received_bytes() << 20);
    let passed = phase.check(connection, work, progress, limit_ms);
    if passed == Some(Late::Request) {
        return give_up(&mut connection.client, work, Failure::RequestTimedOut);
    }
    match late(passed) {
        Poll::Pending => Poll::Pending,
        Poll::Ready(_) if !is_clients && !is_half_closed => {
            give_up(&mut connection.client, work, Failure::AnswerBodyTimedOut)
        }
        Poll::Ready(_) => give_up(&mut connection.client, work, Failure::ClientGone),
    }
}

fn poll_bodies(
    context: &mut Context<'_>,
    connection: &mut Connection,
    work: &mut Work,
    attempt: &mut Attempt,
) -> Poll<bool> {
    let Connection { client, worker, .. } = connection;
    if !work.request_transfer.is_finished && !attempt.has_refused_more && !work.owes_continue {
        match work.request_transfer.poll(context, &worker.buffers, client, &mut attempt.remote) {
            Poll::Ready(Ok(())) | Poll::Pending => {}
            Poll::Ready(Err(TransferError::Sink | TransferError::Truncated)) => attempt.has_refused_more = true,
            Poll::Ready(Err(TransferError::Malformed(malformed))) => return give_up(client, work, malformed.into()),
            Poll::Ready(Err(TransferError::TooLarge)) => return give_up(client, work, Failure::BodyTooLarge),
            Poll::Ready(Err(TransferError::Message(fault))) => return give_up(client, work, Failure::Message(fault)),
        }
    }
    match work.answer_transfer.poll(context, &worker.buffers, &mut attempt.remote, client) {
        Poll::Pending => Poll::Pending,
        Poll::Ready(Ok(())) => Poll::Ready(true),
        Poll::Ready(Err(error)) => {
            let failure = match error {
                TransferError::Sink => Failure::ClientGone,
                TransferError::Truncated => Failure::UpstreamClosed,
                TransferError::Malformed(malformed) => Failure::UpstreamMalformed(malformed),
                TransferError::TooLarge => Failure::BodyTooLarge,
                TransferError::Message(fault) => Failure::Message(fault),
            };
            give_up(client, work, failure)
        }
    }
}

/// Ends an answer that has begun: what the client has so far must not pass for a whole one (R27).
fn give_up(client: &mut Client, work: &mut Work, failure: Failure) -> Poll<bool> {
    note_failure(work, failure);
    if end_call(client, work, failure) {
        return Poll::Ready(false);
    }
    if !work.answer_transfer.framed.is_chunked {
        client.abort();
    }
    Poll::Ready(false)
}

/// What is known of a client while its answer streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// It may still send.
    Open,
    /// It has said that it sends no more; it may take its answer, or be gone.
    HalfClosed,
}

/// Notices a client that leaves while nothing moves (R32); what it sends early is kept.
fn watch_client(context: &mut Context<'_>, connection: &mut Connection, presence: &mut Presence) -> bool {
    let Connection { client, worker, .. } = connection;
    if let Client::Stream(stream) = client {
        return !stream.has_gone(context);
    }
    while *presence == Presence::Open && !client.is_full() {
        match client.poll_fill(context, &worker.buffers) {
            Poll::Pending => break,
            Poll::Ready(Ok(0)) => *presence = Presence::HalfClosed,
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(_)) => return false,
        }
    }
    true
}

/// Keeps the endpoint's connection if nothing of this exchange is left on it.
fn release_attempt(connection: &Connection, work: &mut Work, was_sent: bool) {
    let Some(mut attempt) = work.attempt.take() else { return };
    let worker = &connection.worker;
    let Remote::Wire(wire) = &mut attempt.remote else {
        // Others may have streams of the same connection: this one ends alone.
        return;
    };
    let is_clean = was_sent
        && work.request_transfer.is_finished
        && !attempt.has_refused_more
        && wire.is_flushed()
        && wire.unread().is_empty()
        && attempt.info.framing != Framing::UntilClose
        && attempt.info.options.keeps_alive(work.exchange.response.version)
        && !worker.is_draining();
    if is_clean {
        wire.release_input(&worker.buffers);
        let Attempt { remote: Remote::Wire(wire), upstream, in_flight, .. } = attempt else { return };
        let most = upstream.plan.idle_connections as usize;
        in_flight.endpoint().keep(wire, most, worker.clock.coarse_ms());
    } else {
        wire.discard(&worker.buffers);
    }
}

/// Answers that there is a tunnel, and becomes it.
async fn switch(connection: &mut Connection, work: &mut Work, listener: &BuiltListener) -> Next {
    match &mut connection.client {
        Client::Wire(wire) => {
            let output = wire.output(&connection.worker.buffers);
            let is_upgrade = work.info.connects == Connects::No;
            let field = if is_upgrade { ConnectionField::Upgrade } else { ConnectionField::Silent };
            write_answer(output, &work.exchange, AnswerFraming::None, field);
        }
        Client::Stream(stream) => {
            let response = &mut work.exchange.response;
            response.status = 200;
            // It answers the gateway's key, which the client has not seen.
            response.head.remove(ACCEPT);
            stream.send_head(response.status, &response.head, None, false);
        }
    }
    work.is_delivering = true;
    work.record.is_tunnel = true;
    work.late_at_ms = u64::MAX;
    work.gone_at_ms = u64::MAX;
    if let Some(attempt) = work.attempt.take() {
        // Boxed: tunnels are rare, and every idle connection would else hold room for one.
        Box::pin(tunnel(connection, work, attempt, listener)).await;
    }
    Next::Drop
}
