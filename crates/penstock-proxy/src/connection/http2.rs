//! Serves a connection that speaks HTTP/2: one task moves its bytes, one for each stream serves a request.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::client_stream::ClientStream;
use super::ends::Source;
use super::serve::{Connection, end_exchange, linger, say_end, wait_for_bytes};
use crate::exchange::Version;
use penstock_plan::Protocol;

use crate::failure::Blame;
use crate::http2::{ErrorCode, Limits, Opened, Session};
use crate::tls::Agreed;
use crate::worker::TICK_MS;

/// Reads in one turn; further ones wait until others had theirs.
const MOST_READS: u32 = 4;
/// What tells HTTP/2 from any request of HTTP/1.
const MARK: &[u8] = b"PRI ";

/// Whether the connection is one of HTTP/2: as the handshake says, or as it begins, where that has to tell.
pub(super) async fn begins_http2(connection: &mut Connection) -> bool {
    if let Some(session) = connection.client.session() {
        // A client that agreed on nothing may speak what there is.
        let listener = &connection.listener;
        return session.speaks_http2() || listener.speaks(Protocol::H2) && !listener.speaks(Protocol::Http1);
    }
    if !connection.listener.speaks(Protocol::H2c) {
        return false;
    }
    !connection.listener.speaks(Protocol::Http1)
        || wait_for_bytes(connection).await && begins_with_mark(connection).await
}

/// Waits for as many bytes as tell.
async fn begins_with_mark(connection: &mut Connection) -> bool {
    let late_at_ms = super::lifetime::at(connection, connection.listener.current().plan.limits.header_time_ms);
    poll_fn(|context| {
        loop {
            let bytes = connection.client.unread();
            let common = bytes.len().min(MARK.len());
            if bytes.get(..common) != MARK.get(..common) {
                return Poll::Ready(false);
            }
            if common == MARK.len() {
                return Poll::Ready(true);
            }
            match connection.client.poll_fill(context, &connection.worker.buffers) {
                Poll::Ready(Ok(count)) if count > 0 => {}
                Poll::Ready(_) => return Poll::Ready(false),
                Poll::Pending if connection.worker.clock.coarse_ms() >= late_at_ms => return Poll::Ready(false),
                Poll::Pending => {
                    connection.deadline.arm(late_at_ms);
                    return Poll::Pending;
                }
            }
        }
    })
    .await
}

/// Serves the connection until it ends.
pub(super) async fn serve_http2(connection: &mut Connection) {
    connection.keep_addresses();
    let listener = connection.listener.current();
    let limits = Limits {
        streams: listener.plan.limits.streams,
        stream_window: listener.plan.limits.stream_window_bytes,
        connection_window: listener.plan.limits.connection_window_bytes,
        head_bytes: listener.head_limits.bytes,
    };
    let session =
        Rc::new(RefCell::new(Session::new(limits, listener.head_limits, connection.worker.spare_requests.clone())));
    drop(listener);
    let agreed = connection.client.session().map(|session| Rc::new(session.agreed()));
    let mut turn = Turn { agreed, progress: u64::MAX, late_at_ms: 0, drain: Drain::None, opened: Vec::new() };
    poll_fn(|context| turn.poll(context, connection, &session)).await;
    session.borrow_mut().end(ErrorCode::NoError, "");
    let end = session.borrow().ended();
    if let Some((code, reason)) = end
        && code != ErrorCode::NoError
    {
        note_fault(connection, Version::Http2, reason);
        linger(connection).await;
    } else {
        say_end(connection).await;
    }
}

/// Writes the line of a connection that was given up for what its client did.
pub(super) fn note_fault(connection: &mut Connection, version: Version, reason: &'static str) {
    let mut work = connection.worker.lend_work();
    connection.forget_previous(&mut work);
    work.exchange.request.version = version;
    work.exchange.response.status = 400;
    work.exchange.reason = reason;
    work.record.blame = Some(Blame::Client);
    work.record.started_us = connection.worker.clock.now_us();
    work.record.base = (connection.client.received_bytes(), connection.client.sent_bytes());
    end_exchange(connection, work);
}

/// How far a drain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drain {
    None,
    /// The client was told; what it sent before it heard of that is served (RFC 9113, section 6.8).
    Told {
        at_ms: u64,
    },
    /// What comes now is not served.
    Closed,
}

