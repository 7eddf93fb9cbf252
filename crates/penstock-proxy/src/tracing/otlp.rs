//! Spans as OpenTelemetry's collectors take them.
//!
//! Source: opentelemetry-proto 1.x, `trace.proto`.

use super::finished::{Finished, Kind};
use crate::export::otlp::{RECORD, attribute};
use crate::export::protobuf::{bytes, fixed32, fixed64, message, number, text};

/// Flag of a trace that is recorded.
const SAMPLED: u32 = 1;
/// What a status says of a span that failed.
const ERROR: u64 = 2;

/// Adds a span to the records of a request.
pub(super) fn write_span(out: &mut Vec<u8>, span: &Finished<'_>) {
    message(out, RECORD, |out| {
        bytes(out, 1, &span.trace.trace.to_be_bytes());
        bytes(out, 2, &span.id.to_be_bytes());
        if !span.state.is_empty() {
            text(out, 3, span.state);
        }
        if span.parent != 0 {
            bytes(out, 4, &span.parent.to_be_bytes());
        }
        text(out, 5, span.name.as_bytes());
        number(out, 6, kind(span.kind));
        fixed64(out, 7, span.began_us * 1_000);
        fixed64(out, 8, span.ended_us * 1_000);
        for (name, value) in &span.attributes {
            attribute(out, 9, name, value);
        }
        for (at_us, name) in &span.events {
            message(out, 11, |out| {
                fixed64(out, 1, at_us * 1_000);
                text(out, 2, name.as_bytes());
            });
        }
        if !span.error.is_empty() {
            message(out, 15, |out| {
                text(out, 2, span.error.as_bytes());
                number(out, 3, ERROR);
            });
        }
        fixed32(out, 16, SAMPLED);
    });
}

fn kind(kind: Kind) -> u64 {
    match kind {
        Kind::Internal => 1,
        Kind::Server => 2,
        Kind::Client => 3,
    }
}
