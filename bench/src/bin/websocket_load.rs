//! Sends messages over WebSocket connections, each as soon as the one before has come back, and says how that went.
//!
//! usage: `websocket_load PORT SECONDS CONNECTIONS`

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use penstock_bench::frames::{HANDSHAKE, masked, plain};
use penstock_bench::{BUFFER_BYTES, Epoll, Table, Turn, loopback, numbers, prepare, report};

/// Bytes of a message.
const MESSAGE_BYTES: usize = 1024;

/// One connection, whose last message was sent at some moment.
struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    sent_at: Instant,
}

/// What all connections send and expect.
struct Exchange {
    message: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    /// Opens one, and waits until it is.
    fn open(port: u16) -> io::Result<Self> {
        let mut stream = TcpStream::connect(loopback(port))?;
        stream.write_all(HANDSHAKE)?;
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.extend(byte);
        }
        if !head.starts_with(b"HTTP/1.1 101 ") {
            return Err(io::Error::other(String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned()));
        }
        prepare(&stream)?;
        Ok(Self { stream, received: Vec::new(), sent_at: Instant::now() })
    }

    /// A message fits into a socket that holds none.
    fn send(&mut self, exchange: &Exchange) -> io::Result<()> {
        self.sent_at = Instant::now();
        self.stream.write_all(&exchange.message)
    }

    /// Takes what came; gives the time that the message took, once it is back, and sends the next.
    fn receive(&mut self, exchange: &Exchange, buffer: &mut [u8]) -> io::Result<Option<Duration>> {
        match self.stream.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => self.received.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        if self.received.len() < exchange.answer.len() {
            return Ok(None);
        }
        if self.received != exchange.answer {
            return Err(io::Error::other("another message came back"));
        }
        self.received.clear();
        let took = self.sent_at.elapsed();
        self.send(exchange)?;
        Ok(Some(took))
    }
}

fn run([port, seconds, count]: [u16; 3]) -> io::Result<()> {
    let payload = vec![b'x'; MESSAGE_BYTES];
    let exchange = Exchange { message: masked(&payload, [1, 2, 3, 4]), answer: plain(&payload) };
    let (epoll, mut turn, mut connections) = (Epoll::new()?, Turn::new(), Table::new());
    for _ in 0..count {
        let connection = Connection::open(port)?;
        epoll.watch(&connection.stream)?;
        connections.insert(connection.stream.as_raw_fd(), connection);
    }
    let (mut buffer, mut took) = (vec![0; BUFFER_BYTES], Vec::new());
    let began = Instant::now();
    connections.values_mut().try_for_each(|connection| connection.send(&exchange))?;
    while began.elapsed() < Duration::from_secs(u64::from(seconds)) {
        epoll.wait(&mut turn)?;
        for event in turn.events().filter(|event| event.readable) {
            let Some(connection) = connections.get_mut(event.descriptor) else { continue };
            took.extend(connection.receive(&exchange, &mut buffer)?);
        }
    }
    report(began.elapsed(), took);
    Ok(())
}

fn main() -> ExitCode {
    let outcome =
        numbers(["PORT", "SECONDS", "CONNECTIONS"]).and_then(|numbers| run(numbers).map_err(|error| error.to_string()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("websocket_load: {message}");
            ExitCode::FAILURE
        }
    }
}
