//! Tries endpoints until one answers: picks, connects, repeats what may be repeated.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use penstock_plan::{ProxyHeader, RetryOn};
use rustls::Error;

use super::forward::{Miss, answer_head};
use super::lifetime::{Late, Phase};
use super::outgoing::write_request;
use super::serve::Connection;
use super::work::{Attempt, Work};
use crate::failure::Failure;
use crate::filters::Forward;
use crate::http1::ResponseInfo;
use crate::proxy_header::{write_version1, write_version2};
use crate::tls::ClientTls;
use crate::upstream::{Endpoint, Upstream};
use crate::wire::{Address, Descriptors, EndpointFault, Socket, UpstreamTls, Wire, is_none_left};
use crate::worker::TICK_MS;

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
        let outcome = match kept {
            Some(wire) => begin(connection, work, step, upstream, (index, wire, true)),
            // Boxed: connections are made rarely, and every idle client connection would else hold room for it.
            None => match Box::pin(connect(connection, work, upstream, index)).await {
                Ok((wire, is_reused)) => begin(connection, work, step, upstream, (index, wire, is_reused)),
                Err(miss) => Err(miss),
            },
        };
        let outcome = match outcome {
            Ok(()) => answer_head(connection, work).await,
            Err(miss) => Err(miss),
        };
        if !repeats(work, upstream, &mut tries, index, &outcome) {
            if outcome.is_err() {
                work.attempt = None;
            }
            return outcome;
        }
        work.attempt = None;
    }
}

/// Notes the endpoint and takes one of its kept connections.
fn enter(work: &mut Work, upstream: &Upstream, index: usize, may_reuse: bool) -> Result<Option<Wire>, Miss> {
    let endpoint = upstream.endpoints.get(index).ok_or(Miss::Failed(Failure::NoEndpoint))?;
    work.record.endpoint = Some(Rc::clone(endpoint));
    work.record.attempts += 1;
    Ok(if may_reuse { endpoint.take_idle() } else { None })
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

/// Makes the request the connection's own.
fn begin(
    connection: &Connection,
    work: &mut Work,
    step: &Forward,
    upstream: &Rc<Upstream>,
    (index, mut wire, is_reused): (usize, Wire, bool),
) -> Result<(), Miss> {
    let endpoint = upstream.endpoints.get(index).zip(upstream.plan.endpoints.get(index));
    let (endpoint, plan) = endpoint.ok_or(Miss::Failed(Failure::NoEndpoint))?;
    let base = (wire.sent_bytes, wire.received_bytes);
    if !work.request_transfer.restart() {
        return Err(Miss::Failed(Failure::BodyConsumed));
    }
    let output = wire.output(&connection.worker.buffers);
    write_request(output, work, plan, &step.host);
    work.request_transfer.limit = work.exchange.body_limit;
    if let Some(body) = &work.exchange.buffered_body {
        output.extend_from_slice(body);
    }
    work.attempt = Some(Attempt {
        wire,
        in_flight: endpoint.enter(),
        upstream: Rc::clone(upstream),
        is_reused,
        has_refused_more: false,
        info: ResponseInfo::default(),
        base,
    });
    Ok(())
}

/// A connection to an endpoint. While there is no descriptor for one it waits for a kept one, or for a
/// descriptor, as long as it may wait to connect.
pub(super) async fn connect(
    connection: &Connection,
    work: &Work,
    upstream: &Upstream,
    index: usize,
) -> Result<(Wire, bool), Miss> {
    let endpoint: &Rc<Endpoint> = upstream.endpoints.get(index).ok_or(Miss::Failed(Failure::NoEndpoint))?;
    let _in_flight = endpoint.enter();
    let limit_ms = upstream.plan.timeouts.connect_ms;
    let mut phase = Phase::new(connection, limit_ms);
    loop {
        match connect_to_any(connection, work, upstream, index).await {
            Err(Miss::Connect(Failure::OutOfDescriptors)) => {}
            outcome => return outcome.map(|wire| (wire, false)),
        }
        if connection.worker.upstreams.close_idle() {
            continue;
        }
        tokio::time::sleep(Duration::from_millis(TICK_MS)).await;
        if let Some(wire) = endpoint.take_idle() {
            return Ok((wire, true));
        }
        if let Some(late) = phase.check(connection, work, 0, limit_ms) {
            return Err(miss(late, Miss::Failed(Failure::OutOfDescriptors)));
        }
    }
}

async fn connect_to_any(connection: &Connection, work: &Work, upstream: &Upstream, index: usize) -> Result<Wire, Miss> {
    let endpoint = upstream.endpoints.get(index).zip(upstream.plan.endpoints.get(index));
    let (endpoint, plan) = endpoint.ok_or(Miss::Failed(Failure::NoEndpoint))?;
    let greeting = Greeting {
        header: header(connection, upstream.plan.proxy_protocol),
        tls: upstream.tls.as_deref().filter(|_| plan.is_tls).map(|terms| (terms, plan.host.as_str())),
    };
    let limit_ms = upstream.plan.timeouts.connect_ms;
    let mut last = Failure::ConnectFailed;
    for address in endpoint.addresses() {
        match connect_to(connection, work, limit_ms, &address, &greeting).await {
            Ok(socket) => return Ok(Wire::new(socket)),
            Err(Miss::Connect(failure)) => last = failure,
            Err(other) => return Err(other),
        }
    }
    Err(Miss::Connect(last))
}

async fn connect_to(
    connection: &Connection,
    work: &Work,
    limit_ms: u64,
    address: &Address,
    greeting: &Greeting<'_>,
) -> Result<Socket, Miss> {
    let mut connecting = pin!(open(address, &connection.worker.descriptors, greeting));
    let mut phase = Phase::new(connection, limit_ms);
    poll_fn(|context| match connecting.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(outcome.map_err(Miss::Connect)),
        Poll::Pending => match phase.check(connection, work, 0, limit_ms) {
            Some(late) => Poll::Ready(Err(miss(late, Miss::Connect(Failure::ConnectTimedOut)))),
            None => Poll::Pending,
        },
    })
    .await
}

