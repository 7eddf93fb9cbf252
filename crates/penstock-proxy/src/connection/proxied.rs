//! Before a connection's first byte: the header by which a proxy says whose connection it is.

use std::future::poll_fn;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use penstock_plan::ProxyProtocol;

use super::handshake::note_unserved;
use super::serve::{Connection, serve};
use crate::failure::Failure;
use crate::listener::{BuiltListener, ListenerState, with_session};
use crate::proxy_header::{Fault, LONGEST, Said, parse};
use crate::wire::{Deadline, Socket};
use crate::worker::{TICK_MS, Worker};

/// Time in which a header has to come; those who send one do so at once (E4).
const HEADER_MS: u64 = 3_000;

/// Serves a connection of a listener that looks for headers.
pub(crate) async fn serve_proxied(worker: Rc<Worker>, listener: Rc<ListenerState>, mut socket: Socket, peer: IpAddr) {
    let current = listener.current();
    let outcome = whose(&worker, &current, &mut socket, peer).await;
    let said = match outcome {
        Ok(said) => said,
        Err(failure) => {
            if let Some(failure) = failure {
                note_unserved(&Connection::new(worker, listener, socket, peer), failure);
            }
            return;
        }
    };
    let Some(socket) = with_session(socket, &current) else {
        worker.recorder.count(listener.meter.get().accept_failures, 1);
        return;
    };
    drop(current);
    let mut connection = Connection::new(worker, listener, socket, peer);
    if let Said::Client(addresses) = said {
        connection.came_from(addresses);
    }
    serve(&mut connection).await;
}

/// What is believed of a connection; fails without a word where nobody ever said anything.
async fn whose(
    worker: &Worker,
    listener: &BuiltListener,
    socket: &mut Socket,
    peer: IpAddr,
) -> Result<Said, Option<Failure>> {
    let is_required = listener.plan.proxy_protocol == ProxyProtocol::Require;
    if !listener.trust.covers(peer) {
        return if is_required { Err(Some(Failure::ProxyUntrusted)) } else { Ok(Said::Nothing) };
    }
    let deadline = worker.deadlines.register();
    let mut buffer = worker.buffers.lend_read();
    let mut look = Look { worker, deadline, late_at_ms: worker.clock.coarse_ms() + HEADER_MS + TICK_MS, seen: 0 };
    let seen = poll_fn(|context| {
        look.deadline.watch(context);
        look.poll(context, socket, &mut buffer)
    })
    .await;
    worker.buffers.return_read(buffer);
    match seen {
        Seen::Header(said, length) => take(worker, socket, length).await.map(|()| said),
        Seen::Nobody => Err(None),
        Seen::Malformed => Err(Some(Failure::ProxyHeaderMalformed)),
        Seen::Silence | Seen::Other if is_required => Err(Some(Failure::ProxyHeaderMissing)),
        Seen::Silence | Seen::Other => Ok(Said::Nothing),
    }
}

/// What stands at the beginning of a connection.
enum Seen {
    /// A header of so many bytes.
    Header(Said, usize),
    /// The beginning of one, and nothing that could follow it.
    Malformed,
    /// Something else.
    Other,
    /// Nothing in time.
    Silence,
    /// The peer has left.
    Nobody,
}

/// Looks at the first bytes and takes none: what is no header is for whoever serves the connection.
struct Look<'a> {
    worker: &'a Worker,
    deadline: Deadline,
    late_at_ms: u64,
    seen: usize,
}

impl Look<'_> {
    fn poll(&mut self, context: &mut Context<'_>, socket: &Socket, buffer: &mut [u8]) -> Poll<Seen> {
        let now_ms = self.worker.clock.coarse_ms();
        self.deadline.arm(self.late_at_ms);
        let mut has_more = true;
        loop {
            let room = buffer.get_mut(..LONGEST).unwrap_or_default();
            let Poll::Ready(peeked) = socket.poll_peek(context, room) else {
                let is_late = now_ms >= self.late_at_ms;
                let end = if self.seen == 0 { Seen::Silence } else { Seen::Malformed };
                return if is_late { Poll::Ready(end) } else { Poll::Pending };
            };
            let Some(count) = peeked.ok().filter(|count| *count > 0) else { return Poll::Ready(Seen::Nobody) };
            match parse(room.get(..count).unwrap_or_default()) {
                Ok(Some((said, length))) => return Poll::Ready(Seen::Header(said, length)),
                Err(Fault::Missing) => return Poll::Ready(Seen::Other),
                Err(Fault::Malformed) => return Poll::Ready(Seen::Malformed),
                Ok(None) if now_ms >= self.late_at_ms => return Poll::Ready(Seen::Malformed),
                Ok(None) if !has_more && count == self.seen => {
                    // A peer that has ended what it sends is ready for ever: it is looked at again at the next tick.
                    self.deadline.arm(now_ms + TICK_MS);
                    return Poll::Pending;
                }
                Ok(None) => {
                    // What has come may have been seen before the event that tells of it.
                    has_more = count != self.seen;
                    self.seen = count;
                    socket.await_more();
                }
            }
        }
    }
}

/// Takes a header that was seen, and not a byte more.
async fn take(worker: &Worker, socket: &mut Socket, length: usize) -> Result<(), Option<Failure>> {
    let mut buffer = worker.buffers.lend_read();
    let mut left = length;
    let taken = poll_fn(|context| {
        while left > 0 {
            let room = buffer.get_mut(..left).unwrap_or_default();
            match ready!(socket.poll_read(context, room)) {
                Ok(count) if count > 0 => left -= count,
                _ => return Poll::Ready(Err(None)),
            }
        }
        Poll::Ready(Ok(()))
    })
    .await;
    worker.buffers.return_read(buffer);
    taken
}
