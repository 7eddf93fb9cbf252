//! What an exchange owes to a call of gRPC: its deadline, and a status whatever happens.

use std::task::{Context, Waker};

use super::client::Client;
use super::serve::Connection;
use super::work::Work;
use crate::exchange::{Answer, Head, LocalBody, Name};
use crate::failure::Failure;
use crate::grpc::{Call, Status, WebBody, format_of, is_grpc, parse_timeout, write_timeout};
use crate::http1::reason_phrase;
use crate::worker::TICK_MS;

/// The field that says how long a call may take.
const TIMEOUT: &[u8] = b"grpc-timeout";

/// Sees whether the request is a call, and how long it may take.
///
/// # Errors
/// The client's own deadline is none.
pub(super) fn begin_call(connection: &Connection, work: &mut Work) -> Result<(), Failure> {
    work.exchange.grpc = Call::of(&work.exchange.request);
    if work.exchange.grpc.is_none() {
        return Ok(());
    }
    note_deadline(connection, work)
}

/// Takes over the deadline that the client gives the call.
///
/// # Errors
/// It is none.
pub(super) fn note_deadline(connection: &Connection, work: &mut Work) -> Result<(), Failure> {
    let Some(text) = work.exchange.request.head.get(TIMEOUT) else { return Ok(()) };
    let limit_ms = parse_timeout(text).ok_or(Failure::GrpcTimeout)?;
    let late_at_ms = super::lifetime::at(connection, limit_ms);
    (work.late_at_ms, work.call_late_at_ms) = (work.late_at_ms.min(late_at_ms), late_at_ms);
    Ok(())
}

/// What it means that an endpoint gave a call up: it has the client's deadline too, and may be the first to notice.
pub(super) fn given_up(connection: &Connection, work: &Work, failure: Failure) -> Failure {
    let limit_ms = || work.exchange.request.head.get(TIMEOUT).and_then(parse_timeout);
    if failure != Failure::UpstreamClosed || work.exchange.grpc.is_none() {
        return failure;
    }
    let passed_us = connection.worker.clock.now_us().saturating_sub(work.record.started_us);
    // The limit was rounded up to a whole millisecond.
    let is_late = limit_ms().is_some_and(|limit_ms| passed_us >= limit_ms.saturating_sub(1).saturating_mul(1_000));
    if is_late { Failure::RequestTimedOut } else { failure }
}

/// Limits the time of a request to what its route allows; an endpoint is told of no more than that.
pub(crate) fn limit_time(work: &mut Work, now_ms: u64, limit_ms: u64) {
    let late_at_ms = now_ms.saturating_add(limit_ms).saturating_add(TICK_MS);
    if work.call_late_at_ms > late_at_ms && work.exchange.request.head.get(TIMEOUT).is_some() {
        work.exchange.request.head.set(TIMEOUT, write_timeout(limit_ms).as_bytes());
    }
    work.late_at_ms = work.late_at_ms.min(late_at_ms);
}

/// Makes the answer in hand one of gRPC: a client of that understands no other (L3).
pub(super) fn answer_call(work: &mut Work, call: Call) {
    let exchange = &mut work.exchange;
    let response = &mut exchange.response;
    let is_upstream = matches!(exchange.answer, Answer::Upstream);
    if is_upstream && response.status == 200 && is_grpc(&response.head) {
        if call.is_web() {
            let format = format_of(&response.head).unwrap_or_default();
            let content_type = [call.content_type(), format].concat();
            response.head.set_named(Name::CONTENT_TYPE, b"content-type", &content_type);
            work.answer_transfer.web = Some(Box::new(WebBody::new(call)));
        }
        return;
    }
    let status = Status::of_http(response.status, exchange.reason);
    let message = if is_upstream {
        format!("the endpoint answered {} and no gRPC", response.status)
    } else if response.head.get(b"grpc-message").is_some() {
        String::new()
    } else {
        reason_phrase(response.status).to_owned()
    };
    status.write(&mut response.head, &message);
    response
        .head
        .retain(|token, _, _| !matches!(token, Name::CONTENT_TYPE | Name::CONTENT_LENGTH | Name::CONTENT_ENCODING));
    response.head.add_known(Name::CONTENT_TYPE, call.content_type());
    response.status = 200;
    exchange.answer = Answer::Local(LocalBody::Empty);
    work.attempt = None;
}

/// Ends a call whose answer has begun and cannot go on; says no where it is none, or nobody is left to be told.
pub(super) fn end_call(client: &mut Client, work: &mut Work, failure: Failure) -> bool {
    let (Some(_), Client::Stream(stream)) = (work.exchange.grpc, client) else { return false };
    if matches!(failure, Failure::ClientGone) {
        return false;
    }
    let (mut trailers, verdict) = (Head::default(), failure.verdict());
    let status = Status::of_http(verdict.status, verdict.reason);
    status.write(&mut trailers, &failure.to_string());
    let framed = &mut work.answer_transfer.framed;
    match &work.answer_transfer.web {
        Some(web) => {
            stream.ends.write_last(framed, &web.end(&trailers));
            // It is small, and who grants nothing hears nothing.
            let _ = stream.ends.poll_flush(&mut Context::from_waker(Waker::noop()));
        }
        None => stream.ends.write_end(framed, Some(&trailers)),
    }
    work.answer_transfer.grpc_status = Some(status);
    true
}

/// Notes for log and counters what became of a call.
pub(super) fn note_status(work: &mut Work) {
    if work.exchange.grpc.is_some() {
        let behind = work.answer_transfer.grpc_status;
        work.record.grpc_status = behind.or_else(|| Status::in_head(&work.exchange.response.head));
    }
}
