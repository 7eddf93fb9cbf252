//! Lines of an access log as records of OpenTelemetry.
//!
//! Source: opentelemetry-proto 1.x, `logs.proto`; semantic conventions of HTTP.

use serde_json::{Map, Value as Json};

use super::otlp::{RECORD, Value, attribute};
use super::protobuf::{bytes, fixed64, message, number};

/// Fields of a record.
const TIME: u32 = 1;
const SEVERITY: u32 = 2;
const SEVERITY_TEXT: u32 = 3;
const BODY: u32 = 5;
const ATTRIBUTES: u32 = 6;
const TRACE_ID: u32 = 9;
const SPAN_ID: u32 = 10;
/// Severities: their numbers and words.
const INFO: (u64, &str) = (9, "INFO");
const ERROR: (u64, &str) = (17, "ERROR");
/// What the conventions call what the log has.
const NAMES: [(&str, &str); 9] = [
    ("client", "client.address"),
    ("method", "http.request.method"),
    ("host", "server.address"),
    ("path", "url.path"),
    ("query", "url.query"),
    ("status", "http.response.status_code"),
    ("user_agent", "user_agent.original"),
    ("tls_version", "tls.protocol.version"),
    ("tls_cipher", "tls.cipher"),
];

/// Each line as a record, one after another; a line that is no object of JSON is the body of one.
pub(super) fn records(lines: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(lines.len());
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        message(&mut out, RECORD, |out| match serde_json::from_slice(line) {
            Ok(members) => write_members(out, &members),
            Err(_) => write_record(out, INFO, line),
        });
    }
    out
}

fn write_members(out: &mut Vec<u8>, members: &Map<String, Json>) {
    let text = |name: &str| members.get(name).and_then(Json::as_str).unwrap_or_default();
    if let Some(nanos) = nanos(text("time")) {
        fixed64(out, TIME, nanos);
    }
    let status = members.get("status").and_then(Json::as_u64).unwrap_or_default();
    let body = format!("{} {} {status}", text("method"), text("path"));
    write_record(out, if status >= 500 { ERROR } else { INFO }, body.trim().as_bytes());
    for (name, value) in members {
        match (name.as_str(), value) {
            ("time", _) | (_, Json::Null) => {}
            ("trace_id", Json::String(hex)) => write_id(out, TRACE_ID, hex, 16),
            ("span_id", Json::String(hex)) => write_id(out, SPAN_ID, hex, 8),
            _ => write_attribute(out, name, value),
        }
    }
}

fn write_record(out: &mut Vec<u8>, (severity, word): (u64, &str), body: &[u8]) {
    number(out, SEVERITY, severity);
    bytes(out, SEVERITY_TEXT, word.as_bytes());
    message(out, BODY, |out| bytes(out, 1, String::from_utf8_lossy(body).as_bytes()));
}

fn write_attribute(out: &mut Vec<u8>, name: &str, value: &Json) {
    let known = NAMES.iter().find(|(own, _)| *own == name).map(|(_, name)| (*name).to_owned());
    let name = known.unwrap_or_else(|| format!("penstock.{name}"));
    let whole = value.as_i64();
    match (whole, value.as_f64(), value.as_str()) {
        (Some(number), ..) => attribute(out, ATTRIBUTES, &name, &Value::Number(number)),
        (None, Some(number), _) => message(out, ATTRIBUTES, |out| {
            bytes(out, 1, name.as_bytes());
            message(out, 2, |out| fixed64(out, 4, number.to_bits()));
        }),
        (.., Some(text)) if !text.is_empty() => attribute(out, ATTRIBUTES, &name, &text.into()),
        _ => {}
    }
}

fn write_id(out: &mut Vec<u8>, field: u32, hex: &str, length: usize) {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let pairs = hex.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    if let Some(id) = pairs.collect::<Option<Vec<u8>>>().filter(|id| id.len() == length) {
        bytes(out, field, &id);
    }
}

/// Nanoseconds since 1970 of a time as lines have it, `2023-11-14T22:13:20.123Z`.
///
/// Source: "chrono-Compatible Low-Level Date Algorithms" (Howard Hinnant), `days_from_civil`.
fn nanos(text: &str) -> Option<u64> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second, millis) = (part(11, 13)?, part(14, 16)?, part(17, 19)?, part(20, 23)?);
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let days = (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year).checked_sub(719_468)?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    Some((seconds * 1000 + millis) * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_nanoseconds_since_1970() {
        for (text, expected) in [
            ("1970-01-01T00:00:00.001Z", Some(1_000_000)),
            ("2023-11-14T22:13:20.123Z", Some(1_700_000_000_123_000_000)),
            ("2024-02-29T00:00:00.000Z", Some(1_709_164_800_000_000_000)),
            ("1969-12-31T23:59:59.999Z", None),
            ("", None),
            ("yesterday", None),
        ] {
            assert_eq!(nanos(text), expected, "{text}");
        }
    }

    #[test]
    fn a_line_is_a_record_with_the_names_of_the_conventions() {
        let line = br#"{"time":"1970-01-01T00:00:00.001Z","method":"GET","path":"/a","status":503,"x":"","n":1,"span_id":"00f067aa0ba902b7"}"#;
        let mut expected = Vec::new();
        message(&mut expected, RECORD, |out| {
            fixed64(out, TIME, 1_000_000);
            write_record(out, ERROR, b"GET /a 503");
            attribute(out, ATTRIBUTES, "http.request.method", &"GET".into());
            attribute(out, ATTRIBUTES, "penstock.n", &Value::Number(1));
            attribute(out, ATTRIBUTES, "url.path", &"/a".into());
            bytes(out, SPAN_ID, &[0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
            attribute(out, ATTRIBUTES, "http.response.status_code", &Value::Number(503));
        });
        assert_eq!(records(line), expected);
    }

    #[test]
    fn a_line_that_is_no_object_is_a_body() {
        let mut expected = Vec::new();
        message(&mut expected, RECORD, |out| write_record(out, INFO, b"plain text"));
        assert_eq!(records(b"plain text\n\n"), expected);
    }
}
