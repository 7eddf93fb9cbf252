//! The floor: forwards bytes without looking at them, with one upstream connection for each client connection.
//!
//! One thread and one read for each event: what no proxy on sockets can undercut by much.
//!
//! usage: `floor_relay LISTEN_PORT UPSTREAM_PORT`

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;

use penstock_bench::{BUFFER_BYTES, Epoll, Event, Table, Turn, listen, loopback, numbers, prepare};

/// One socket of a pair, and what it could not take yet.
struct Side {
    stream: TcpStream,
    peer: RawFd,
    waiting: Vec<u8>,
}

/// Whether a pair of sockets goes on.
#[derive(PartialEq)]
enum Pair {
    Open,
    Over,
}

/// All pairs, by descriptor.
struct Relay {
    upstream: SocketAddr,
    sides: Table<Side>,
    buffer: Vec<u8>,
}

impl Relay {
    /// Takes every connection that waits, and connects each to the upstream.
    fn accept(&mut self, listener: &TcpListener, epoll: &Epoll) {
        while let Ok((client, _)) = listener.accept() {
            // A client whose upstream cannot be reached is closed by being dropped.
            if let Err(error) = self.join(client, epoll) {
                eprintln!("floor_relay: {error}");
            }
        }
    }

    fn join(&mut self, client: TcpStream, epoll: &Epoll) -> io::Result<()> {
        let upstream = TcpStream::connect(self.upstream)?;
        let descriptors = (client.as_raw_fd(), upstream.as_raw_fd());
        for stream in [&client, &upstream] {
            prepare(stream)?;
            epoll.watch(stream)?;
        }
        self.sides.insert(descriptors.0, Side { stream: client, peer: descriptors.1, waiting: Vec::new() });
        self.sides.insert(descriptors.1, Side { stream: upstream, peer: descriptors.0, waiting: Vec::new() });
        Ok(())
    }

    /// Moves what an event allows to move; closes the pair when one side is at its end.
    fn handle(&mut self, event: Event) {
        let Some(peer) = self.sides.get_mut(event.descriptor).map(|side| side.peer) else { return };
        let mut pair = Pair::Open;
        if event.writable {
            pair = self.flush(event.descriptor, peer);
        }
        if event.readable && pair == Pair::Open {
            pair = self.copy(event.descriptor, peer, event.ending);
        }
        if pair == Pair::Over {
            self.sides.remove(event.descriptor);
            self.sides.remove(peer);
        }
    }

    /// Writes what waited for room, then goes on reading from the peer, which had to stop.
    fn flush(&mut self, to: RawFd, from: RawFd) -> Pair {
        let Some(side) = self.sides.get_mut(to).filter(|side| !side.waiting.is_empty()) else { return Pair::Open };
        match side.stream.write(&side.waiting) {
            Ok(written) => drop(side.waiting.drain(..written)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Pair::Open,
            Err(_) => return Pair::Over,
        }
        self.copy(from, to, true)
    }

    /// Reads and writes until there is nothing more: without `to_end` a short read is taken as "nothing more".
    fn copy(&mut self, from: RawFd, to: RawFd, to_end: bool) -> Pair {
        while self.sides.get_mut(to).is_some_and(|side| side.waiting.is_empty()) {
            let Some(source) = self.sides.get_mut(from) else { return Pair::Over };
            let count = match source.stream.read(&mut self.buffer) {
                Ok(0) => return Pair::Over,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Pair::Open,
                Err(_) => return Pair::Over,
            };
            let Some(target) = self.sides.get_mut(to) else { return Pair::Over };
            if write(target, &self.buffer[..count]).is_err() {
                return Pair::Over;
            }
            if count < self.buffer.len() && !to_end {
                break;
            }
        }
        Pair::Open
    }
}

/// Writes what the socket takes and keeps the rest.
fn write(target: &mut Side, bytes: &[u8]) -> io::Result<()> {
    let written = match target.stream.write(bytes) {
        Ok(written) => written,
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        Err(error) => return Err(error),
    };
    target.waiting.extend_from_slice(&bytes[written..]);
    Ok(())
}

fn run([listen_port, upstream_port]: [u16; 2]) -> io::Result<()> {
    let (listener, epoll, mut turn) = (listen(listen_port)?, Epoll::new()?, Turn::new());
    epoll.watch(&listener)?;
    let mut relay = Relay { upstream: loopback(upstream_port), sides: Table::new(), buffer: vec![0; BUFFER_BYTES] };
    loop {
        epoll.wait(&mut turn)?;
        for event in turn.events() {
            if event.descriptor == listener.as_raw_fd() {
                relay.accept(&listener, &epoll);
            } else {
                relay.handle(event);
            }
        }
    }
}

fn main() -> ExitCode {
    let outcome =
        numbers(["LISTEN_PORT", "UPSTREAM_PORT"]).and_then(|numbers| run(numbers).map_err(|error| error.to_string()));
    if let Err(message) = outcome {
        eprintln!("floor_relay: {message}");
    }
    ExitCode::FAILURE
}
