//! `Forward`: sends the request to an endpoint and waits for the head of its answer.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::answer::answer_failure;
use super::attempts::{attempts, has_whole_body};
use super::call::{given_up, note_deadline};
use super::client::Client;
use super::ends::{Sink, Source};
use super::lifetime::{Late, Phase};
use super::outgoing::asks_for_upgrade;
use super::remote::Remote;
use super::serve::Connection;
use super::steps::forward_result;
use super::transfer::TransferError;
use super::work::{Attempt, Work};
use crate::exchange::{Answer, Head, Version};
use crate::failure::{Blame, Failure};
use crate::filters::{Forward, Weighted};
use crate::grpc::Call;
use crate::http1::{Connects, Framing, ResponseInfo, parse_response};
use crate::http2::Answered;
use crate::pipeline::{ForwardResult, ResultId};
use crate::telemetry::{Forwarded, UpstreamMeter};
use crate::upstream::Upstream;
use crate::websocket::answers_key;
use crate::worker::Worker;

/// Largest head of an answer.
const ANSWER_HEAD_BYTES: usize = 64 << 10;
/// Most interim answers passed on (A26).
const MOST_INTERIM: u32 = 16;
/// Time an endpoint has to say 100 before the client is told to go on all the same.
const CONTINUE_MS: u64 = 1_000;

/// Why one attempt brought no answer.
pub(crate) enum Miss {
    /// The kept connection had been closed and nothing of the request can have been read.
    Stale,
    /// No connection could be made; another endpoint may be tried.
    Connect(Failure),
    /// The exchange failed in a way that the client is told.
    Failed(Failure),
    /// The client is gone.
    Gone(Failure),
}

/// Sends the request to an upstream; the exchange then holds its answer, or the gateway's own.
///
/// # Errors
/// Only where nobody is left to be answered.
pub(crate) async fn forward(connection: &mut Connection, work: &mut Work, step: &Forward) -> Result<ResultId, Failure> {
    drop_earlier_answer(work);
    if work.info.connects == Connects::Destination {
        return Ok(failed(work, Failure::NoTunnel));
    }
    if !has_whole_body(work) {
        return Ok(failed(work, Failure::BodyConsumed));
    }
    if work.exchange.grpc.is_some_and(Call::is_web)
        && let Err(failure) = note_deadline(connection, work)
    {
        return Ok(failed(work, failure));
    }
    let Some(upstream) = choose(&connection.worker, &step.to) else { return Ok(failed(work, Failure::NoEndpoint)) };
    work.record.upstream = Some(Rc::clone(&upstream));
    begin(connection, work);
    let outcome = attempts(connection, work, step, &upstream).await;
    conclude(connection, work, &upstream.meter.get(), outcome)
}

/// Notes that a request is about to be sent on.
pub(super) fn begin(connection: &Connection, work: &mut Work) {
    let record = &mut work.record;
    record.step = (connection.worker.clock.now_us(), record.attempts);
    record.attempt_us = record.step.0;
    if record.upstream_us.0 == 0 {
        record.upstream_us.0 = record.step.0;
    }
}

/// Counts how it went, and makes the exchange hold the answer that came or the gateway's own.
///
/// # Errors
/// Only where nobody is left to be answered.
pub(super) fn conclude(
    connection: &Connection,
    work: &mut Work,
    meter: &UpstreamMeter,
    outcome: Result<(), Miss>,
) -> Result<ResultId, Failure> {
    let (began_us, before) = work.record.step;
    let attempts = work.record.attempts.saturating_sub(before);
    let count = |outcome| connection.worker.recorder.forwarded(meter, attempts, outcome);
    match outcome {
        Ok(()) => {
            work.record.upstream_us.1 = connection.worker.clock.now_us();
            if let Some(endpoint) = &work.record.endpoint {
                let took_us = work.record.upstream_us.1.saturating_sub(work.record.attempt_us);
                connection.worker.recorder.answered(&endpoint.meter(), work.exchange.response.status, took_us);
            }
            count(Forwarded::Answered(work.record.upstream_us.1.saturating_sub(began_us)));
            work.exchange.answer = Answer::Upstream;
            work.exchange.reason = "";
            work.record.blame = None;
            Ok(forward_result(work))
        }
        Err(Miss::Gone(failure)) => {
            count(Forwarded::Abandoned);
            Err(failure)
        }
        Err(miss) => {
            let failure = match miss {
                Miss::Connect(failure) | Miss::Failed(failure) | Miss::Gone(failure) => failure,
                Miss::Stale => Failure::UpstreamClosed,
            };
            let failure = given_up(connection, work, failure);
            count(if failure.verdict().blame == Blame::Client { Forwarded::Abandoned } else { Forwarded::Failed });
            Ok(failed(work, failure))
        }
    }
}

