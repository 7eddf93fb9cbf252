//! The status of a call: what it is called, what stands for an answer that has none, and how its message is written.

use crate::exchange::Head;

/// The words for codes, by their number.
pub(crate) const STATUS_WORDS: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
/// Longest message that is written; sentences of ours are shorter.
const MOST_MESSAGE_BYTES: usize = 1024;

/// A code by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(u8);

impl Status {
    /// What stands for an answer of HTTP, by its status and the gateway's own reason for it (L3).
    ///
    /// Source: `http-grpc-status-mapping.md` of the gRPC project; where the gateway knows better than a client could,
    /// it says so: a deadline that has passed, a message that is too large, a client's own fault.
    pub(crate) fn of_http(status: u16, reason: &str) -> Self {
        Self(match (status, reason) {
            (400, "grpc_timeout") => 3,
            (400, _) => 13,
            (401, _) => 16,
            (403, _) => 7,
            (404 | 405 | 501, _) => 12,
            (408 | 504, _) => 4,
            (413, _) => 8,
            (499, _) => 1,
            (421 | 429 | 502 | 503, _) => 14,
            (500, _) if !reason.is_empty() => 13,
            _ => 2,
        })
    }

    /// What fields behind a body say, or those of an answer without one.
    pub(crate) fn in_head(head: &Head) -> Option<Self> {
        let text = str::from_utf8(head.get(b"grpc-status")?).ok()?;
        text.parse().ok().filter(|code| usize::from(*code) < STATUS_WORDS.len()).map(Self)
    }

    /// Its number.
    pub(crate) fn code(self) -> u8 {
        self.0
    }

    /// Whether it says that whoever was called has failed.
    ///
    /// Source: OpenTelemetry, semantic conventions of gRPC, status of spans of servers.
    pub(crate) fn is_server_error(self) -> bool {
        matches!(self.0, 2 | 4 | 12 | 13 | 14 | 15)
    }

    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        STATUS_WORDS.get(usize::from(self.0)).copied().unwrap_or_default()
    }

    /// Says it in a head, unless that says one; `message` is a sentence, where there is one.
    pub(crate) fn write(self, head: &mut Head, message: &str) {
        if head.get(b"grpc-status").is_some() {
            return;
        }
        head.set(b"grpc-status", itoa::Buffer::new().format(self.0).as_bytes());
        if !message.is_empty() {
            head.set(b"grpc-message", escaped(message).as_bytes());
        }
    }
}

/// A message as fields carry it: percent-encoded but for what can be seen.
pub(crate) fn escaped(message: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(message.len());
    for byte in message.bytes() {
        if out.len() >= MOST_MESSAGE_BYTES {
            break;
        }
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            out.push(char::from(byte));
        } else {
            let digit = |half: u8| char::from(DIGITS.get(usize::from(half)).copied().unwrap_or_default());
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l3_an_answer_of_http_has_a_status() {
        for (status, reason, expected) in [
            (503, "", "UNAVAILABLE"),
            (502, "upstream_closed", "UNAVAILABLE"),
            (504, "answer_timed_out", "DEADLINE_EXCEEDED"),
            (401, "", "UNAUTHENTICATED"),
            (403, "", "PERMISSION_DENIED"),
            (404, "no_route", "UNIMPLEMENTED"),
            (400, "grpc_timeout", "INVALID_ARGUMENT"),
            (400, "path", "INTERNAL"),
            (413, "body_too_large", "RESOURCE_EXHAUSTED"),
            (429, "", "UNAVAILABLE"),
            (499, "client_gone", "CANCELLED"),
            (500, "filter_failed", "INTERNAL"),
            (500, "", "UNKNOWN"),
            (200, "", "UNKNOWN"),
            (302, "", "UNKNOWN"),
        ] {
            assert_eq!(Status::of_http(status, reason).word(), expected, "{status} {reason}");
        }
    }

    #[test]
    fn a_status_is_read_where_it_is_one() {
        for (text, expected) in
            [("0", Some("OK")), ("16", Some("UNAUTHENTICATED")), ("17", None), ("-1", None), ("", None)]
        {
            let mut head = Head::default();
            head.add(b"grpc-status", text.as_bytes());
            assert_eq!(Status::in_head(&head).map(Status::word), expected, "{text}");
        }
    }

    #[test]
    fn a_message_is_escaped_and_bounded() {
        assert_eq!(escaped("no 100 % of grün\n"), "no 100 %25 of gr%C3%BCn%0A");
        assert!(escaped(&"ü".repeat(10_000)).len() <= MOST_MESSAGE_BYTES + 2);
    }
}
