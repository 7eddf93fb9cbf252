//! Connections to endpoints: one that is kept, one that has room, or a fresh one.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use penstock_plan::{ProxyHeader, UpstreamProtocol};
use rustls::{AlertDescription, Error};

use super::forward::Miss;
use super::lifetime::{Late, Phase};
use super::remote_session::begin_session;
use super::serve::Connection;
use super::work::Work;
use crate::failure::Failure;
use crate::http2::Session;
use crate::proxy_header::{write_version1, write_version2};
use crate::tls::ClientTls;
use crate::upstream::{Endpoint, Upstream};
use crate::wire::{Address, Descriptors, EndpointFault, Socket, UpstreamTls, Wire, is_none_left};
use crate::worker::TICK_MS;

/// What a request is sent by.
pub(super) enum Link {
    /// A connection that is the request's alone.
    Wire(Box<Wire>),
    /// A connection on which it becomes a stream.
    Session(Rc<RefCell<Session>>),
}

/// A connection that is there already: one that waits, or one that has room for another stream.
pub(super) fn kept(upstream: &Upstream, endpoint: &Endpoint, index: usize) -> Option<Link> {
    if is_multiplexed(upstream, endpoint, index) {
        endpoint.multiplexed.find().map(Link::Session)
    } else {
        endpoint.take_idle().map(Link::Wire)
    }
}

/// Whether requests to an endpoint are streams, as far as is known.
fn is_multiplexed(upstream: &Upstream, endpoint: &Endpoint, index: usize) -> bool {
    match upstream.plan.protocol {
        UpstreamProtocol::Http1 => false,
        UpstreamProtocol::H2 | UpstreamProtocol::H2c => true,
        UpstreamProtocol::Auto => {
            upstream.plan.endpoints.get(index).is_some_and(|plan| plan.is_tls) && !endpoint.multiplexed.is_declined()
        }
    }
}

/// A connection to an endpoint that speaks what the upstream says, and whether it has carried requests before. While
/// another request makes one that may be shared, it waits for that.
pub(super) async fn connect(
    connection: &Connection,
    work: &Work,
    upstream: &Upstream,
    index: usize,
) -> Result<(Link, bool), Miss> {
    let endpoint: &Rc<Endpoint> = upstream.endpoints.get(index).ok_or(Miss::Failed(Failure::NoEndpoint))?;
    // A connection that says whose it is, is nobody else's; nor is one of HTTP/1.1, as whoever waited may learn.
    let may_share = upstream.plan.proxy_protocol == ProxyHeader::Off;
    let limit_ms = upstream.plan.timeouts.connect_ms;
    let mut phase = Phase::new(connection, limit_ms);
    let connecting = loop {
        if !may_share || !is_multiplexed(upstream, endpoint, index) {
            break None;
        }
        if let Some(connecting) = endpoint.multiplexed.begin() {
            break Some(connecting);
        }
        wait_for_other(connection, work, endpoint, (&mut phase, limit_ms)).await?;
        if let Some(link) = kept(upstream, endpoint, index) {
            return Ok((link, true));
        }
    };
    let (wire, is_reused) = connect_wire(connection, work, upstream, index).await?;
    if is_reused {
        return Ok((Link::Wire(wire), true));
    }
    let chosen = match upstream.plan.protocol {
        UpstreamProtocol::Http1 => false,
        UpstreamProtocol::H2c => true,
        UpstreamProtocol::H2 if !wire.socket().has_chosen_http2() => {
            return Err(Miss::Connect(Failure::EndpointWithoutHttp2));
        }
        UpstreamProtocol::H2 | UpstreamProtocol::Auto => wire.socket().has_chosen_http2(),
    };
    endpoint.multiplexed.set_declined(!chosen);
    if !chosen {
        return Ok((Link::Wire(wire), false));
    }
    let session = begin_session(&connection.worker, wire, &upstream.plan, &endpoint.multiplexed);
    if connecting.is_some() {
        endpoint.multiplexed.add(&session);
    } else {
        // Before its only stream begins, which it does before anybody else is asked.
        session.borrow_mut().retire();
    }
    Ok((Link::Session(session), false))
}

/// Waits until whoever connects has, or has failed.
async fn wait_for_other(
    connection: &Connection,
    work: &Work,
    endpoint: &Endpoint,
    (phase, limit_ms): (&mut Phase, u64),
) -> Result<(), Miss> {
    let mut has_waited = false;
    poll_fn(|context| {
        if has_waited && !endpoint.multiplexed.is_one_coming() {
            return Poll::Ready(Ok(()));
        }
        if let Some(late) = phase.check(connection, work, 0, limit_ms) {
            return Poll::Ready(Err(miss(late, Miss::Connect(Failure::ConnectTimedOut))));
        }
        has_waited = true;
        endpoint.multiplexed.wait(context);
        Poll::Pending
    })
    .await
}

/// A connection of the request's own. While there is no descriptor for one it waits for a kept one, or for a
/// descriptor, as long as it may wait to connect.
pub(super) async fn connect_wire(
    connection: &Connection,
    work: &Work,
    upstream: &Upstream,
    index: usize,
) -> Result<(Box<Wire>, bool), Miss> {
    let endpoint: &Rc<Endpoint> = upstream.endpoints.get(index).ok_or(Miss::Failed(Failure::NoEndpoint))?;
    let _in_flight = endpoint.enter();
    let limit_ms = upstream.plan.timeouts.connect_ms;
    let mut phase = Phase::new(connection, limit_ms);
    let began_us = connection.worker.clock.now_us();
    loop {
        match connect_to_any(connection, work, upstream, index).await {
            Err(Miss::Connect(Failure::OutOfDescriptors)) => {}
            outcome => {
                let took_us = outcome.is_ok().then(|| connection.worker.clock.now_us().saturating_sub(began_us));
                if matches!(outcome, Ok(_) | Err(Miss::Connect(_))) {
                    connection.worker.recorder.connected(&upstream.meter.get(), &endpoint.meter(), took_us);
                }
                return outcome.map(|wire| (wire, false));
            }
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

async fn connect_to_any(
    connection: &Connection,
    work: &Work,
    upstream: &Upstream,
    index: usize,
) -> Result<Box<Wire>, Miss> {
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
        EndpointFault::Refused(Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
            Failure::EndpointWithoutHttp2
        }
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
