//! Which trace an exchange belongs to.

use super::propagation::{span_text, trace_text};

/// The numbers of a trace and of a span in it, as logs have them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TraceTexts {
    pub(crate) trace: [u8; 32],
    pub(crate) span: [u8; 16],
}

/// What a request says of the trace that it is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parent {
    /// Number of the trace; none: only a decision is said.
    pub(crate) trace: Option<u128>,
    /// Number of the span that this exchange belongs to; there where a trace is.
    pub(crate) span: Option<u64>,
    /// Whether the trace is sampled, where that is decided.
    pub(crate) is_sampled: Option<bool>,
}

/// The trace of one exchange, and its own span in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TraceContext {
    /// Number of the trace; 0: there is none.
    pub(crate) trace: u128,
    /// Number of the exchange's own span.
    pub(crate) span: u64,
    /// Number of the span that it belongs to; 0: it is the first.
    pub(crate) parent: u64,
    /// Whether spans are recorded.
    pub(crate) is_sampled: bool,
    /// Whether the trace was begun by somebody else.
    pub(crate) continues: bool,
    /// Whether somebody else has decided if it is recorded.
    pub(crate) is_decided: bool,
}

impl TraceContext {
    /// Whether there is a trace.
    pub(crate) fn is_there(&self) -> bool {
        self.trace != 0
    }

    /// Its numbers as texts, if there is a trace.
    pub(crate) fn texts(&self) -> Option<TraceTexts> {
        self.is_there().then(|| TraceTexts { trace: trace_text(self.trace), span: span_text(self.span) })
    }
}
