//! A WebSocket tunnel: as any other, but that the gateway knows where frames end and can say good-bye between two.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::ends::Source;
use super::frame_way::FrameWay;
use super::lifetime::{Late, Phase, at};
use super::serve::Connection;
use super::work::{Attempt, Work};
use crate::listener::BuiltListener;
use crate::websocket::{Limits, Sender};
use crate::wire::Buffers;

/// Close code of an end that goes away.
const GOING_AWAY: u16 = 1001;
/// Time that both sides have to take a close and to answer it.
const FAREWELL_MS: u64 = 2_000;

/// Silence of one side.
struct Silence {
    received_bytes: u64,
    since_ms: u64,
    was_asked: bool,
}

/// What a side's silence calls for.
#[derive(PartialEq, Eq)]
enum Call {
    Nothing,
    Ping,
    End,
}

impl Silence {
    fn new(received_bytes: u64, since_ms: u64) -> Self {
        Self { received_bytes, since_ms, was_asked: false }
    }

    /// Notes what has come of the side.
    fn check(&mut self, received_bytes: u64, now_ms: u64, ping_ms: u64) -> Call {
        if received_bytes != self.received_bytes {
            *self = Self::new(received_bytes, now_ms);
        }
        if now_ms < self.due_ms(ping_ms) {
            return Call::Nothing;
        }
        if self.was_asked {
            return Call::End;
        }
        (self.since_ms, self.was_asked) = (now_ms, true);
        Call::Ping
    }

    fn due_ms(&self, ping_ms: u64) -> u64 {
        self.since_ms.saturating_add(ping_ms)
    }
}

/// The tunnel: each direction, and how long each side has been silent.
struct WebSocketTunnel {
    limits: Limits,
    up: FrameWay,
    down: FrameWay,
    client: Silence,
    endpoint: Silence,
    phase: Phase,
    idle_ms: u64,
    /// Whether both sides are being told that the gateway ends it.
    is_parting: bool,
}

/// Moves frames both ways until both directions have ended, one has failed, one broke its limits, a side answers
/// no ping, none moved for the idle time, or the worker parts from it, as it drains.
pub(super) async fn web_socket(
    connection: &mut Connection,
    work: &mut Work,
    attempt: &mut Attempt,
    listener: &BuiltListener,
) {
    let limits = work.exchange.websocket;
    let now_ms = connection.worker.clock.coarse_ms();
    let idle_ms = listener.plan.limits.idle_ms.min(attempt.upstream.plan.timeouts.idle_ms);
    let mut tunnel = WebSocketTunnel {
        limits,
        up: FrameWay::new(Sender::Client, limits),
        down: FrameWay::new(Sender::Server, limits),
        client: Silence::new(connection.client.received_bytes(), now_ms),
        endpoint: Silence::new(attempt.remote.received_bytes(), now_ms),
        phase: Phase::new(connection, idle_ms),
        idle_ms,
        is_parting: false,
    };
    let has_parted = poll_fn(|context| tunnel.poll(context, connection, work, attempt)).await;
    if has_parted {
        linger(connection, attempt).await;
    }
}

