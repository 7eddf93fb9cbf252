//! A batch as a post over HTTP/1.1.

use std::io;
use std::time::Duration;

use super::collector::{Collector, Intake};
use super::exporter::Delivery;
use super::link::Link;
use super::partial_success::rejected;
use crate::exchange::{Method, Name, Response};
use crate::http1::{Framing, parse_response, write_fields, write_number};

/// Largest head of an answer, and the most that is read of its body.
const MOST_HEAD: usize = 16 << 10;
const MOST_BODY: u64 = 64 << 10;

/// Posts a body, and says what came of it and whether the connection can carry another.
///
/// # Errors
/// No answer came in time, or none that could be understood.
pub(super) fn post(
    link: &mut Link,
    collector: &Collector,
    intake: Intake,
    body: &[u8],
) -> io::Result<(Delivery, bool)> {
    link.send(&request(collector, intake, body))?;
    let (mut came, mut response) = (Vec::new(), Response::default());
    loop {
        link.receive(&mut came)?;
        let parsed = parse_response(&came, MOST_HEAD, Method::Post, &mut response);
        let Some(info) = parsed.map_err(|_| io::ErrorKind::InvalidData)? else { continue };
        if (100..200).contains(&response.status) {
            // Nothing was asked for that an interim answer could grant.
            return Err(io::ErrorKind::InvalidData.into());
        }
        let left = match info.framing {
            Framing::None => Some(0),
            Framing::Length(length) if length <= MOST_BODY => Some(length as usize),
            _ => None,
        };
        let is_kept = match left {
            Some(length) => read_rest(link, &mut came, info.length + length)? && !info.options.close,
            None => false,
        };
        let body = came.get(info.length..).filter(|_| left.is_some()).unwrap_or_default();
        return Ok((judged(&response, if intake.is_otlp() { body } else { b"" }), is_kept));
    }
}

/// Reads until so much has come; false: there is more than that.
fn read_rest(link: &mut Link, came: &mut Vec<u8>, length: usize) -> io::Result<bool> {
    while came.len() < length {
        link.receive(came)?;
    }
    Ok(came.len() == length)
}

fn request(collector: &Collector, intake: Intake, body: &[u8]) -> Vec<u8> {
    let plan = &collector.plan;
    let mut out = Vec::with_capacity(body.len() + 512);
    for text in ["POST ", &plan.path, intake.path, " HTTP/1.1\r\nhost: ", &plan.host, "\r\ncontent-type: "] {
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(intake.content_type.as_bytes());
    out.extend_from_slice(b"\r\ncontent-length: ");
    write_number(&mut out, body.len() as u64);
    out.extend_from_slice(b"\r\nuser-agent: penstock\r\n");
    write_fields(&mut out, &collector.head, Name::HOST);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

/// Source: OpenTelemetry protocol specification, section "OTLP/HTTP response".
fn judged(response: &Response, body: &[u8]) -> Delivery {
    match response.status {
        200..=299 => Delivery::Taken { rejected: rejected(body) },
        429 | 502..=504 => Delivery::Later(retry_after(response)),
        _ => Delivery::Refused,
    }
}

/// Seconds; the other form, a date, is not believed: clocks differ.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.head.get(b"retry-after")?;
    str::from_utf8(text).ok()?.parse().ok().map(Duration::from_secs)
}
