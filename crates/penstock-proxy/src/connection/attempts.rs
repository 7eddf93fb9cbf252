//! Tries endpoints until one answers: picks, connects, repeats what may be repeated.

use std::rc::Rc;

use penstock_plan::RetryOn;

use super::connect::{Link, connect, kept};
use super::forward::{Miss, answer_head};
use super::outgoing::{ask, write_request};
use super::remote::Remote;
use super::remote_stream::RemoteStream;
use super::serve::Connection;
use super::work::{Attempt, Work};
use crate::failure::{Blame, Failure};
use crate::filters::Forward;
use crate::grpc::{Messages, is_encoded};
use crate::http1::ResponseInfo;
use crate::tracing::AttemptEnd;
use crate::upstream::Upstream;
use crate::worker::Worker;

/// What is left to try.
struct Tries {
    /// Positions of endpoints that were tried.
    tried: u64,
    /// Repetitions left.
    left: u32,
    /// Whether a kept connection may be used.
    may_reuse: bool,
}

/// Sends the request to one endpoint after the other until one answers or nothing is left to try.
pub(crate) async fn attempts(
    connection: &mut Connection,
    work: &mut Work,
    step: &Forward,
    upstream: &Rc<Upstream>,
) -> Result<(), Miss> {
    let left = upstream.plan.retry.as_ref().map_or(1, |retry| retry.attempts);
    let mut tries = Tries { tried: 0, left, may_reuse: true };
    upstream.budget.earn();
    loop {
        let index = upstream.pick(tries.tried, connection.worker.random()).ok_or(Miss::Failed(Failure::NoEndpoint))?;
        let kept = enter(work, upstream, index, tries.may_reuse)?;
        if work.exchange.request.trace.is_there() {
            begin_attempt(connection, work);
        }
        let outcome = match kept {
            Some(link) => begin(connection, work, step, upstream, (index, link, true)),
            // Boxed: connections are made rarely, and every idle client connection would else hold room for it.
            None => match Box::pin(connect(connection, work, upstream, index)).await {
                Ok((link, is_reused)) => begin(connection, work, step, upstream, (index, link, is_reused)),
                Err(miss) => Err(miss),
            },
        };
        let outcome = match outcome {
            Ok(()) => answer_head(connection, work).await,
            Err(miss) => Err(miss),
        };
        count_failure(connection, work, &outcome);
        if work.recording.is_some() {
            end_attempt(connection, work, &outcome);
        }
        if !repeats(work, upstream, &mut tries, index, &outcome) {
            if outcome.is_err() {
                work.attempt = None;
            }
            return outcome;
        }
        count_repeated(connection, work, &outcome);
        work.attempt = None;
    }
}

/// Counts an attempt that the endpoint is to blame for; a kept connection that was closed meanwhile says nothing of it.
fn count_failure(connection: &Connection, work: &Work, outcome: &Result<(), Miss>) {
    if let (Err(Miss::Connect(failure) | Miss::Failed(failure)), Some(endpoint)) = (outcome, &work.record.endpoint)
        && failure.verdict().blame == Blame::Upstream
    {
        connection.worker.recorder.unanswered(&endpoint.meter());
    }
}

/// Counts an answer that nobody sees, because the request is sent once more; the next attempt begins.
fn count_repeated(connection: &Connection, work: &mut Work, outcome: &Result<(), Miss>) {
    let now_us = connection.worker.clock.now_us();
    if let (Ok(()), Some(endpoint)) = (outcome, &work.record.endpoint) {
        let took_us = now_us.saturating_sub(work.record.attempt_us);
        connection.worker.recorder.answered(&endpoint.meter(), work.exchange.response.status, took_us);
    }
    work.record.attempt_us = now_us;
}

/// Notes an attempt for the trace, and tells the endpoint which.
#[cold]
pub(super) fn begin_attempt(connection: &Connection, work: &mut Work) {
    let Worker { tracer, clock, .. } = &*connection.worker;
    let request = &mut work.exchange.request;
    let Some(recording) = &mut work.recording else {
        return tracer.inject(request, request.trace.span);
    };
    let id = tracer.span_id();
    recording.begin_attempt((id, clock.now_us()), work.record.attempts);
    tracer.inject(request, id);
}

/// Notes for the trace what came of it.
#[cold]
pub(super) fn end_attempt(connection: &Connection, work: &mut Work, outcome: &Result<(), Miss>) {
    let end = match outcome {
        Ok(()) => AttemptEnd::answered(work.exchange.response.status),
        Err(Miss::Stale) => AttemptEnd::failed(Failure::UpstreamClosed),
        Err(Miss::Connect(failure) | Miss::Failed(failure) | Miss::Gone(failure)) => AttemptEnd::failed(*failure),
    };
    let at = (work.record.endpoint.as_ref(), work.record.upstream.as_ref());
    if let Some(recording) = &mut work.recording {
        recording.note_attempt(connection.worker.clock.now_us(), end, at);
    }
}

