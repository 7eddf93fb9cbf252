//! `traceparent` and `tracestate`.
//!
//! Source: W3C Trace Context, level 1.

use super::text::{SPAN_DIGITS, TRACE_DIGITS, small_hexadecimal, span, span_text, trace, trace_text};
use super::{Parent, TraceContext, only};
use crate::exchange::Head;

const PARENT: &[u8] = b"traceparent";
const STATE: &[u8] = b"tracestate";
/// Bytes of version 0, and the least of any.
const BYTES: usize = 55;
const SAMPLED: u128 = 1;

pub(super) fn extract(head: &Head) -> Option<Parent> {
    parse(only(head, PARENT)?)
}

/// Takes a `traceparent` apart. Of versions that are to come, what version 0 has is read and the rest is left.
pub(super) fn parse(text: &[u8]) -> Option<Parent> {
    let (known, rest) = text.split_at_checked(BYTES)?;
    let mut parts = known.split(|byte| *byte == b'-');
    let (version, trace_digits, span_digits, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let are_sized = (version.len(), trace_digits.len(), span_digits.len()) == (2, TRACE_DIGITS, SPAN_DIGITS);
    if !are_sized || parts.next().is_some() || version == b"ff" {
        return None;
    }
    let may_go_on = small_hexadecimal(version)? > 0 && rest.first() == Some(&b'-');
    if !rest.is_empty() && !may_go_on {
        return None;
    }
    Some(Parent {
        trace: trace(small_hexadecimal(trace_digits)),
        span: span(small_hexadecimal(span_digits)),
        is_sampled: Some(small_hexadecimal(flags)? & SAMPLED != 0),
    })
    .filter(|parent| parent.trace.is_some() && parent.span.is_some())
}

pub(super) fn inject(head: &mut Head, trace: &TraceContext, span: u64) {
    let mut text = *b"00-................................-................-00";
    if let Some(place) = text.get_mut(3..3 + TRACE_DIGITS) {
        place.copy_from_slice(&trace_text(trace.trace));
    }
    if let Some(place) = text.get_mut(36..36 + SPAN_DIGITS) {
        place.copy_from_slice(&span_text(span));
    }
    if trace.is_sampled {
        text[54] = b'1';
    }
    head.set(PARENT, &text);
    if !trace.continues {
        // What others have noted of their trace says nothing of this one.
        head.remove(STATE);
    }
}
