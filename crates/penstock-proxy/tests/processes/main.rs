//! Workers in processes of their own: what the system sees of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests, and so are the functions they share"
)]

#[allow(dead_code, unused_imports, reason = "the wire tests use what these leave out")]
#[path = "../wire/harness/mod.rs"]
mod harness;

mod aborts;
mod chunks;
mod descriptors;
mod instructions;
mod served;
mod system_calls;
