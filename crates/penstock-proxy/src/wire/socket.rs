//! Stream sockets: TCP or unix, in clear text or enciphered, client side or upstream side.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::TcpKeepalive;
use tokio::io::{AsyncWrite, Interest};
use tokio::net::{TcpSocket, TcpStream, UnixStream};

use super::{Descriptors, TlsSocket, UpstreamTls};
use crate::proxy_header::Addresses;

/// Where a socket can be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// An IP address and port.
    Ip(SocketAddr),
    /// A unix socket's path.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// When an endpoint that says nothing is asked whether it is there, and given up: it is found dead within 15 s,
/// however it went, and no request is sent to it any more (R22). Six lost questions in a row are no bad line.
const SIGNS_OF_LIFE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(8)).with_interval(Duration::from_secs(1)).with_retries(6);

/// A connected stream socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// One of the others under a session with a client; boxed, for it is large and many connections have none.
    Tls(Box<TlsSocket>),
    /// The same with an endpoint.
    UpstreamTls(Box<UpstreamTls>),
}

impl Socket {
    /// Connects to an address, within what descriptors allow; TCP without delay, and asking for signs of life.
    pub(crate) async fn connect(address: &Address, descriptors: &Descriptors) -> io::Result<Self> {
        match address {
            Address::Unix(path) => {
                let stream = UnixStream::connect(path).await?;
                descriptors.admit_connecting(&stream)?;
                Ok(Self::Unix(stream))
            }
            Address::Ip(address) => {
                let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
                descriptors.admit_connecting(&socket)?;
                socket.set_nodelay(true)?;
                socket2::SockRef::from(&socket).set_tcp_keepalive(&SIGNS_OF_LIFE)?;
                socket.connect(*address).await.map(Self::Tcp)
            }
        }
    }

