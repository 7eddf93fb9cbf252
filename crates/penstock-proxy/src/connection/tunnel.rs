//! A tunnel: bytes both ways until both sides have said they are done.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use super::client::Client;
use super::ends::{Sink, Source};
use super::lifetime::{Late, Phase};
use super::remote::Remote;
use super::serve::Connection;
use super::transfer::{Transfer, TransferError};
use super::web_socket::web_socket;
use super::work::{Attempt, Work};
use crate::http1::{Connects, Framing};
use crate::http2::ErrorCode;
use crate::listener::BuiltListener;
use crate::websocket::asks_for_websocket;
use crate::wire::Buffers;

/// One direction: a body until the sender closes, and then that close.
#[derive(Default)]
struct Direction {
    transfer: Transfer,
    is_closed: bool,
}

impl Direction {
    fn new() -> Self {
        let mut direction = Self::default();
        direction.transfer.begin(Framing::UntilClose, false, None);
        direction
    }

    /// Ready when nothing more goes this way; the other way may go on (R30).
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        from: &mut impl Source,
        to: &mut impl Sink,
    ) -> Poll<Result<(), TransferError>> {
        if self.is_closed {
            return Poll::Ready(Ok(()));
        }
        ready!(self.transfer.poll(context, buffers, from, to))?;
        ready!(to.poll_shutdown(context)).map_err(|_| TransferError::Sink)?;
        self.is_closed = true;
        Poll::Ready(Ok(()))
    }
}

/// How a tunnel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Both sides have said so, and all bytes have left.
    Whole,
    /// A side broke off.
    Broken,
    /// Nothing moved for the idle time.
    Idle,
}

/// Carries an exchange that has become a tunnel.
pub(crate) async fn tunnel(
    connection: &mut Connection,
    work: &mut Work,
    mut attempt: Attempt,
    listener: &BuiltListener,
) {
    if work.info.connects != Connects::Destination && asks_for_websocket(&work.exchange.request) {
        let _open = connection.worker.recorder.entered(connection.listener.meter.get().tunnels);
        web_socket(connection, work, &mut attempt, listener).await;
    } else {
        let idle_ms = listener.plan.limits.idle_ms.min(attempt.upstream.plan.timeouts.idle_ms);
        let end = relay(connection, work, &mut attempt.remote, idle_ms).await;
        if end == End::Broken && work.info.connects == Connects::Destination {
            // Neither side must take what it has for all there was.
            attempt.remote.abort();
            if let Client::Wire(wire) = &connection.client {
                wire.socket().reset_on_close();
            }
        }
    }
    if let Client::Stream(stream) = &connection.client {
        // A stream that was given up is a connection that was reset (RFC 8441, section 5; RFC 9113, section 8.5).
        if stream.is_reset() {
            attempt.remote.abort();
        }
        let is_connect = work.info.connects == Connects::Destination;
        stream.cut_off(if is_connect { ErrorCode::Connect } else { ErrorCode::Cancel });
    }
    attempt.remote.discard(&connection.worker.buffers);
}

/// Moves bytes both ways until both directions have ended, one has failed, or none moved for
/// the idle time.
pub(super) async fn relay(connection: &mut Connection, work: &Work, endpoint: &mut Remote, idle_ms: u64) -> End {
    let _open = connection.worker.recorder.entered(connection.listener.meter.get().tunnels);
    let (mut up, mut down) = (Direction::new(), Direction::new());
    let mut phase = Phase::new(connection, idle_ms);
    poll_fn(|context| {
        let Connection { client, worker, .. } = &mut *connection;
        if client.has_gone(context) {
            return Poll::Ready(End::Broken);
        }
        let sent = up.poll(context, &worker.buffers, client, endpoint);
        let received = down.poll(context, &worker.buffers, endpoint, client);
        match (sent, received) {
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(End::Whole),
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => Poll::Ready(End::Broken),
            _ => {
                let progress = connection.client.received_bytes() ^ (endpoint.received_bytes() << 20);
                let late = phase.check(connection, work, progress, idle_ms);
                if late == Some(Late::Phase) { Poll::Ready(End::Idle) } else { Poll::Pending }
            }
        }
    })
    .await
}
