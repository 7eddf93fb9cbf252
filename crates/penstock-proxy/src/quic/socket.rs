//! A socket of datagrams: several of them in one call where the system can.

use std::future::Future;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use quinn_proto::Transmit;
use quinn_udp::{EcnCodepoint, RecvMeta, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Datagrams that leave in one call at most: more would hold up others for no gain.
const MOST_SEGMENTS: usize = 16;

/// A socket.
pub(super) struct Socket {
    socket: UdpSocket,
    state: UdpSocketState,
}

impl Socket {
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(Self { socket, state })
    }

    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    /// Datagrams that may leave in one call.
    pub(super) fn most_segments(&self) -> usize {
        self.state.max_gso_segments().min(MOST_SEGMENTS)
    }

    /// Receives into the buffers, each of which may then hold several datagrams of one client.
    pub(super) fn poll_receive(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.poll_recv_ready(context))?;
            let receive = || self.state.recv(UdpSockRef::from(&self.socket), buffers, metas);
            match self.socket.try_io(Interest::READABLE, receive) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    /// Sends, or says no where there is no room. What fails in another way is lost, as anywhere on the way.
    pub(super) fn send(&self, transmit: &Transmit, bytes: &[u8]) -> bool {
        let datagrams = quinn_udp::Transmit {
            destination: transmit.destination,
            ecn: transmit.ecn.and_then(|ecn| EcnCodepoint::from_bits(ecn as u8)),
            contents: bytes.get(..transmit.size).unwrap_or_default(),
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
        };
        let send = || self.state.try_send(UdpSockRef::from(&self.socket), &datagrams);
        !matches!(self.socket.try_io(Interest::WRITABLE, send), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

/// The sending of one connection: at most one call's datagrams wait for room.
#[derive(Default)]
pub(crate) struct Sending {
    waiting: Option<Transmit>,
    bytes: Vec<u8>,
    room: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Sending {
    /// The buffer for what is next to be sent, which is empty; ready once nothing waits.
    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>, socket: &Rc<Socket>) -> Poll<&mut Vec<u8>> {
        while let Some(transmit) = &self.waiting {
            if let Some(room) = &mut self.room {
                ready!(room.as_mut().poll(context));
                self.room = None;
            }
            if socket.send(transmit, &self.bytes) {
                self.waiting = None;
            } else {
                self.room = Some(Box::pin(has_room(Rc::clone(socket))));
            }
        }
        self.bytes.clear();
        Poll::Ready(&mut self.bytes)
    }

    /// Sends what was put into the buffer, now or when there is room.
    pub(super) fn send(&mut self, transmit: Transmit, socket: &Rc<Socket>) {
        if !socket.send(&transmit, &self.bytes) {
            self.waiting = Some(transmit);
        }
    }

    /// Lets go of its memory while nothing is to be sent.
    pub(super) fn rest(&mut self) {
        if self.waiting.is_none() {
            self.bytes = Vec::new();
        }
    }
}

async fn has_room(socket: Rc<Socket>) {
    // Tasks wait side by side, for which the socket's own look-out has no room. It fails only with the runtime.
    let _ = socket.socket.writable().await;
}
