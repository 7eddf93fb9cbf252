//! `uber-trace-id`.
//!
//! Source: Jaeger, "Client Libraries", section "Propagation Format".

use super::text::{hexadecimal, span, span_text, trace, trace_text};
use super::{Parent, TraceContext, only};
use crate::exchange::Head;

const NAME: &[u8] = b"uber-trace-id";
const ENCODED_COLON: &[u8] = b"%3A";
/// Most bytes of the flags.
const MOST_FLAGS: usize = 2;
const SAMPLED: u128 = 1;

pub(super) fn extract(head: &Head) -> Option<Parent> {
    parse(only(head, NAME)?)
}

/// Takes a text apart: trace, span, its parent, which nobody looks at, and flags. Colons may be percent-encoded, and
/// zeros at the start of numbers left out.
pub(super) fn parse(text: &[u8]) -> Option<Parent> {
    let (mut parts, mut count, mut rest) = ([&b""[..]; 4], 0, text);
    loop {
        let colon = memchr::memchr(b':', rest).map(|at| (at, 1));
        let encoded = memchr::memmem::find(rest, ENCODED_COLON).map(|at| (at, ENCODED_COLON.len()));
        let (end, behind) = match (colon, encoded) {
            (Some(one), Some(other)) => one.min(other),
            (one, other) => one.or(other).unwrap_or((rest.len(), 0)),
        };
        *parts.get_mut(count)? = rest.get(..end)?;
        count += 1;
        if behind == 0 {
            break;
        }
        rest = rest.get(end + behind..)?;
    }
    let [trace_digits, span_digits, parent, flags] = parts;
    if count != parts.len() || flags.len() > MOST_FLAGS {
        return None;
    }
    let (flags, _) = (hexadecimal(flags)?, hexadecimal(parent)?);
    let (trace, span) = (trace(hexadecimal(trace_digits))?, span(hexadecimal(span_digits))?);
    Some(Parent { trace: Some(trace), span: Some(span), is_sampled: Some(flags & SAMPLED != 0) })
}

pub(super) fn inject(head: &mut Head, trace: &TraceContext, span: u64) {
    let mut text = *b"................................:................:0:0";
    if let Some(place) = text.get_mut(..32) {
        place.copy_from_slice(&trace_text(trace.trace));
    }
    if let Some(place) = text.get_mut(33..49) {
        place.copy_from_slice(&span_text(span));
    }
    if trace.is_sampled {
        text[52] = b'1';
    }
    head.set(NAME, &text);
}
