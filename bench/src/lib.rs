//! What the relay, the origin and the load share: edge-triggered `epoll`, loopback sockets, a table by descriptor.

pub mod calls;
mod epoll;
pub mod frames;
mod table;

pub use epoll::{Epoll, Event, Turn};
pub use table::Table;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

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

/// Prints what a load generator for requests prints, so that it is read alike.
pub fn report(elapsed: Duration, mut took: Vec<Duration>) {
    took.sort_unstable();
    let share = |hundredths: usize| took.get(took.len() * hundredths / 100).copied().unwrap_or_default().as_micros();
    println!("    50%   {}us\n    99%   {}us", share(50), share(99));
    println!("  {} requests in {:.2}s", took.len(), elapsed.as_secs_f64());
    #[allow(clippy::cast_precision_loss, reason = "a rate needs no last digit")]
    let rate = took.len() as f64 / elapsed.as_secs_f64();
    println!("Requests/sec: {rate:.2}");
}