    /// Whether nothing came and nobody closed; costs no system call while that is so.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut byte = [0];
        let read = match self {
            Self::Tcp(stream) => stream.try_read(&mut byte),
            Self::Unix(stream) => stream.try_read(&mut byte),
            Self::Tls(session) => return session.plain().is_quiet(),
            Self::UpstreamTls(session) => return session.records.is_quiet(),
        };
        matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Reads once; 0 is the end of what the peer sends.
    pub(crate) fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tls(session) => return session.poll_read(context, buffer),
            Self::UpstreamTls(session) => return session.records.poll_read(context, buffer),
            Self::Tcp(_) | Self::Unix(_) => {}
        }
        loop {
            ready!(self.poll_readiness(context, Interest::READABLE))?;
            let received = self.try_io(Interest::READABLE, |socket| {
                recv(socket, &mut *buffer, RecvFlags::empty()).map(|(count, _)| count).map_err(io::Error::from)
            });
            match received {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(count) if (1..buffer.len()).contains(&count) => {
                    self.forget_readiness(Interest::READABLE);
                    return Poll::Ready(Ok(count));
                }
                other => return Poll::Ready(other),
            }
        }
    }

    /// Looks at what has come and leaves it there; 0 is the end of what the peer sends.
    ///
    /// Once something is there it is ready for ever: who needs more says so by [`Self::await_more`].
    pub(crate) fn poll_peek(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_readiness(context, Interest::READABLE))?;
            let seen = self.try_io(Interest::READABLE, |socket| {
                recv(socket, &mut *buffer, RecvFlags::PEEK).map(|(count, _)| count).map_err(io::Error::from)
            });
            match seen {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// Lets only what comes from now on count as something to look at.
    pub(crate) fn await_more(&self) {
        self.forget_readiness(Interest::READABLE);
    }

    /// Both ends of the connection; none of a unix socket.
    pub(crate) fn addresses(&self) -> Option<Addresses> {
        match self {
            Self::Tcp(stream) => {
                let (source, destination) = (stream.peer_addr().ok()?, stream.local_addr().ok()?);
                Some(Addresses { source: canonical(source), destination: canonical(destination) })
            }
            Self::Unix(_) => None,
            Self::Tls(session) => session.plain().addresses(),
            Self::UpstreamTls(session) => session.records.plain.addresses(),
        }
    }

    /// Whether an endpoint has chosen HTTP/2 when it was asked.
    pub(crate) fn has_chosen_http2(&self) -> bool {
        if let Self::UpstreamTls(session) = self { session.speaks_http2() } else { false }
    }

    /// Writes once, from several places.
    pub(crate) fn poll_write(&mut self, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tls(session) => return session.poll_write(context, parts),
            Self::UpstreamTls(session) => return session.records.poll_write(context, parts),
            Self::Tcp(_) | Self::Unix(_) => {}
        }
        let [part] = parts else { return self.poll_gather(context, parts) };
        loop {
            ready!(self.poll_readiness(context, Interest::WRITABLE))?;
            let sent = self
                .try_io(Interest::WRITABLE, |socket| send(socket, part, SendFlags::NOSIGNAL).map_err(io::Error::from));
            match sent {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(count) if count < part.len() => {
                    self.forget_readiness(Interest::WRITABLE);
                    return Poll::Ready(Ok(count));
                }
                other => return Poll::Ready(other),
            }
        }
    }

    /// Notes that the next call would only be told to wait; what happens from now on is an event again.
    fn forget_readiness(&self, interest: Interest) {
        let _ = self.try_io(interest, |_| io::Result::<()>::Err(ErrorKind::WouldBlock.into()));
    }

    fn poll_gather(&mut self, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Self::Tls(session) => session.poll_write(context, parts),
            Self::UpstreamTls(session) => session.records.poll_write(context, parts),
        }
    }

    #[inline]
    fn poll_readiness(&self, context: &mut Context<'_>, interest: Interest) -> Poll<io::Result<()>> {
        match (self, interest.is_readable()) {
            (Self::Tcp(stream), true) => stream.poll_read_ready(context),
            (Self::Tcp(stream), false) => stream.poll_write_ready(context),
            (Self::Unix(stream), true) => stream.poll_read_ready(context),
            (Self::Unix(stream), false) => stream.poll_write_ready(context),
            (Self::Tls(session), _) => session.plain().poll_readiness(context, interest),
            (Self::UpstreamTls(session), _) => session.records.plain.poll_readiness(context, interest),
        }
    }

    /// Calls the system directly: what the C library puts around its calls, so that threads can be
    /// cancelled in them, costs 1.5 % of a request.
    #[inline]
    fn try_io<T>(&self, interest: Interest, io: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>) -> io::Result<T> {
        match self {
            Self::Tcp(stream) => stream.try_io(interest, || io(stream.as_fd())),
            Self::Unix(stream) => stream.try_io(interest, || io(stream.as_fd())),
            Self::Tls(session) => session.plain().try_io(interest, io),
            Self::UpstreamTls(session) => session.records.plain.try_io(interest, io),
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(session) => session.poll_shutdown(context),
            Self::UpstreamTls(session) => session.records.poll_shutdown(context),
        }
    }

    /// Makes the close of the socket a reset, so that the peer cannot take what it has for whole.
    pub(crate) fn reset_on_close(&self) {
        match self {
            Self::Tcp(stream) => {
                let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
            }
            Self::Unix(_) => {}
            Self::Tls(session) => session.plain().reset_on_close(),
            Self::UpstreamTls(session) => session.records.plain.reset_on_close(),
        }
    }

    /// The session on top, if there is one.
    pub(crate) fn session(&self) -> Option<&TlsSocket> {
        if let Self::Tls(session) = self { Some(session) } else { None }
    }

    /// The same, to be changed.
    pub(crate) fn session_mut(&mut self) -> Option<&mut TlsSocket> {
        if let Self::Tls(session) = self { Some(session) } else { None }
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
            Self::Tls(session) => session.plain().as_fd(),
            Self::UpstreamTls(session) => session.records.plain.as_fd(),
        }
    }
}
