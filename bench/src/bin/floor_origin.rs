//! An origin that costs as little as an origin can: answers made beforehand, nothing parsed but the end of a head.
//!
//! `/100k` is answered with 100 KB, everything else with 1 KB. A request has no body and is answered before the next
//! one is read: a proxy sends no more than that on one connection. A request for WebSocket is taken, and every frame
//! said back. A connection of HTTP/2 is one of gRPC, and each call answered with a small message.
//!
//! usage: `floor_origin PORT`

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::ExitCode;

use penstock_bench::calls::{Calls, PREFACE};
use penstock_bench::frames::{self, SWITCHED};
use penstock_bench::{BUFFER_BYTES, Epoll, Event, Table, Turn, listen, numbers, prepare};

/// Bytes of the two bodies.
const SIZES: [usize; 2] = [1024, 100 * 1024];

/// The prepared answers: by size, then whether the connection ends.
struct Answers([[Vec<u8>; 2]; 2]);

/// A connection: the start of a head that has not ended, and what is left of an answer.
struct Connection {
    stream: TcpStream,
    head: Vec<u8>,
    large: bool,
    closing: bool,
    sent: usize,
    answering: bool,
    /// Once it speaks WebSocket: frames that are not whole, and what is to be sent.
    echo: Option<(Vec<u8>, Vec<u8>)>,
    /// Once it speaks HTTP/2: its state, and what is to be sent.
    calls: Option<(Calls, Vec<u8>)>,
}

impl Answers {
    fn new() -> Self {
        Self(SIZES.map(|size| ["", "Connection: close\r\n"].map(|extra| answer(size, extra))))
    }

    fn for_connection(&self, connection: &Connection) -> &[u8] {
        &self.0[usize::from(connection.large)][usize::from(connection.closing)]
    }
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            head: Vec::new(),
            large: false,
            closing: false,
            sent: 0,
            answering: false,
            echo: None,
            calls: None,
        }
    }

    /// Takes bytes of a request; true when its head has ended.
    fn take(&mut self, bytes: &[u8]) -> bool {
        self.head.extend_from_slice(bytes);
        if self.head.starts_with(PREFACE) {
            self.calls = Some((Calls::default(), Vec::new()));
            return true;
        }
        if !self.head.ends_with(b"\r\n\r\n") {
            return false;
        }
        if contains(&self.head, b"pgrade: websocket") {
            self.echo = Some((Vec::new(), SWITCHED.to_vec()));
        }
        self.large = self.head.starts_with(b"GET /100k");
        self.closing = contains(&self.head, b"onnection: close");
        (self.answering, self.sent) = (self.echo.is_none(), 0);
        self.head.clear();
        true
    }

    /// Says back what came; false when the connection is over.
    fn echo(&mut self, bytes: &[u8]) -> bool {
        let Some((unread, out)) = &mut self.echo else { return true };
        unread.extend_from_slice(bytes);
        frames::echo(unread, out);
        while !out.is_empty() {
            match self.stream.write(out) {
                Ok(count) => drop(out.drain(..count)),
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        true
    }

    /// Answers calls; false when the connection is over.
    fn call(&mut self, bytes: &[u8]) -> bool {
        let Some((calls, out)) = &mut self.calls else { return true };
        let first = std::mem::take(&mut self.head);
        calls.take(if first.is_empty() { bytes } else { &first }, out);
        while !out.is_empty() {
            match self.stream.write(out) {
                Ok(count) => drop(out.drain(..count)),
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        true
    }

    /// Writes what is left of the answer; false when the connection is over.
    fn write(&mut self, answers: &Answers) -> bool {
        while self.answering {
            match self.stream.write(&answers.for_connection(self)[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
            self.answering = self.sent < answers.for_connection(self).len();
        }
        !self.closing
    }

    /// Reads once and answers; false when the connection is over.
    fn read(&mut self, answers: &Answers, buffer: &mut [u8]) -> bool {
        match self.stream.read(buffer) {
            Ok(0) => false,
            Ok(count) if self.echo.is_some() => self.echo(&buffer[..count]),
            Ok(count) if self.calls.is_some() => self.call(&buffer[..count]),
            Ok(count) => !self.take(&buffer[..count]) || (self.echo(&[]) && self.call(&[]) && self.write(answers)),
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }

    fn handle(&mut self, event: Event, answers: &Answers, buffer: &mut [u8]) -> bool {
        (!event.writable || (self.echo(&[]) && self.call(&[])))
            && (!event.writable || !self.answering || self.write(answers))
            && (!event.readable || self.read(answers, buffer))
            && (!event.ending || self.answering)
    }
}

fn answer(size: usize, extra: &str) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n\
         ETag: \"abc-123\"\r\nCache-Control: max-age=60\r\n{extra}Content-Length: {size}\r\n\r\n"
    );
    let mut bytes = head.into_bytes();
    bytes.resize(bytes.len() + size, b'x');
    bytes
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn accept(listener: &TcpListener, epoll: &Epoll, connections: &mut Table<Connection>) {
    while let Ok((stream, _)) = listener.accept() {
        if prepare(&stream).and_then(|()| epoll.watch(&stream)).is_ok() {
            connections.insert(stream.as_raw_fd(), Connection::new(stream));
        }
    }
}

fn run(port: u16) -> io::Result<()> {
    let (listener, epoll, mut turn) = (listen(port)?, Epoll::new()?, Turn::new());
    let (answers, mut connections, mut buffer) = (Answers::new(), Table::new(), vec![0; BUFFER_BYTES]);
    epoll.watch(&listener)?;
    loop {
        epoll.wait(&mut turn)?;
        for event in turn.events() {
            if event.descriptor == listener.as_raw_fd() {
                accept(&listener, &epoll, &mut connections);
            } else if let Some(connection) = connections.get_mut(event.descriptor)
                && !connection.handle(event, &answers, &mut buffer)
            {
                connections.remove(event.descriptor);
            }
        }
    }
}

fn main() -> ExitCode {
    let outcome = numbers(["PORT"]).and_then(|[port]| run(port).map_err(|error| error.to_string()));
    if let Err(message) = outcome {
        eprintln!("floor_origin: {message}");
    }
    ExitCode::FAILURE
}