/// What the connection's task keeps from turn to turn.
struct Turn {
    agreed: Option<Rc<Agreed>>,
    progress: u64,
    late_at_ms: u64,
    drain: Drain,
    opened: Vec<Opened>,
}

impl Turn {
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        connection: &mut Connection,
        session: &Rc<RefCell<Session>>,
    ) -> Poll<()> {
        session.borrow_mut().set_sender(context.waker());
        self.drain(connection, session);
        let has_begun = self.read(context, connection, session);
        if has_begun {
            // Those that have just come may be answered before anything is sent: one write then serves all.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(resets) = session.borrow_mut().take_resets() {
            connection.worker.recorder.streams_reset(&resets, false);
        }
        let Connection { client, worker, .. } = &mut *connection;
        let Some(wire) = client.wire() else { return Poll::Ready(()) };
        while !wire.is_flushed() || !session.borrow_mut().output().is_empty() {
            if wire.is_flushed() {
                std::mem::swap(wire.output(&worker.buffers), session.borrow_mut().output());
            }
            match wire.poll_flush(context, &worker.buffers) {
                Poll::Ready(Ok(())) => session.borrow_mut().note_sent(),
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        let is_sent = wire.is_flushed();
        let session = session.borrow();
        let is_over = session.ended().is_some() || self.drain == Drain::Closed && session.open_streams() == 0;
        if is_sent && is_over || self.is_late(connection, &session, is_sent) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Takes what came and begins to serve its requests; says whether there were any.
    fn read(&mut self, context: &mut Context<'_>, connection: &mut Connection, session: &Rc<RefCell<Session>>) -> bool {
        let Some(wire) = connection.client.wire() else { return false };
        for turn in 0.. {
            let now_ms = connection.worker.clock.coarse_ms();
            let used = session.borrow_mut().receive(wire.unread(), now_ms, &mut self.opened);
            wire.consume(used);
            if session.borrow().ended().is_some() {
                break;
            }
            if turn == MOST_READS {
                context.waker().wake_by_ref();
                break;
            }
            match wire.poll_fill(context, &connection.worker.buffers) {
                Poll::Ready(Ok(count)) if count > 0 => {}
                Poll::Ready(_) => {
                    session.borrow_mut().end(ErrorCode::NoError, "");
                    break;
                }
                Poll::Pending => break,
            }
        }
        let has_begun = !self.opened.is_empty();
        for opened in self.opened.drain(..) {
            let stream = ClientStream::new(Rc::clone(session) as _, self.agreed.clone(), opened);
            connection.worker.stream_tasks.serve(connection, stream);
        }
        has_begun
    }

    /// Tells the client, twice, that the connection ends.
    fn drain(&mut self, connection: &Connection, session: &RefCell<Session>) {
        let now_ms = connection.worker.clock.coarse_ms();
        match self.drain {
            Drain::None if connection.worker.is_draining() => {
                session.borrow_mut().go_away(false);
                self.drain = Drain::Told { at_ms: now_ms };
            }
            Drain::Told { at_ms } if now_ms >= at_ms + TICK_MS => {
                session.borrow_mut().go_away(true);
                self.drain = Drain::Closed;
            }
            Drain::None | Drain::Told { .. } | Drain::Closed => {}
        }
    }

    /// Whether nothing moved for as long as it may; else the task is woken when that is so.
    fn is_late(&mut self, connection: &Connection, session: &Session, is_sent: bool) -> bool {
        let (now_ms, limits) = (connection.worker.clock.coarse_ms(), &connection.listener.current().plan.limits);
        let is_idle = session.open_streams() == 0;
        let limit_ms = match (is_sent, is_idle) {
            (false, _) => limits.send_ms,
            (true, _) if session.is_in_head() => limits.header_time_ms,
            (true, true) => limits.idle_ms,
            // Streams watch over themselves.
            (true, false) => u64::MAX,
        };
        let progress = connection.client.sent_bytes() ^ (connection.client.received_bytes() << 20) ^ (limit_ms << 44);
        if progress != self.progress {
            self.progress = progress;
            self.late_at_ms = super::lifetime::at(connection, limit_ms);
        }
        let mut at_ms = self.late_at_ms;
        if let Drain::Told { at_ms: told_ms } = self.drain {
            at_ms = at_ms.min(told_ms + TICK_MS);
        }
        connection.deadline.arm(at_ms);
        self.late_at_ms <= now_ms
    }
}
