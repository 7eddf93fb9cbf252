//! `ForwardProxy` with `via`: another proxy connects with the destination.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::connect::connect_wire;
use super::ends::{Sink, Source};
use super::forward::Miss;
use super::lifetime::{Late, Phase};
use super::serve::Connection;
use super::work::Work;
use crate::exchange::{Method, Response};
use crate::failure::Failure;
use crate::filters::{ForwardProxy, Password};
use crate::http1::{Connects, parse_response};
use crate::upstream::DestinationEndpoint;
use crate::wire::{Buffers, Wire};

/// Largest head with which a proxy answers a wish for a tunnel.
const MOST_HEAD: usize = 16 << 10;

/// Connects with another proxy, and where a tunnel is wanted has it make one to `authority`.
pub(super) async fn reach_via(
    connection: &Connection,
    work: &mut Work,
    step: &ForwardProxy,
    (key, authority): (&str, &str),
) -> Result<(DestinationEndpoint, Box<Wire>), Miss> {
    let upstream = connection.worker.upstreams.get(key).ok_or(Miss::Failed(Failure::NoEndpoint))?;
    let (mut tried, mut last) = (0, Miss::Failed(Failure::NoEndpoint));
    for _ in &upstream.endpoints {
        let index = upstream.pick(tried, connection.worker.random()).ok_or(Miss::Failed(Failure::NoEndpoint))?;
        let endpoint = upstream.endpoints.get(index).ok_or(Miss::Failed(Failure::NoEndpoint))?;
        match connect_wire(connection, work, &upstream, index).await {
            Ok((mut wire, _)) => {
                if work.info.connects == Connects::Destination {
                    open_tunnel(connection, work, step, authority, &mut wire).await?;
                }
                return Ok((DestinationEndpoint::of(endpoint), wire));
            }
            Err(Miss::Connect(failure)) => last = Miss::Failed(failure),
            Err(miss) => return Err(miss),
        }
        tried |= 1 << index.min(63);
    }
    Err(last)
}

async fn open_tunnel(
    connection: &Connection,
    work: &Work,
    step: &ForwardProxy,
    authority: &str,
    wire: &mut Wire,
) -> Result<(), Miss> {
    let buffers = &connection.worker.buffers;
    let output = wire.output(buffers);
    output.extend_from_slice(format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n").as_bytes());
    if let Some(credentials) = step.via_credentials.as_ref().and_then(Password::credentials) {
        output.extend_from_slice(format!("proxy-authorization: {credentials}\r\n").as_bytes());
    }
    output.extend_from_slice(b"\r\n");
    let limit_ms = step.connect.millis();
    let mut phase = Phase::new(connection, limit_ms);
    let mut response = Response::default();
    poll_fn(|context| match poll_opened(context, buffers, wire, &mut response) {
        Poll::Ready(is_open) => Poll::Ready(if is_open { Ok(()) } else { Err(Miss::Failed(Failure::TunnelRefused)) }),
        Poll::Pending => match phase.check(connection, work, 0, limit_ms) {
            None => Poll::Pending,
            Some(Late::Phase) => Poll::Ready(Err(Miss::Failed(Failure::ConnectTimedOut))),
            Some(Late::Request) => Poll::Ready(Err(Miss::Failed(Failure::RequestTimedOut))),
            Some(Late::Client) => Poll::Ready(Err(Miss::Gone(Failure::ClientGone))),
        },
    })
    .await
}

/// Ready with whether the proxy has opened the tunnel; what follows its head is the destination's.
fn poll_opened(context: &mut Context<'_>, buffers: &Buffers, wire: &mut Wire, response: &mut Response) -> Poll<bool> {
    if matches!(Sink::poll_flush(wire, context, buffers), Poll::Ready(Err(_))) {
        return Poll::Ready(false);
    }
    loop {
        match parse_response(wire.unread(), MOST_HEAD, Method::Connect, response) {
            Ok(Some(info)) => {
                wire.consume(info.length);
                return Poll::Ready((200..300).contains(&response.status));
            }
            Ok(None) => {}
            Err(_) => return Poll::Ready(false),
        }
        match Source::poll_fill(wire, context, buffers) {
            Poll::Ready(Ok(count)) if count > 0 => {}
            Poll::Ready(_) => return Poll::Ready(false),
            Poll::Pending => return Poll::Pending,
        }
    }
}
