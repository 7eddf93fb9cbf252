//! `b3`, and the `X-B3-` fields.
//!
//! Source: B3 Propagation, openzipkin.

use super::text::{SPAN_DIGITS, TRACE_DIGITS, hexadecimal, span, span_text, trace, trace_text};
use super::{Parent, TraceContext, only};
use crate::exchange::Head;

const SINGLE: &[u8] = b"b3";
const TRACE: &[u8] = b"x-b3-traceid";
const SPAN: &[u8] = b"x-b3-spanid";
const PARENT: &[u8] = b"x-b3-parentspanid";
const SAMPLED: &[u8] = b"x-b3-sampled";
const FLAGS: &[u8] = b"x-b3-flags";

pub(super) fn extract_single(head: &Head) -> Option<Parent> {
    parse_single(only(head, SINGLE)?)
}

/// Takes a `b3` apart: trace, span, decision and parent, the last two at will, or a decision alone.
pub(super) fn parse_single(text: &[u8]) -> Option<Parent> {
    let mut parts = text.split(|byte| *byte == b'-');
    let first = parts.next()?;
    let Some(second) = parts.next() else { return Some(Parent { is_sampled: Some(decision(first)?), ..NOBODY }) };
    let is_sampled = parts.next().map(|text| decision(text).ok_or(())).transpose().ok()?;
    let has_parent = parts.next().map(|text| span_number(text).ok_or(())).transpose().ok()?;
    if parts.next().is_some() {
        return None;
    }
    let _ = has_parent;
    Some(Parent { trace: Some(trace_number(first)?), span: Some(span_number(second)?), is_sampled })
}

/// Says nothing of a trace.
const NOBODY: Parent = Parent { trace: None, span: None, is_sampled: None };

pub(super) fn extract_multiple(head: &Head) -> Option<Parent> {
    let is_debug = only(head, FLAGS) == Some(b"1");
    let is_sampled = if is_debug { Some(true) } else { only(head, SAMPLED).and_then(decision) };
    match (only(head, TRACE).and_then(trace_number), only(head, SPAN).and_then(span_number)) {
        (Some(trace), Some(span)) => Some(Parent { trace: Some(trace), span: Some(span), is_sampled }),
        _ => is_sampled.map(|_| Parent { is_sampled, ..NOBODY }),
    }
}

/// Whether the trace is sampled; `d` asks for that with emphasis, and older services write it out.
fn decision(text: &[u8]) -> Option<bool> {
    match text {
        b"1" | b"d" | b"true" => Some(true),
        b"0" | b"false" => Some(false),
        _ => None,
    }
}

/// 128 bits, or 64.
fn trace_number(text: &[u8]) -> Option<u128> {
    matches!(text.len(), TRACE_DIGITS | SPAN_DIGITS).then(|| trace(hexadecimal(text))).flatten()
}

fn span_number(text: &[u8]) -> Option<u64> {
    (text.len() == SPAN_DIGITS).then(|| span(hexadecimal(text))).flatten()
}

/// The text of a trace's number, as short as services want it that know no longer ones.
fn digits(text: &[u8; TRACE_DIGITS], trace: u128) -> &[u8] {
    let skipped = if trace >> 64 == 0 { TRACE_DIGITS - SPAN_DIGITS } else { 0 };
    text.get(skipped..).unwrap_or_default()
}

pub(super) fn inject_single(head: &mut Head, trace: &TraceContext, span: u64) {
    let (mut text, mut length) = ([0; TRACE_DIGITS + SPAN_DIGITS + 3], 0);
    let trace_digits = trace_text(trace.trace);
    let decision: &[u8] = if trace.is_sampled { b"-1" } else { b"-0" };
    for part in [digits(&trace_digits, trace.trace), b"-", &span_text(span), decision] {
        if let Some(place) = text.get_mut(length..length + part.len()) {
            place.copy_from_slice(part);
        }
        length += part.len();
    }
    head.set(SINGLE, text.get(..length).unwrap_or_default());
}

pub(super) fn inject_multiple(head: &mut Head, trace: &TraceContext, span: u64) {
    let trace_digits = trace_text(trace.trace);
    head.set(TRACE, digits(&trace_digits, trace.trace));
    head.set(SPAN, &span_text(span));
    head.set(SAMPLED, if trace.is_sampled { b"1" } else { b"0" });
    head.remove(FLAGS);
    head.remove(PARENT);
}
