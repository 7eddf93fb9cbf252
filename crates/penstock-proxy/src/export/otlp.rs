//! What all data of OpenTelemetry has in common: whose it is, and attributes.
//!
//! Source: opentelemetry-proto 1.x, `common.proto` and `resource.proto`.

use super::protobuf::{bytes, message, number, text};

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Text(&'a [u8]),
    Owned(Vec<u8>),
    Number(i64),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.as_bytes())
    }
}

/// Writes an attribute as a field of a message.
pub(crate) fn attribute(out: &mut Vec<u8>, field: u32, name: &str, value: &Value<'_>) {
    message(out, field, |out| {
        bytes(out, 1, name.as_bytes());
        message(out, 2, |out| match value {
            Value::Text(value) => text(out, 1, value),
            Value::Owned(value) => text(out, 1, value),
            Value::Number(value) => number(out, 3, value.cast_unsigned()),
        });
    });
}

/// The message that says whose data it is, without its tag.
pub(crate) fn resource<'a>(attributes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in attributes {
        attribute(&mut out, 1, name, &value.into());
    }
    out
}

/// The whole of a request: records, each a field 2 already, under a resource and the scope that is this gateway.
/// Traces, logs and metrics are the same but for what a record is.
pub(crate) fn request(resource: &[u8], records: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(resource.len() + records.len() + 64);
    message(&mut out, 1, |out| {
        bytes(out, 1, resource);
        message(out, 2, |out| {
            message(out, 1, |out| {
                bytes(out, 1, b"penstock");
                bytes(out, 2, env!("CARGO_PKG_VERSION").as_bytes());
            });
            out.extend_from_slice(records);
        });
    });
    out
}

/// The field in which a request has each of its records.
pub(crate) const RECORD: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_messages_of_a_name_and_a_value() {
        let mut out = Vec::new();
        attribute(&mut out, 9, "a", &Value::Number(-1));
        assert_eq!(out, b"\x4a\x10\x0a\x01a\x12\x0b\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
        assert_eq!(resource([("k", "v")]), b"\x0a\x08\x0a\x01k\x12\x03\x0a\x01v");
    }
}
