//! Forms in which services tell each other of a trace: pure, strict, and nothing that comes breaks a request.

mod b3;
mod jaeger;
#[cfg(test)]
mod tests;
mod text;
mod w3c;

use penstock_plan::Propagation;

pub(crate) use text::{span_text, trace_text};

use super::context::{Parent, TraceContext};
use crate::exchange::Head;

/// Reads what a request's head says of its trace, in the first of the forms in which it says anything that holds.
pub(crate) fn extract(forms: &[Propagation], head: &Head) -> Option<Parent> {
    forms.iter().find_map(|form| match form {
        Propagation::W3c => w3c::extract(head),
        Propagation::B3 => b3::extract_single(head),
        Propagation::B3Multi => b3::extract_multiple(head),
        Propagation::Jaeger => jaeger::extract(head),
    })
}

/// Makes a head tell the next service of the trace, in every form; `span` is what that service's spans belong to.
pub(crate) fn inject(forms: &[Propagation], head: &mut Head, trace: &TraceContext, span: u64) {
    for form in forms {
        match form {
            Propagation::W3c => w3c::inject(head, trace, span),
            Propagation::B3 => b3::inject_single(head, trace, span),
            Propagation::B3Multi => b3::inject_multiple(head, trace, span),
            Propagation::Jaeger => jaeger::inject(head, trace, span),
        }
    }
}

/// The only value of a field; none where it is missing, or is there several times.
fn only<'a>(head: &'a Head, name: &'a [u8]) -> Option<&'a [u8]> {
    let mut values = head.all(name);
    let first = values.next()?;
    values.next().is_none().then_some(first)
}
