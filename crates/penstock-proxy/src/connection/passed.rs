//! Carries connections by the host that clients ask for in handshakes, which are for the endpoint to answer.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::ends::{Sink, Source};
use super::handshake::give_up;
use super::serve::{Connection, linger};
use super::tcp::{begin, carry, end, enter};
use crate::exchange::{Session, Version};
use crate::failure::Failure;
use crate::http1::begins_request;
use crate::tls::{NoHello, asked_host};

/// Numbers of alerts (RFC 8446, section 6).
const DECODE_ERROR: u8 = 50;
const INTERNAL_ERROR: u8 = 80;
const UNRECOGNIZED_NAME: u8 = 112;

/// Serves a connection of a listener that reads handshakes and answers none.
pub(super) async fn serve_passed(connection: &mut Connection) {
    match hear(connection).await {
        Ok(host) => serve_host(connection, host).await,
        Err(None) => {}
        Err(Some(failure)) => {
            give_up(connection, failure).await;
            if failure == Failure::HandshakeMalformed {
                alert(connection, DECODE_ERROR).await;
            }
        }
    }
}

async fn serve_host(connection: &mut Connection, host: Box<str>) {
    let mut work = begin(connection, Version::Tls);
    let request = &mut work.exchange.request;
    request.host.push_str(&host);
    let outcome = match enter(connection, &host, &mut work) {
        Some(route) => carry(connection, &mut work, &route).await,
        None => Err(Failure::UnknownServerName),
    };
    work.exchange.request.session = Some(Arc::new(Session { name: host, ..Session::default() }));
    end(connection, work, outcome);
    if let Err(failure) = outcome {
        let is_unknown = failure == Failure::UnknownServerName;
        alert(connection, if is_unknown { UNRECOGNIZED_NAME } else { INTERNAL_ERROR }).await;
    }
}

/// Reads the first message and takes none of it; fails without a word where nobody ever said anything.
async fn hear(connection: &mut Connection) -> Result<Box<str>, Option<Failure>> {
    let header_time_ms = connection.listener.current().plan.limits.header_time_ms;
    let late_at_ms = super::lifetime::at(connection, header_time_ms);
    connection.deadline.arm(late_at_ms);
    poll_fn(|context| poll_hello(context, connection)).await
}

fn poll_hello(context: &mut Context<'_>, connection: &mut Connection) -> Poll<Result<Box<str>, Option<Failure>>> {
    loop {
        let has_begun = !connection.client.unread().is_empty();
        match connection.client.poll_fill(context, &connection.worker.buffers) {
            Poll::Ready(Ok(count)) if count > 0 => {
                let bytes = connection.client.unread();
                match asked_host(bytes) {
                    Ok(Some(host)) => return Poll::Ready(Ok(host)),
                    Ok(None) => {}
                    Err(NoHello) if begins_request(bytes) => return Poll::Ready(Err(Some(Failure::PlainHttp))),
                    Err(NoHello) => return Poll::Ready(Err(Some(Failure::HandshakeMalformed))),
                }
            }
            Poll::Ready(_) => return Poll::Ready(Err(has_begun.then_some(Failure::HandshakeUnfinished))),
            Poll::Pending => {
                if !has_begun {
                    connection.deadline.arm_earlier(connection.worker.idle_until_ms());
                }
                let is_late = connection.deadline.has_passed(connection.worker.clock.coarse_ms());
                let failure = has_begun.then_some(Failure::HandshakeUnfinished);
                return if is_late { Poll::Ready(Err(failure)) } else { Poll::Pending };
            }
        }
    }
}

/// Tells the client why it is left, and gives it time to hear so.
async fn alert(connection: &mut Connection, number: u8) {
    if let Some(wire) = connection.client.wire() {
        wire.output(&connection.worker.buffers).extend_from_slice(&[21, 3, 3, 0, 2, 2, number]);
    }
    poll_fn(|context| {
        // One that takes it not at once will not miss it.
        let _ = connection.client.poll_flush(context, &connection.worker.buffers);
        Poll::Ready(())
    })
    .await;
    linger(connection).await;
}
