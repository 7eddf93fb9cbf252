//! `ForwardProxy`: connects a request with the destination that it names itself.

use std::fmt::Write as _;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::attempts::{begin_attempt, end_attempt, has_whole_body};
use super::forward::{Miss, answer_head, begin, conclude, drop_earlier_answer, failed};
use super::identify::is_forwarding_field;
use super::lifetime::{Late, Phase};
use super::outgoing::write_request;
use super::remote::Remote;
use super::serve::Connection;
use super::via::reach_via;
use super::work::{Attempt, Work};
use crate::exchange::{Name, Request, Version};
use crate::failure::Failure;
use crate::filters::{ForwardProxy, HostChoice, Password, REFUSED, UNAUTHORIZED, Users};
use crate::http1::{Connects, Framing, ResponseInfo};
use crate::pipeline::ResultId;
use crate::resolver::Found;
use crate::routing::Scheme;
use crate::upstream::{DestinationEndpoint, Endpoint, Upstream};
use crate::wire::{Address, Socket, Wire, is_none_left};

/// What a request that is not from a user is told (RFC 7617).
const CHALLENGE: &[u8] = b"Basic realm=\"proxy\", charset=\"UTF-8\"";

/// Which connections a request may be sent by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Any,
    /// One that was kept had been closed.
    Fresh,
}

/// Where a request wants to go.
struct Destination {
    /// In small letters; empty where it is an address.
    name: String,
    address: Option<IpAddr>,
    port: u16,
}

/// Sends the request where it says itself, or opens a tunnel to there; the exchange then holds the answer, or the
/// gateway's own.
///
/// # Errors
/// Only where nobody is left to be answered.
pub(crate) async fn forward_proxy(
    connection: &mut Connection,
    work: &mut Work,
    step: &ForwardProxy,
) -> Result<ResultId, Failure> {
    drop_earlier_answer(work);
    if !has_whole_body(work) {
        return Ok(failed(work, Failure::BodyConsumed));
    }
    if step.users.as_ref().is_some_and(|users| !is_admitted(work, users)) {
        let _ = failed(work, Failure::ProxyUnauthorized);
        work.exchange.response.head.add_known(Name::PROXY_AUTHENTICATE, CHALLENGE);
        return Ok(UNAUTHORIZED);
    }
    begin(connection, work);
    let mut outcome = attempt(connection, work, step, Use::Any).await;
    if matches!(outcome, Err(Miss::Stale)) {
        work.attempt = None;
        outcome = attempt(connection, work, step, Use::Fresh).await;
    }
    if outcome.is_err() {
        work.attempt = None;
    }
    let is_refused =
        matches!(outcome, Err(Miss::Failed(Failure::DestinationRefused | Failure::NotProxied | Failure::NotClearText)));
    let meter = connection.worker.recorder.other_upstreams();
    let result = conclude(connection, work, &meter, outcome)?;
    Ok(if is_refused { REFUSED } else { result })
}

/// Whether the request says, once, that it comes from one of the users.
fn is_admitted(work: &Work, users: &Users) -> bool {
    let mut credentials = work.exchange.request.head.known(Name::PROXY_AUTHORIZATION);
    match (credentials.next(), credentials.next()) {
        (Some(only), None) => users.admit(only),
        _ => false,
    }
}

/// Sends the request once, or opens its tunnel.
async fn attempt(connection: &mut Connection, work: &mut Work, step: &ForwardProxy, using: Use) -> Result<(), Miss> {
    let outcome = try_once(connection, work, step, using).await;
    if work.recording.is_some() {
        end_attempt(connection, work, &outcome);
    }
    outcome
}

async fn try_once(connection: &mut Connection, work: &mut Work, step: &ForwardProxy, using: Use) -> Result<(), Miss> {
    reach(connection, work, step, using).await?;
    if work.info.connects == Connects::Destination { Ok(()) } else { answer_head(connection, work).await }
}

