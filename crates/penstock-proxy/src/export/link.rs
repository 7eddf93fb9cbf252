//! A connection to a collector, used by one thread that waits for it: nothing lasts longer than its deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, SockAddr, Socket, Type};

use super::collector::Collector;
use super::queue::Queue;
use crate::http2::Session;
use crate::resolver::FindAddresses;

/// Longest time for which a thread waits without a look at whether it is to end.
const LOOK: Duration = Duration::from_millis(100);
/// Time to make a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// Bytes read at once.
const READ_BYTES: usize = 8 << 10;
/// Most reads of what nobody waits for, before something is sent.
const MOST_PASSED_OVER: usize = 16;

/// A connection, and what is known of it from one request to the next.
pub(super) struct Link {
    stream: Stream,
    queue: Arc<Queue>,
    deadline: Instant,
    /// The state of HTTP/2 on it, once that has begun.
    pub(super) session: Option<Session>,
}

enum Stream {
    Clear(Socket),
    Enciphered(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Link {
    /// Connects with a collector.
    ///
    /// # Errors
    /// It has no address, or none of them could be connected to in time.
    pub(super) fn open(
        collector: &Collector,
        addresses: &dyn FindAddresses,
        queue: Arc<Queue>,
        deadline: Instant,
    ) -> io::Result<Self> {
        let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
        for address in find(&collector.plan.address, addresses)? {
            match connect(&address, time_left(&queue, deadline)?) {
                Ok(socket) => return Self::upon(socket, collector, queue, deadline),
                Err(problem) => last = problem,
            }
        }
        Err(last)
    }

    fn upon(socket: Socket, collector: &Collector, queue: Arc<Queue>, deadline: Instant) -> io::Result<Self> {
        let stream = match &collector.tls {
            None => Stream::Clear(socket),
            Some(tls) => {
                let name = tls.name_of(&collector.plan.host).ok_or(ErrorKind::InvalidInput)?;
                let session = ClientConnection::new(Arc::clone(&tls.config), name).map_err(io::Error::other)?;
                Stream::Enciphered(Box::new(StreamOwned::new(session, socket)))
            }
        };
        Ok(Self { stream, queue, deadline, session: None })
    }

    /// What follows is to be done until then.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// Sends everything.
    ///
    /// # Errors
    /// The collector has gone, or the deadline has passed.
    pub(super) fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.patiently(|stream| stream.write(bytes))? {
                0 => return Err(ErrorKind::WriteZero.into()),
                count => bytes = bytes.get(count..).unwrap_or_default(),
            }
        }
        self.patiently(Write::flush)
    }

    /// Sends what goes out at once.
    ///
    /// # Errors
    /// The collector has gone, or the deadline has passed.
    pub(super) fn send_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.patiently(|stream| stream.write(bytes))? {
            0 if !bytes.is_empty() => Err(ErrorKind::WriteZero.into()),
            count => self.patiently(Write::flush).map(|()| count),
        }
    }

    /// Whether the collector is known to have closed it, where nobody waits for what it says.
    pub(super) fn has_ended(&mut self) -> bool {
        let has_ended = self.stream.socket().set_nonblocking(true).is_err() || self.pass_over();
        self.stream.socket().set_nonblocking(false).is_err() || has_ended
    }

    /// Reads what has come, such as tickets of TLS, for an end shows only behind it.
    fn pass_over(&mut self) -> bool {
        let mut bytes = [0; READ_BYTES];
        for _ in 0..MOST_PASSED_OVER {
            match self.stream.read(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(problem) => return !is_early(problem.kind()),
            }
        }
        false
    }

    /// Waits for bytes and puts them behind those of a buffer.
    ///
    /// # Errors
    /// The collector has closed, or the deadline has passed.
    pub(super) fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        let mut bytes = [0; READ_BYTES];
        match self.patiently(|stream| stream.read(&mut bytes))? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                buffer.extend_from_slice(bytes.get(..count).unwrap_or_default());
                Ok(())
            }
        }
    }

    /// Does something again and again until the deadline.
    fn patiently<T>(&mut self, mut act: impl FnMut(&mut Stream) -> io::Result<T>) -> io::Result<T> {
        loop {
            let time = time_left(&self.queue, self.deadline)?.min(LOOK);
            let socket = self.stream.socket();
            socket.set_read_timeout(Some(time))?;
            socket.set_write_timeout(Some(time))?;
            match act(&mut self.stream) {
                Err(problem) if is_early(problem.kind()) => {}
                outcome => return outcome,
            }
        }
    }
}

fn is_early(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

impl Stream {
    fn socket(&self) -> &Socket {
        match self {
            Self::Clear(socket) => socket,
            Self::Enciphered(stream) => &stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.read(buffer),
            Self::Enciphered(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.write(bytes),
            Self::Enciphered(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(socket) => socket.flush(),
            Self::Enciphered(stream) => stream.flush(),
        }
    }
}

/// Time until the deadline, or until the thread is to end.
fn time_left(queue: &Queue, deadline: Instant) -> io::Result<Duration> {
    let deadline = queue.end().map_or(deadline, |end| end.min(deadline));
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn connect(address: &SockAddr, left: Duration) -> io::Result<Socket> {
    let socket = Socket::new(address.domain(), Type::STREAM.cloexec(), None)?;
    socket.connect_timeout(address, left.min(CONNECT))?;
    if address.domain() != Domain::UNIX {
        socket.set_tcp_nodelay(true)?;
    }
    Ok(socket)
}

/// Where a collector is.
pub(super) fn find(address: &str, addresses: &dyn FindAddresses) -> io::Result<Vec<SockAddr>> {
    if let Some(path) = address.strip_prefix("unix:") {
        return Ok(vec![SockAddr::unix(path)?]);
    }
    if let Ok(address) = address.parse::<SocketAddr>() {
        return Ok(vec![address.into()]);
    }
    let (name, port) = address.rsplit_once(':').ok_or(ErrorKind::InvalidInput)?;
    let port: u16 = port.parse().map_err(|_| ErrorKind::InvalidInput)?;
    Ok(addresses.find(name)?.into_iter().map(|ip: IpAddr| SocketAddr::new(ip, port).into()).collect())
}
