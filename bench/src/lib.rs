//! What the relay, the origin and the load share: edge-triggered `epoll`, loopback sockets, a table by descriptor.

mod epoll;
pub mod calls;
pub mod frames;
mod table;

pub use epoll::{Epoll, Event, Turn};
pub use table::Table;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

/// Size of the one read buffer of each program, as large as the gateway's.
pub const BUFFER_BYTES: usize = 64 * 1024;

/// Listens on a loopback port without blocking.
///
/// # Errors
/// The port is taken or not allowed.
pub fn listen(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(loopback(port))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The address of a loopback port.
#[must_use]
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Makes a stream ready for the event loop: it neither blocks nor waits to fill a segment.
///
/// # Errors
/// The peer is gone already.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)
}

/// The numbers given on the command line, as many as there are names.
///
/// # Errors
/// A line that tells how to call the program.
pub fn numbers<const N: usize>(names: [&str; N]) -> Result<[u16; N], String> {
    let given: Vec<u16> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    given.try_into().map_err(|_| format!("give {N} numbers: {}", names.join(" ")))
}