/// Connects with the destination and makes the request ready to be sent there.
async fn reach(connection: &Connection, work: &mut Work, step: &ForwardProxy, using: Use) -> Result<(), Miss> {
    let destination = destination(work).map_err(Miss::Failed)?;
    work.record.attempts += 1;
    if work.exchange.request.trace.is_there() {
        begin_attempt(connection, work);
    }
    let mut phase = Phase::new(connection, step.connect.millis());
    if let Some(via) = &step.via {
        return send_via(connection, work, step, (via, &destination)).await;
    }
    let addresses = allowed(connection, work, step, &destination, &mut phase).await?;
    let mut last = Miss::Failed(Failure::ConnectFailed);
    for address in addresses {
        let address = SocketAddr::new(address, destination.port);
        let endpoint = connection.worker.upstreams.destination(address, &destination.name, may_share(work));
        if using == Use::Any
            && let Some(wire) = endpoint.take_idle()
        {
            speak_for_nobody(&mut work.exchange.request);
            return ask(connection, work, step, (endpoint, ""), (wire, true));
        }
        match connect(connection, work, step, address, &mut phase).await {
            Ok(wire) => {
                if using == Use::Any && work.info.connects == Connects::No {
                    speak_for_nobody(&mut work.exchange.request);
                }
                return ask(connection, work, step, (endpoint, ""), (wire, false));
            }
            Err(Miss::Connect(failure)) => last = Miss::Failed(failure),
            Err(miss) => return Err(miss),
        }
    }
    Err(last)
}

/// The same where another proxy connects with the destination: it takes the whole URL, or makes a tunnel.
async fn send_via(
    connection: &Connection,
    work: &mut Work,
    step: &ForwardProxy,
    (via, destination): (&str, &Destination),
) -> Result<(), Miss> {
    let Destination { name, address, port } = destination;
    let is_taken = match address {
        Some(address) => step.takes(None, *address, *port),
        None => step.takes_name(name, *port),
    };
    if !is_taken {
        return Err(Miss::Failed(Failure::DestinationRefused));
    }
    let authority = match address {
        Some(address) => SocketAddr::new(*address, *port).to_string(),
        None => format!("{name}:{port}"),
    };
    let (endpoint, wire) = reach_via(connection, work, step, (via, &authority)).await?;
    if work.info.connects == Connects::Destination {
        return ask(connection, work, step, (endpoint, ""), (wire, false));
    }
    speak_for_nobody(&mut work.exchange.request);
    if let Some(credentials) = step.via_credentials.as_ref().and_then(Password::credentials) {
        work.exchange.request.head.add_known(Name::PROXY_AUTHORIZATION, credentials.as_bytes());
    }
    let outcome = ask(connection, work, step, (endpoint, &format!("http://{authority}")), (wire, false));
    // Steps that follow may send the request somewhere else.
    work.exchange.request.head.retain(|token, _, _| token != Name::PROXY_AUTHORIZATION);
    outcome
}

/// The destination that a request names, if it was sent as to a proxy.
fn destination(work: &Work) -> Result<Destination, Failure> {
    let request = &work.exchange.request;
    let usual_port = match (work.info.connects, work.info.scheme) {
        (Connects::Destination, _) => None,
        (Connects::WebSocket, _) => return Err(Failure::NoTunnel),
        (Connects::No, Some(Scheme::Http)) => Some(80),
        (Connects::No, Some(Scheme::Https)) => return Err(Failure::NotClearText),
        (Connects::No, None) => return Err(Failure::NotProxied),
    };
    let port = request.port.or(usual_port).ok_or(Failure::NotProxied)?;
    let literal = request.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&request.host);
    match literal.parse::<IpAddr>() {
        Ok(address) => Ok(Destination { name: String::new(), address: Some(address.to_canonical()), port }),
        Err(_) => Ok(Destination { name: request.host.clone(), address: None, port }),
    }
}

/// The addresses of the destination that may be connected to. What is judged here is what is connected to: nobody is
/// asked a second time (D13).
async fn allowed(
    connection: &Connection,
    work: &Work,
    step: &ForwardProxy,
    destination: &Destination,
    phase: &mut Phase,
) -> Result<Vec<IpAddr>, Miss> {
    let Destination { name, address, port } = destination;
    if let Some(address) = address {
        let is_taken = step.takes(None, *address, *port);
        return if is_taken { Ok(vec![*address]) } else { Err(Miss::Failed(Failure::DestinationRefused)) };
    }
    if !step.may_take(name, *port) {
        return Err(Miss::Failed(Failure::DestinationRefused));
    }
    let limit_ms = step.connect.millis();
    let found = poll_fn(|context| {
        let now_ms = connection.worker.clock.coarse_ms();
        match connection.worker.resolver.poll(context, name, now_ms) {
            Poll::Ready(found) => Poll::Ready(Ok(found)),
            Poll::Pending => match phase.check(connection, work, 0, limit_ms) {
                Some(late) => Poll::Ready(Err(miss(late))),
                None => Poll::Pending,
            },
        }
    })
    .await?;
    let Found::Addresses(found) = found else { return Err(Miss::Failed(Failure::NamesBusy)) };
    if found.is_empty() {
        return Err(Miss::Failed(Failure::NameNotFound));
    }
    let taken = found.iter().copied().filter(|address| step.takes(Some(name), *address, *port));
    let taken: Vec<IpAddr> = taken.map(|address| address.to_canonical()).collect();
    if taken.is_empty() { Err(Miss::Failed(Failure::DestinationRefused)) } else { Ok(taken) }
}