pub(super) fn failed(work: &mut Work, failure: Failure) -> ResultId {
    answer_failure(work, failure);
    match failure.verdict().status {
        504 => ForwardResult::TimedOut.id(),
        _ => ForwardResult::Failed.id(),
    }
}

/// A later `Forward` replaces the answer in hand; its connection is not clean any more.
pub(super) fn drop_earlier_answer(work: &mut Work) {
    work.attempt = None;
    work.exchange.answer = Answer::None;
}

/// Draws an upstream by weight.
pub(crate) fn choose(worker: &Worker, to: &[Weighted]) -> Option<Rc<Upstream>> {
    let key = match to {
        [only] => only.upstream.as_str(),
        several => {
            let total: u64 = several.iter().map(|one| u64::from(one.weight)).sum();
            let mut left = worker.random().checked_rem(total)?;
            let chosen = several.iter().find(|one| match left.checked_sub(u64::from(one.weight)) {
                Some(rest) => {
                    left = rest;
                    false
                }
                None => true,
            });
            chosen?.upstream.as_str()
        }
    };
    worker.upstreams.get(key)
}

/// Sends the request and waits for the answer's head; both directions move at once.
pub(crate) async fn answer_head(connection: &mut Connection, work: &mut Work) -> Result<(), Miss> {
    let Some(answer_ms) = work.attempt.as_ref().map(|attempt| attempt.upstream.plan.timeouts.answer_ms) else {
        return Err(Miss::Failed(Failure::NoEndpoint));
    };
    let mut phase = Phase::new(connection, answer_ms);
    let mut interim = 0;
    let continue_at_ms = super::lifetime::at(connection, CONTINUE_MS);
    poll_fn(|context| {
        let Some(mut attempt) = work.attempt.take() else { return Poll::Ready(Err(Miss::Stale)) };
        let polled = poll_answer(context, connection, work, &mut attempt, (&mut interim, continue_at_ms));
        let polled = match polled {
            Poll::Pending => check_late(connection, work, &attempt, &mut phase),
            ready @ Poll::Ready(_) => ready,
        };
        if work.owes_continue {
            connection.deadline.arm_earlier(continue_at_ms);
        }
        work.attempt = Some(attempt);
        polled
    })
    .await
}

fn poll_answer(
    context: &mut Context<'_>,
    connection: &mut Connection,
    work: &mut Work,
    attempt: &mut Attempt,
    (interim, continue_at_ms): (&mut u32, u64),
) -> Poll<Result<(), Miss>> {
    if let Err(miss) = send_request(context, connection, work, attempt, continue_at_ms) {
        return Poll::Ready(Err(miss));
    }
    let owed_continue = work.owes_continue;
    if let Remote::Stream(_) = &attempt.remote {
        return poll_stream(context, connection, work, attempt, interim);
    }
    loop {
        if !attempt.remote.unread().is_empty() {
            match take_head(connection, work, attempt, interim) {
                Ok(true) => return Poll::Ready(Ok(())),
                // The endpoint has said 100, and the client may have sent its body already.
                Ok(false) if owed_continue && !work.owes_continue => context.waker().wake_by_ref(),
                Ok(false) => {}
                Err(failure) => return Poll::Ready(Err(Miss::Failed(failure))),
            }
        }
        match attempt.remote.poll_fill(context, &connection.worker.buffers) {
            Poll::Ready(Ok(count)) if count > 0 => {}
            Poll::Ready(_) => return Poll::Ready(Err(closed(work, attempt))),
            Poll::Pending => return watch_client(context, connection, work),
        }
    }
}