/// Notes the endpoint and takes one of its kept connections.
fn enter(work: &mut Work, upstream: &Upstream, index: usize, may_reuse: bool) -> Result<Option<Link>, Miss> {
    let endpoint = upstream.endpoints.get(index).ok_or(Miss::Failed(Failure::NoEndpoint))?;
    work.record.endpoint = Some(Rc::clone(endpoint));
    work.record.attempts += 1;
    Ok(if may_reuse { kept(upstream, endpoint, index) } else { None })
}

/// Decides whether the request is sent once more, and notes it.
fn repeats(work: &Work, upstream: &Upstream, tries: &mut Tries, index: usize, outcome: &Result<(), Miss>) -> bool {
    // A kept connection that was closed meanwhile costs no repetition.
    if matches!(outcome, Err(Miss::Stale)) && tries.may_reuse {
        tries.may_reuse = false;
        return true;
    }
    let cause = match outcome {
        Ok(()) => RetryOn::Status(work.exchange.response.status),
        Err(Miss::Connect(_)) => RetryOn::ConnectFailure,
        Err(Miss::Stale | Miss::Failed(Failure::UpstreamClosed)) => RetryOn::Reset,
        Err(Miss::Failed(Failure::AnswerTimedOut)) => RetryOn::TimedOut,
        Err(Miss::Failed(_) | Miss::Gone(_)) => return false,
    };
    let is_wanted = match &upstream.plan.retry {
        Some(retry) => retry.on.contains(&cause) && upstream.budget.has_room(),
        None => cause == RetryOn::ConnectFailure && upstream.endpoints.len() > 1,
    };
    if tries.left == 0 || !is_wanted || !may_repeat(work, cause) {
        return false;
    }
    if upstream.plan.retry.is_some() {
        upstream.budget.spend();
    }
    tries.left -= 1;
    tries.tried |= 1 << index.min(63);
    tries.may_reuse = true;
    true
}

/// Whether sending the request again can do no harm: none of its body is used up, and either it
/// never left or it is idempotent (R24).
fn may_repeat(work: &Work, cause: RetryOn) -> bool {
    has_whole_body(work) && (cause == RetryOn::ConnectFailure || work.exchange.request.method.is_idempotent())
}

/// Whether the request's body is there to be sent: none of it has left, or all of it is buffered.
pub(crate) fn has_whole_body(work: &Work) -> bool {
    work.request_transfer.body.received == 0 || work.exchange.buffered_body.is_some()
}

/// Makes the request the connection's own, or begins a stream with it.
fn begin(
    connection: &Connection,
    work: &mut Work,
    step: &Forward,
    upstream: &Rc<Upstream>,
    (index, link, is_reused): (usize, Link, bool),
) -> Result<(), Miss> {
    let endpoint = upstream.endpoints.get(index).zip(upstream.plan.endpoints.get(index));
    let (endpoint, plan) = endpoint.ok_or(Miss::Failed(Failure::NoEndpoint))?;
    if !work.request_transfer.restart() {
        return Err(Miss::Failed(Failure::BodyConsumed));
    }
    work.request_transfer.limit = work.exchange.body_limit;
    let limit = work.exchange.message_limit;
    work.request_transfer.messages = limit.map(|limit| Messages::new(limit, is_encoded(&work.exchange.request)));
    let (remote, base) = match link {
        Link::Wire(mut wire) => {
            let base = (wire.sent_bytes, wire.received_bytes);
            let output = wire.output(&connection.worker.buffers);
            write_request(output, work, plan, &step.host);
            if let Some(body) = &work.exchange.buffered_body {
                output.extend_from_slice(body);
            }
            (Remote::Wire(wire), base)
        }
        Link::Session(session) => {
            let ask = ask(work, plan, &step.host);
            let has_body = !ask.ends_stream;
            let mut stream = RemoteStream::begin(&session, &ask);
            if let Some(body) = &work.exchange.buffered_body {
                stream.ends.set_body(body);
            }
            // A body that is whole is sent with its end.
            work.request_transfer.framed.has_ended = !has_body || work.exchange.buffered_body.is_some();
            (Remote::Stream(Box::new(stream)), (0, 0))
        }
    };
    work.attempt = Some(Attempt {
        remote,
        in_flight: endpoint.enter(),
        upstream: Rc::clone(upstream),
        is_reused,
        has_refused_more: false,
        info: ResponseInfo::default(),
        base,
    });
    Ok(())
}
