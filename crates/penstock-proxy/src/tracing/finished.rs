//! A span that has ended, whatever it is written as.

use super::context::TraceContext;
use crate::export::otlp::Value;

/// What a span is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something that the gateway does by itself.
    Internal,
    /// A request that it was sent.
    Server,
    /// A request that it sends.
    Client,
}

/// A span that has ended.
#[derive(Debug)]
pub(super) struct Finished<'a> {
    pub(super) trace: TraceContext,
    pub(super) id: u64,
    /// Number of the span that it belongs to; 0: it is the first.
    pub(super) parent: u64,
    pub(super) kind: Kind,
    pub(super) name: String,
    /// In microseconds since 1970.
    pub(super) began_us: u64,
    pub(super) ended_us: u64,
    pub(super) attributes: Vec<(&'a str, Value<'a>)>,
    /// When something happened in it, and what.
    pub(super) events: Vec<(u64, &'a str)>,
    /// Why it failed; empty: it did not.
    pub(super) error: &'a str,
    /// What others have noted of the trace.
    pub(super) state: &'a [u8],
}
