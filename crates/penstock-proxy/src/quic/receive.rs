//! Takes datagrams from a socket and hands each to what it is for.

use std::future::poll_fn;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use quinn_proto::{ConnectionEvent, ConnectionHandle, DatagramEvent, EcnCodepoint};
use quinn_udp::RecvMeta;

use super::accept::Fresh;
use super::endpoint::Endpoint;
use super::socket::Socket;
use crate::tls::take_asked;

/// Pause after a socket has failed.
const PAUSE: Duration = Duration::from_millis(50);
/// Buffers that are filled in one call.
const BUFFERS: usize = 4;
/// Calls in one turn; then others have theirs.
const MOST_CALLS: usize = 8;

/// Receives until the task is ended, or nothing is left to be received. `begin` serves a connection.
///
/// Without a socket of its own it receives from that of the endpoint; with one, for a neighbour that does not.
pub(crate) async fn receive(
    endpoint: Rc<Endpoint>,
    neighbours: Option<tokio::net::UdpSocket>,
    begin: impl Fn(&Rc<Endpoint>, Fresh),
) {
    let is_own = neighbours.is_none();
    let socket = match neighbours.map(Socket::new) {
        None => Rc::clone(&endpoint.socket),
        Some(Ok(socket)) => Rc::new(socket),
        Some(Err(_)) => return,
    };
    let mut out = Vec::new();
    loop {
        let failed = poll_fn(|context| {
            let outcome = poll_receive(context, &endpoint, &socket, &mut out, &begin);
            if is_own && endpoint.is_over(context) { Poll::Ready(None) } else { outcome.map(Some) }
        })
        .await;
        match failed {
            None => return,
            Some(Ok(())) => {}
            Some(Err(_)) => {
                endpoint.worker.recorder.count(endpoint.listener.meter.get().accept_failures, 1);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Ready only when the socket fails.
fn poll_receive(
    context: &mut Context<'_>,
    endpoint: &Rc<Endpoint>,
    socket: &Socket,
    out: &mut Vec<u8>,
    begin: &impl Fn(&Rc<Endpoint>, Fresh),
) -> Poll<io::Result<()>> {
    let buffers = &endpoint.worker.buffers;
    for _ in 0..MOST_CALLS {
        // Held only while there is something to put in.
        let mut lent: [Box<[u8]>; BUFFERS] = std::array::from_fn(|_| buffers.lend_read());
        let mut metas = [RecvMeta::default(); BUFFERS];
        let polled = {
            let mut slices = lent.each_mut().map(|buffer| IoSliceMut::new(buffer));
            socket.poll_receive(context, &mut slices, &mut metas)
        };
        if let Poll::Ready(Ok(count)) = polled {
            for (buffer, meta) in lent.iter().zip(&metas).take(count) {
                let bytes = buffer.get(..meta.len).unwrap_or_default();
                for datagram in bytes.chunks(meta.stride.max(1)) {
                    // One that goes wrong must not end this task: the listener would fall silent (R41).
                    let taken = AssertUnwindSafe(|| endpoint.take(meta, datagram, out, begin));
                    if catch_unwind(taken).is_err() {
                        endpoint.worker.recorder.panicked();
                    }
                }
            }
        }
        for buffer in lent {
            buffers.return_read(buffer);
        }
        ready!(polled)?;
    }
    context.waker().wake_by_ref();
    Poll::Pending
}

impl Endpoint {
    /// Takes one datagram.
    fn take(self: &Rc<Self>, meta: &RecvMeta, bytes: &[u8], out: &mut Vec<u8>, begin: &impl Fn(&Rc<Self>, Fresh)) {
        out.clear();
        let (remote, local_ip): (SocketAddr, Option<IpAddr>) = (meta.addr, meta.dst_ip);
        let ecn = meta.ecn.and_then(|ecn| EcnCodepoint::from_bits(ecn as u8));
        let event = {
            let mut inner = self.inner.borrow_mut();
            inner.handle(Instant::now(), remote, local_ip, ecn, BytesMut::from(bytes), out)
        };
        match event {
            None => {}
            Some(DatagramEvent::ConnectionEvent(handle, event)) => self.hand_on(handle, event),
            Some(DatagramEvent::NewConnection(incoming)) => {
                if let Some(fresh) = self.admit(incoming, out) {
                    begin(self, fresh);
                }
            }
            Some(DatagramEvent::Response(transmit)) => {
                self.socket.send(&transmit, out);
            }
        }
    }

    fn hand_on(&self, handle: ConnectionHandle, event: ConnectionEvent) {
        let session = self.connections.borrow().get(&handle).map(Rc::clone);
        let Some(session) = session else { return };
        let mut session = session.borrow_mut();
        session.quic().handle_event(event);
        if !session.is_connected() {
            session.note_asked(take_asked());
        }
        session.wake_sender();
    }
}