/// What a fresh connection begins with.
struct Greeting<'a> {
    /// The header that says whose it is; empty: none.
    header: Vec<u8>,
    /// What is asked of an endpoint that speaks TLS, and its host.
    tls: Option<(&'a ClientTls, &'a str)>,
}

/// What an endpoint is told of the client before anything else.
fn header(connection: &Connection, form: ProxyHeader) -> Vec<u8> {
    let mut header = Vec::new();
    match form {
        ProxyHeader::Off => {}
        ProxyHeader::V1 => write_version1(&mut header, connection.addresses().as_ref()),
        ProxyHeader::V2 => write_version2(&mut header, connection.addresses().as_ref()),
    }
    header
}

/// Connects, says whose connection it is, and goes through the handshake with an endpoint that speaks TLS.
async fn open(address: &Address, descriptors: &Descriptors, greeting: &Greeting<'_>) -> Result<Socket, Failure> {
    let plain = Socket::connect(address, descriptors).await;
    let mut plain =
        plain.map_err(|error| if is_none_left(&error) { Failure::OutOfDescriptors } else { Failure::ConnectFailed })?;
    let mut header = greeting.header.as_slice();
    while !header.is_empty() {
        let sent = poll_fn(|context| plain.poll_write(context, &[IoSlice::new(header)])).await;
        header =
            sent.ok().filter(|sent| *sent > 0).and_then(|sent| header.get(sent..)).ok_or(Failure::ConnectFailed)?;
    }
    let Some((terms, host)) = greeting.tls else { return Ok(plain) };
    let name = terms.name_of(host).ok_or(Failure::EndpointUntrusted)?;
    let mut session = UpstreamTls::connect(plain, terms, name).map_err(|fault| judged(&fault))?;
    poll_fn(|context| session.poll_handshake(context)).await.map_err(|fault| judged(&fault))?;
    Ok(Socket::UpstreamTls(Box::new(session)))
}

fn judged(fault: &EndpointFault) -> Failure {
    match fault {
        EndpointFault::Refused(Error::InvalidCertificate(_)) => Failure::EndpointUntrusted,
        EndpointFault::Refused(_) | EndpointFault::Gone => Failure::EndpointHandshake,
    }
}

/// What it means that something is late; `phase` is what it means that the phase is.
fn miss(late: Late, phase: Miss) -> Miss {
    match late {
        Late::Phase => phase,
        Late::Request => Miss::Failed(Failure::RequestTimedOut),
        Late::Client => Miss::Gone(Failure::ClientGone),
    }
}
