//! The worker under test, the origins behind it and the raw clients before it.

mod client;
mod config;
mod filters;
mod gateway;
mod lenient;
mod message;
mod metrics;
mod names;
mod origin;

pub(crate) use client::{Client, End};
pub(crate) use config::{Config, foreign_step, forward_step, native_step, prefix};
pub(crate) use gateway::{Gateway, eventually};
pub(crate) use lenient::lenient_requests;
pub(crate) use message::{Kind, Message, Parsed, assert_unfinished, own_requests, parse, strict_requests};
pub(crate) use names::{HANGS, Names};
pub(crate) use origin::{Caller, Origin};

use std::io::Write;
use std::time::Duration;

/// Longest a test waits for what must happen: ten times what it should take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// Bytes to fill sockets with.
pub(crate) static FILLER: [u8; 64 << 10] = [b'x'; 64 << 10];

/// Says that a test cannot run here and why. Past libtest, which shows nothing of a test that passes: the line is
/// counted by `tools/checks.py`, so that a machine without a tool is not taken for one that ran everything.
pub(crate) fn skip(reason: &str) {
    let _ = writeln!(std::io::stderr(), "\nskipped test: {reason}");
}

/// Text of bytes, for messages.
pub(crate) fn text(bytes: &[u8]) -> String {
    let start = bytes.get(..400).unwrap_or(bytes);
    start.escape_ascii().to_string()
}
