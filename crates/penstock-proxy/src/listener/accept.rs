//! Accepts connections, within the listener's limit.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use penstock_plan::ProxyProtocol;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};

use super::{BuiltListener, ListenerState};
use crate::connection::{Connection, serve, serve_proxied};
use crate::telemetry::Entered;
use crate::wire::{Socket, TlsSocket};
use crate::worker::{TICK_MS, Worker};

/// Pause after an accept failed for another reason than want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// A listening socket.
pub(crate) enum ListenSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
    /// Not of connections but of datagrams.
    Udp(UdpSocket),
}

impl ListenSocket {
    /// Takes a listening socket over; must run inside the runtime.
    ///
    /// # Errors
    /// The descriptor is no listening socket.
    pub(crate) fn adopt(descriptor: OwnedFd, address: &str) -> io::Result<Self> {
        let socket = socket2::Socket::from(descriptor);
        socket.set_nonblocking(true)?;
        if address.starts_with("udp:") || socket.r#type()? == socket2::Type::DGRAM {
            return UdpSocket::from_std(socket.into()).map(Self::Udp);
        }
        if address.starts_with("unix:") {
            return UnixListener::from_std(socket.into()).map(Self::Unix);
        }
        // Accepted sockets inherit it: one system call less for each.
        socket.set_tcp_nodelay(true)?;
        TcpListener::from_std(socket.into()).map(Self::Tcp)
    }

    /// Accepts a connection; none where descriptors or memory have become short while nobody came.
    async fn accept(&self, worker: &Worker) -> io::Result<Option<(Socket, IpAddr)>> {
        poll_fn(|context| {
            if worker.descriptors.are_short() || worker.memory.is_closed() {
                return Poll::Ready(Ok(None));
            }
            Poll::Ready(Ok(Some(match self {
                Self::Tcp(listener) => {
                    let (stream, address) = ready!(listener.poll_accept(context))?;
                    (Socket::Tcp(stream), address.ip().to_canonical())
                }
                Self::Unix(listener) => {
                    let (stream, _) = ready!(listener.poll_accept(context))?;
                    (Socket::Unix(stream), IpAddr::from([127, 0, 0, 1]))
                }
                Self::Udp(_) => return Poll::Pending,
            })))
        })
        .await
    }

    /// Leaves the socket alone until there is room again; those that come wait in the kernel (R57, R58).
    async fn wait_for_room(&self, worker: &Worker) {
        loop {
            tokio::time::sleep(Duration::from_millis(TICK_MS)).await;
            if worker.descriptors.recover(self) && !worker.memory.is_closed() {
                return;
            }
        }
    }

    /// Accepts a connection that waits already; an error where none does.
    fn accept_waiting(&self) -> io::Result<(Socket, IpAddr)> {
        let (stream, address) = SockRef::from(self).accept()?;
        stream.set_nonblocking(true)?;
        match (self, address.as_socket()) {
            (Self::Tcp(_), Some(address)) => {
                Ok((Socket::Tcp(TcpStream::from_std(stream.into())?), address.ip().to_canonical()))
            }
            _ => Ok((Socket::Unix(UnixStream::from_std(stream.into())?), IpAddr::from([127, 0, 0, 1]))),
        }
    }
}

impl AsFd for ListenSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
            Self::Udp(socket) => socket.as_fd(),
        }
    }
}

/// Accepts what waits at a socket that is about to be closed: closing it would reset those clients.
pub(crate) fn accept_waiting(worker: &Rc<Worker>, state: &Rc<ListenerState>, socket: &ListenSocket) {
    while let Ok((socket, peer)) = socket.accept_waiting() {
        admit(worker, state, socket, peer);
    }
}

/// Accepts until the task is ended.
pub(crate) async fn accept(worker: Rc<Worker>, state: Rc<ListenerState>, socket: Rc<ListenSocket>) {
    let descriptors = &worker.descriptors;
    loop {
        match socket.accept(&worker).await {
            Ok(Some((socket, peer))) => {
                if descriptors.note_accepted(&socket) {
                    worker.recorder.count(state.meter.get().accept_pauses, 1);
                }
                // One connection that goes wrong must not end this task: the listener would fall silent (R41).
                if catch_unwind(AssertUnwindSafe(|| admit(&worker, &state, socket, peer))).is_err() {
                    worker.recorder.panicked();
                }
            }
            Ok(None) => socket.wait_for_room(&worker).await,
            // The peer may have gone while it waited; that is no reason to pause.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                worker.recorder.count(state.meter.get().accept_failures, 1);
                if descriptors.note_failure(&error) {
                    worker.recorder.count(state.meter.get().accept_pauses, 1);
                } else {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

fn admit(worker: &Rc<Worker>, state: &Rc<ListenerState>, socket: Socket, peer: IpAddr) {
    let Some(guard) = OpenConnection::enter(worker, state) else { return };
    let listener = state.current();
    if listener.plan.proxy_protocol != ProxyProtocol::Off {
        let (worker, state) = (Rc::clone(worker), Rc::clone(state));
        tokio::task::spawn_local(async move {
            let _guard = guard;
            serve_proxied(worker, state, socket, peer).await;
        });
        return;
    }
    let Some(socket) = with_session(socket, &listener) else {
        worker.recorder.count(state.meter.get().accept_failures, 1);
        return;
    };
    let mut connection = Connection::new(Rc::clone(worker), Rc::clone(state), socket, peer);
    // Captured and lent, not passed on: the task then holds the connection once.
    tokio::task::spawn_local(async move {
        let _guard = guard;
        serve(&mut connection).await;
    });
}

/// The socket as the listener speaks on it.
pub(crate) fn with_session(socket: Socket, listener: &BuiltListener) -> Option<Socket> {
    let Some(terms) = &listener.tls else { return Some(socket) };
    TlsSocket::accept(socket, Arc::clone(terms)).ok().map(|session| Socket::Tls(Box::new(session)))
}

/// A connection, or the datagrams of a client, while it is open.
pub(crate) struct OpenConnection {
    state: Rc<ListenerState>,
    /// Counts it over all workers.
    _entered: Entered,
}

impl OpenConnection {
    /// Counts one in; none where the listener's limit is reached.
    pub(crate) fn enter(worker: &Worker, state: &Rc<ListenerState>) -> Option<Self> {
        let (meter, limit) = (state.meter.get(), state.current().plan.limits.connections);
        let Some(entered) = worker.recorder.enter_below(meter.open, limit) else {
            worker.recorder.count(meter.refused, 1);
            return None;
        };
        state.open.set(state.open.get() + 1);
        worker.recorder.count(meter.accepted, 1);
        Some(Self { state: Rc::clone(state), _entered: entered })
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.state.open.set(self.state.open.get().saturating_sub(1));
    }
}