impl WebSocketTunnel {
    /// Ready when it is over, and says whether both sides were told.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        connection: &mut Connection,
        work: &mut Work,
        attempt: &mut Attempt,
    ) -> Poll<bool> {
        if connection.worker.is_parting() && !self.up.has_closed() && !self.down.has_closed() {
            self.part(GOING_AWAY);
        }
        if !self.is_parting && connection.client.has_gone(context) {
            return Poll::Ready(false);
        }
        loop {
            let Connection { client, worker, .. } = &mut *connection;
            let sent = self.up.poll(context, &worker.buffers, client, &mut attempt.remote);
            let received = self.down.poll(context, &worker.buffers, &mut attempt.remote, client);
            for (way, polled) in [(&mut self.up, sent), (&mut self.down, received)] {
                match polled {
                    // The other side is still to be told.
                    Poll::Ready(Err(_)) if self.is_parting => way.give_up(),
                    Poll::Ready(Err(_)) => return Poll::Ready(false),
                    _ => {}
                }
            }
            if self.up.is_over() && self.down.is_over() {
                return Poll::Ready(self.is_parting);
            }
            if !self.is_parting && self.has_violation(work) {
                continue;
            }
            if self.check_silence(connection, attempt) {
                continue;
            }
            return self.check_late(connection, work, attempt);
        }
    }

    /// Whether each side has told the other that it closes. Browsers do not end a stream of HTTP/2 after that.
    fn is_said(&self) -> bool {
        self.up.has_closed() && self.down.has_closed()
    }

    fn part(&mut self, code: u16) {
        self.is_parting = true;
        self.up.part(code);
        self.down.part(code);
    }

    /// Parts from both sides if one sent what it may not.
    fn has_violation(&mut self, work: &mut Work) -> bool {
        let (violation, reason) = match (self.up.violation(), self.down.violation()) {
            (Some(violation), _) => (violation, "websocket_frame"),
            (None, Some(violation)) => (violation, "upstream_malformed"),
            (None, None) => return false,
        };
        work.exchange.reason = reason;
        self.part(violation.code());
        true
    }

    /// Pings whoever is silent; says whether there is something new to send.
    fn check_silence(&mut self, connection: &Connection, attempt: &Attempt) -> bool {
        let Some(ping_ms) = self.limits.ping_ms.filter(|_| !self.is_parting) else { return false };
        let now_ms = connection.worker.clock.coarse_ms();
        let calls = [
            self.client.check(connection.client.received_bytes(), now_ms, ping_ms),
            self.endpoint.check(attempt.remote.received_bytes(), now_ms, ping_ms),
        ];
        if calls.contains(&Call::End) {
            self.part(GOING_AWAY);
            return true;
        }
        let [client, endpoint] = calls.map(|call| call == Call::Ping);
        // What goes to the one takes the other's direction.
        if client {
            self.down.ping();
        }
        if endpoint {
            self.up.ping();
        }
        client || endpoint
    }

    fn check_late(&mut self, connection: &Connection, work: &Work, attempt: &Attempt) -> Poll<bool> {
        let progress = connection.client.received_bytes() ^ (attempt.remote.received_bytes() << 20);
        let limit_ms = if self.is_parting || self.is_said() { self.idle_ms.min(FAREWELL_MS) } else { self.idle_ms };
        if self.phase.check(connection, work, progress, limit_ms) == Some(Late::Phase) {
            return Poll::Ready(false);
        }
        if let Some(ping_ms) = self.limits.ping_ms.filter(|_| !self.is_parting) {
            connection.deadline.arm_earlier(self.client.due_ms(ping_ms).min(self.endpoint.due_ms(ping_ms)));
        }
        Poll::Pending
    }
}

/// Reads and throws away what both sides still send, for a while: closing a socket with unread bytes resets it, and
/// the close just sent would be lost.
async fn linger(connection: &mut Connection, attempt: &mut Attempt) {
    let late_at_ms = at(connection, FAREWELL_MS);
    connection.deadline.arm(late_at_ms);
    let (mut has_client_ended, mut has_endpoint_ended) = (false, false);
    poll_fn(|context| {
        let Connection { client, worker, .. } = &mut *connection;
        has_client_ended = has_client_ended || drop_unread(context, client, &worker.buffers);
        has_endpoint_ended = has_endpoint_ended || drop_unread(context, &mut attempt.remote, &worker.buffers);
        let is_late = worker.clock.coarse_ms() >= late_at_ms;
        if is_late || has_client_ended && has_endpoint_ended { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Says whether the side has ended.
fn drop_unread(context: &mut Context<'_>, from: &mut impl Source, buffers: &Buffers) -> bool {
    loop {
        let count = from.unread().len();
        from.consume(count);
        match from.poll_fill(context, buffers) {
            Poll::Pending => return false,
            Poll::Ready(Ok(count)) if count > 0 => {}
            Poll::Ready(_) => return true,
        }
    }
}
