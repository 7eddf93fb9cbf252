//! Accepts connections, within the listener's limit.

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::ListenerState;
use crate::connection::{Connection, serve};
use crate::wire::Socket;
use crate::worker::Worker;

/// Pause after an accept failed for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);

/// A listening socket.
pub(crate) enum ListenSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl ListenSocket {
    /// Takes a listening socket over; must run inside the runtime.
    ///
    /// # Errors
    /// The descriptor is no listening socket.
    pub(crate) fn adopt(descriptor: OwnedFd, is_unix: bool) -> io::Result<Self> {
        let socket = socket2::Socket::from(descriptor);
        socket.set_nonblocking(true)?;
        if is_unix {
            return UnixListener::from_std(socket.into()).map(Self::Unix);
        }
        // Accepted sockets inherit it: one system call less for each.
        socket.set_tcp_nodelay(true)?;
        TcpListener::from_std(socket.into()).map(Self::Tcp)
    }

    async fn accept(&self) -> io::Result<(Socket, IpAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Socket::Tcp(stream), address.ip().to_canonical()))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Socket::Unix(stream), IpAddr::from([127, 0, 0, 1])))
            }
        }
    }

    /// Accepts a connection that waits already; an error where none does.
    fn accept_waiting(&self) -> io::Result<(Socket, IpAddr)> {
        let listener = match self {
            Self::Tcp(listener) => SockRef::from(listener),
            Self::Unix(listener) => SockRef::from(listener),
        };
        let (stream, address) = listener.accept()?;
        stream.set_nonblocking(true)?;
        match (self, address.as_socket()) {
            (Self::Tcp(_), Some(address)) => {
                Ok((Socket::Tcp(TcpStream::from_std(stream.into())?), address.ip().to_canonical()))
            }
            _ => Ok((Socket::Unix(UnixStream::from_std(stream.into())?), IpAddr::from([127, 0, 0, 1]))),
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
    loop {
        match socket.accept().await {
            Ok((socket, peer)) => admit(&worker, &state, socket, peer),
            // The peer may have gone while it waited; that is no reason to pause.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => {
                worker.counters.accept_failures.add(1);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn admit(worker: &Rc<Worker>, state: &Rc<ListenerState>, socket: Socket, peer: IpAddr) {
    if state.open.get() >= state.current().plan.limits.connections {
        worker.counters.connections_refused.add(1);
        return;
    }
    state.open.set(state.open.get() + 1);
    worker.counters.connections.add(1);
    let guard = OpenConnection(Rc::clone(state));
    let mut connection = Connection::new(Rc::clone(worker), Rc::clone(state), socket, peer);
    // Captured and lent, not passed on: the task then holds the connection once.
    tokio::task::spawn_local(async move {
        let _guard = guard;
        serve(&mut connection).await;
    });
}

struct OpenConnection(Rc<ListenerState>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get().saturating_sub(1));
    }
}
