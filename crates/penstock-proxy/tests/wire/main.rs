//! The data plane over real sockets: origins and clients are inside the test, byte by byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests, and so are the functions they share"
)]

mod harness;

mod aborts;
mod answers;
mod bodies;
mod duplicates;
mod expectations;
mod faults;
mod framing;
mod panics;
mod refusals;
mod tunnels;