async fn connect(
    connection: &Connection,
    work: &Work,
    step: &ForwardProxy,
    address: SocketAddr,
    phase: &mut Phase,
) -> Result<Box<Wire>, Miss> {
    let address = Address::Ip(address);
    let mut connecting = pin!(Socket::connect(&address, &connection.worker.descriptors));
    poll_fn(|context| match connecting.as_mut().poll(context) {
        Poll::Ready(Ok(socket)) => Poll::Ready(Ok(Wire::new(socket))),
        Poll::Ready(Err(error)) if is_none_left(&error) => Poll::Ready(Err(Miss::Failed(Failure::OutOfDescriptors))),
        Poll::Ready(Err(_)) => Poll::Ready(Err(Miss::Connect(Failure::ConnectFailed))),
        Poll::Pending => match phase.check(connection, work, 0, step.connect.millis()) {
            Some(late) => Poll::Ready(Err(miss(late))),
            None => Poll::Pending,
        },
    })
    .await
}

fn miss(late: Late) -> Miss {
    match late {
        Late::Phase => Miss::Failed(Failure::ConnectTimedOut),
        Late::Request => Miss::Failed(Failure::RequestTimedOut),
        Late::Client => Miss::Gone(Failure::ClientGone),
    }
}

/// Makes the connection the request's: as a tunnel, or with its head written.
fn ask(
    connection: &Connection,
    work: &mut Work,
    step: &ForwardProxy,
    (endpoint, before_path): (DestinationEndpoint, &str),
    (mut wire, is_reused): (Box<Wire>, bool),
) -> Result<(), Miss> {
    let recorder = &connection.worker.recorder;
    let request = &work.exchange.request;
    let host = String::from_utf8_lossy(request.head.bytes(request.authority)).into_owned();
    let upstream = Upstream::of_destination(endpoint, (host, before_path), step, recorder);
    let endpoint = upstream.endpoints.first().zip(upstream.plan.endpoints.first());
    let (endpoint, plan) = endpoint.ok_or(Miss::Failed(Failure::NoEndpoint))?;
    work.record.endpoint = Some(Rc::clone(endpoint));
    let base = (wire.sent_bytes, wire.received_bytes);
    if work.info.connects == Connects::Destination {
        work.exchange.response.head.clear(usize::MAX);
        work.exchange.response.status = 200;
        work.answer_transfer.begin(Framing::None, false, None);
    } else {
        if !work.request_transfer.restart() {
            return Err(Miss::Failed(Failure::BodyConsumed));
        }
        let output = wire.output(&connection.worker.buffers);
        write_request(output, work, plan, &HostChoice::Client);
        work.request_transfer.limit = work.exchange.body_limit;
        if let Some(body) = &work.exchange.buffered_body {
            output.extend_from_slice(body);
        }
    }
    work.attempt = Some(Attempt {
        remote: Remote::Wire(wire),
        in_flight: Endpoint::enter(endpoint),
        upstream: Rc::clone(&upstream),
        is_reused,
        has_refused_more: false,
        info: ResponseInfo::default(),
        base,
    });
    Ok(())
}

/// Whether the request may share its connection with others. Some schemes of `Authorization` speak for all that follows on
/// a connection, whoever sends it.
fn may_share(work: &Work) -> bool {
    work.info.connects == Connects::No && work.exchange.request.head.first(Name::AUTHORIZATION).is_none()
}

/// Takes away what a stranger is not to know of the client, and says that this is a proxy (RFC 9110, section 7.6.3).
fn speak_for_nobody(request: &mut Request) {
    request.head.retain(|token, name, _| token != Name::PROXY_AUTHORIZATION && !is_forwarding_field(token, name));
    let version = match request.version {
        Version::Http10 => "1.0",
        Version::Http2 => "2",
        Version::Http3 => "3",
        _ => "1.1",
    };
    let mut via = String::new();
    let _ = write!(via, "{version} penstock");
    request.head.add_known(Name::VIA, via.as_bytes());
}
