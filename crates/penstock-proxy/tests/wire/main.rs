//! The data plane over real sockets: origins and clients are inside the test, byte by byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests, and so are the functions they share"
)]

mod harness;

mod aborts;
mod access_log;
mod answer_judge;
mod answers;
mod bodies;
mod cut_answers;
mod dead_endpoints;
mod duplicates;
mod early_answers;
mod expectations;
mod explanations;
mod faults;
mod forward_proxy;
mod framing;
mod hosts;
mod keep_alive;
mod lifecycle;
mod limits;
mod memory;
mod metrics;
mod own_answers;
mod panics;
mod paths;
mod pipelining;
mod refusals;
mod retries;
mod slow_clients;
mod slow_origins;
mod smuggling;
mod sockets;
mod streaming;
mod templates;
mod traces;
mod trust;
mod tunnels;