/// The same where the request is a stream.
fn poll_stream(
    context: &mut Context<'_>,
    connection: &mut Connection,
    work: &mut Work,
    attempt: &mut Attempt,
    interim: &mut u32,
) -> Poll<Result<(), Miss>> {
    let owed_continue = work.owes_continue;
    loop {
        let Remote::Stream(stream) = &mut attempt.remote else { return Poll::Pending };
        let outcome = match stream.poll_head(context, &mut work.exchange.response) {
            Poll::Pending => return watch_client(context, connection, work),
            Poll::Ready(Answered::Head(info)) => judge_head(connection, work, attempt, info, interim),
            Poll::Ready(Answered::Malformed(malformed)) => Err(Failure::of_answer(malformed)),
            Poll::Ready(Answered::Gone { is_untouched }) => {
                return Poll::Ready(Err(stream_gone(work, attempt, is_untouched)));
            }
        };
        match outcome {
            Ok(true) => return Poll::Ready(Ok(())),
            Ok(false) if owed_continue && !work.owes_continue => context.waker().wake_by_ref(),
            Ok(false) => {}
            Err(failure) => return Poll::Ready(Err(Miss::Failed(failure))),
        }
    }
}

/// The stream ended before it was answered; one that the endpoint did nothing about is sent again (B21).
fn stream_gone(work: &Work, attempt: &Attempt, is_untouched: bool) -> Miss {
    let Remote::Stream(stream) = &attempt.remote else { return closed(work, attempt) };
    if is_untouched && has_whole_body(work) {
        Miss::Stale
    } else if stream.is_heard() {
        closed(work, attempt)
    } else {
        Miss::Failed(Failure::EndpointWithoutHttp2)
    }
}

/// Moves what can be moved of the request.
fn send_request(
    context: &mut Context<'_>,
    connection: &mut Connection,
    work: &mut Work,
    attempt: &mut Attempt,
    continue_at_ms: u64,
) -> Result<(), Miss> {
    if attempt.has_refused_more {
        return Ok(());
    }
    let Connection { client, worker, .. } = connection;
    if work.owes_continue && client.unread().is_empty() {
        let polled = attempt.remote.poll_flush(context, &worker.buffers);
        attempt.has_refused_more = matches!(polled, Poll::Ready(Err(_)));
        if worker.clock.coarse_ms() < continue_at_ms {
            return Ok(());
        }
        client.send_interim(&worker.buffers, 100, &Head::default());
        let _ = client.poll_flush(context, &worker.buffers);
    }
    // Whoever sends the body waits for a 100 no longer.
    work.owes_continue = false;
    match work.request_transfer.poll(context, &worker.buffers, client, &mut attempt.remote) {
        Poll::Pending | Poll::Ready(Ok(())) => Ok(()),
        Poll::Ready(Err(TransferError::Sink)) => {
            // It may have answered before it stopped reading.
            attempt.has_refused_more = true;
            Ok(())
        }
        Poll::Ready(Err(TransferError::Truncated)) => Err(Miss::Gone(Failure::ClientGone)),
        Poll::Ready(Err(TransferError::Malformed(malformed))) => Err(Miss::Failed(Failure::Malformed(malformed))),
        Poll::Ready(Err(TransferError::TooLarge)) => Err(Miss::Failed(Failure::BodyTooLarge)),
        Poll::Ready(Err(TransferError::Message(fault))) => Err(Miss::Failed(Failure::Message(fault))),
    }
}

/// Parses the answer's head out of what came; interim answers are passed on.
fn take_head(
    connection: &mut Connection,
    work: &mut Work,
    attempt: &mut Attempt,
    interim: &mut u32,
) -> Result<bool, Failure> {
    loop {
        let method = work.exchange.request.method;
        let parsed = parse_response(attempt.remote.unread(), ANSWER_HEAD_BYTES, method, &mut work.exchange.response);
        let Some(info) = parsed.map_err(Failure::of_answer)? else { return Ok(false) };
        attempt.remote.consume(info.length);
        if judge_head(connection, work, attempt, info, interim)? {
            return Ok(true);
        }
    }
}

/// Whether the endpoint has answered the gateway's own key; a client's key is the client's affair.
fn check_handshake(work: &Work) -> Result<(), Failure> {
    let is_ours = work.info.connects == Connects::WebSocket;
    let is_answered = !is_ours || answers_key(&work.exchange.request.head, &work.exchange.response.head);
    if is_answered { Ok(()) } else { Err(Failure::NotSwitched) }
}

/// Passes an interim answer on, or makes the head that came the answer's; says which it was.
fn judge_head(
    connection: &mut Connection,
    work: &mut Work,
    attempt: &mut Attempt,
    info: ResponseInfo,
    interim: &mut u32,
) -> Result<bool, Failure> {
    match work.exchange.response.status {
        101 if asks_for_upgrade(work) && info.options.upgrade => check_handshake(work)?,
        101 => return Err(Failure::UnaskedUpgrade),
        200..=299 if work.info.connects != Connects::No => return Err(Failure::NotSwitched),
        100..=199 => {
            *interim += 1;
            if *interim > MOST_INTERIM {
                return Err(Failure::TooManyInterim);
            }
            pass_interim(connection, work);
            return Ok(false);
        }
        _ => {}
    }
    attempt.info = info;
    let framing = match (&attempt.remote, info.framing) {
        // That the length is true is the stream's to see; trailers may follow all the same.
        (Remote::Stream(_), Framing::Length(_)) => Framing::Stream,
        (_, framing) => framing,
    };
    work.answer_transfer.begin(framing, false, None);
    Ok(true)
}

fn pass_interim(connection: &mut Connection, work: &mut Work) {
    let (request, response) = (&work.exchange.request, &work.exchange.response);
    let is_awaited = response.status != 100 || work.owes_continue;
    if request.version != Version::Http10 && is_awaited {
        connection.client.send_interim(&connection.worker.buffers, response.status, &response.head);
    }
    if response.status == 100 {
        work.owes_continue = false;
    }
}

/// The endpoint closed or reset before it answered.
fn closed(work: &Work, attempt: &Attempt) -> Miss {
    let remote = &attempt.remote;
    let (sent, received) = (remote.sent_bytes() - attempt.base.0, remote.received_bytes() - attempt.base.1);
    let is_untouched = work.request_transfer.body.received == 0;
    let may_repeat = sent == 0 || work.exchange.request.method.is_idempotent();
    if attempt.is_reused && received == 0 && is_untouched && may_repeat {
        Miss::Stale
    } else {
        Miss::Failed(Failure::UpstreamClosed)
    }
}

/// Notices a client that leaves while it waits; what it sends early is kept for the next request.
fn watch_client(context: &mut Context<'_>, connection: &mut Connection, work: &mut Work) -> Poll<Result<(), Miss>> {
    let Connection { client, worker, .. } = connection;
    if !client.is_flushed() && matches!(client.poll_flush(context, &worker.buffers), Poll::Ready(Err(_))) {
        return Poll::Ready(Err(Miss::Gone(Failure::ClientGone)));
    }
    if let Client::Stream(stream) = client {
        let has_gone = stream.has_gone(context);
        return if has_gone { Poll::Ready(Err(Miss::Gone(Failure::ClientGone))) } else { Poll::Pending };
    }
    let is_sending = !work.request_transfer.is_finished;
    if work.gone_at_ms != u64::MAX || is_sending && !work.owes_continue || client.is_full() {
        return Poll::Pending;
    }
    loop {
        match client.poll_fill(context, &worker.buffers) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(_)) => return Poll::Ready(Err(Miss::Gone(Failure::ClientGone))),
            Poll::Ready(Ok(0)) => {
                let half_close_ms = connection.listener.current().plan.limits.half_close_ms;
                work.gone_at_ms = worker.clock.coarse_ms() + half_close_ms + crate::worker::TICK_MS;
                return Poll::Pending;
            }
            Poll::Ready(Ok(_)) if is_sending => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(Ok(_)) if client.is_full() => return Poll::Pending,
            Poll::Ready(Ok(_)) => {}
        }
    }
}

fn check_late(connection: &Connection, work: &Work, attempt: &Attempt, phase: &mut Phase) -> Poll<Result<(), Miss>> {
    let timeouts = &attempt.upstream.plan.timeouts;
    let is_sent = work.request_transfer.is_finished || attempt.has_refused_more;
    let is_clients = !is_sent && !work.request_transfer.waits_for(&attempt.remote);
    let limit_ms = match (is_sent, is_clients) {
        (true, _) => timeouts.answer_ms,
        (false, true) => connection.listener.current().plan.limits.idle_ms,
        (false, false) => timeouts.send_ms,
    };
    let progress =
        connection.client.received_bytes().wrapping_add(attempt.remote.sent_bytes() << 20) ^ u64::from(is_sent);
    let failure = match phase.check(connection, work, progress, limit_ms) {
        None => return Poll::Pending,
        Some(Late::Client) => return Poll::Ready(Err(Miss::Gone(Failure::ClientGone))),
        Some(Late::Request) => Failure::RequestTimedOut,
        Some(Late::Phase) if is_clients => Failure::BodyTimedOut,
        Some(Late::Phase) => Failure::AnswerTimedOut,
    };
    Poll::Ready(Err(Miss::Failed(failure)))
}
