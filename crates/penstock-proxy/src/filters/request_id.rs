//! `RequestId`: decides where a request's id comes from and who is told.

use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::here;
use super::{FieldName, NativeFilter, Source};
use crate::exchange::{Exchange, Name};
use crate::pipeline::{Filter, Outcome};

/// Changes how requests get their id and which header carries it.
///
/// Every request has an id even without this filter: the one in `x-request-id` where a
/// trusted proxy sent it, else a new one, and the upstream is told it in that header. This
/// filter names another header, may refuse ids from outside, and may tell the client too.
///
/// An id is kept only from a trusted proxy, and only if it is 1 to 128 visible ASCII
/// characters. A new one is 32 hex digits.
///
/// ```yaml
/// kind: RequestId
/// header: x-correlation-id
/// answer: true
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "never"))]
pub struct RequestId {
    /// Header that carries the id.
    #[serde(default = "x_request_id")]
    pub header: FieldName,
    /// Whether an id that a trusted proxy sent is kept.
    #[serde(default = "yes")]
    pub keep: bool,
    /// Whether the client is told the id in its answer.
    #[serde(default)]
    pub answer: bool,
}

/// Longest id that is kept.
const LONGEST: usize = 128;

fn x_request_id() -> FieldName {
    FieldName::of(Name::X_REQUEST_ID)
}

fn yes() -> bool {
    true
}

impl NativeFilter for RequestId {
    const SOURCE: Source = here!();
}

impl Filter for RequestId {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        let request = &mut exchange.request;
        if request.client.is_trusted {
            let sent = request.head.get(self.header.bytes()).filter(|_| self.keep).and_then(acceptable);
            match sent {
                Some(id) => id.clone_into(&mut request.id),
                None if self.keep && self.is_usual() => {}
                None => make_id(&mut request.id),
            }
        }
        if !self.is_usual() {
            request.head.remove(Name::X_REQUEST_ID.text().as_bytes());
        }
        request.head.set(self.header.bytes(), request.id.as_bytes());
        Outcome::Continue
    }

    fn on_response(&self, exchange: &mut Exchange) -> Outcome {
        if self.answer {
            exchange.response.head.set(self.header.bytes(), exchange.request.id.as_bytes());
        }
        Outcome::Continue
    }
}

impl RequestId {
    fn is_usual(&self) -> bool {
        Name::of(self.header.bytes()) == Name::X_REQUEST_ID
    }
}

fn acceptable(value: &[u8]) -> Option<&str> {
    let is_plain = (1..=LONGEST).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
    is_plain.then(|| str::from_utf8(value).ok()).flatten()
}

/// Writes a new id: two numbers of the standard library's randomly keyed hash.
fn make_id(id: &mut String) {
    id.clear();
    for _ in 0..2 {
        // Writing to a `String` does not fail.
        let _ = write!(id, "{:016x}", RandomState::new().hash_one(()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(filter: &RequestId, is_trusted: bool, fields: &[(&str, &str)]) -> Exchange {
        let mut exchange = Exchange::default();
        exchange.request.client.is_trusted = is_trusted;
        exchange.request.id = "made".into();
        for (name, value) in fields {
            exchange.request.head.add(name.as_bytes(), value.as_bytes());
        }
        filter.on_request(&mut exchange);
        exchange.answer(200, crate::exchange::LocalBody::Empty);
        filter.on_response(&mut exchange);
        exchange
    }

    fn filter(settings: serde_json::Value) -> RequestId {
        serde_json::from_value(settings).unwrap()
    }

    #[test]
    fn an_id_is_kept_from_a_trusted_proxy_only() {
        let filter = filter(serde_json::json!({"header": "X-Correlation-Id", "answer": true}));
        let fields = [("x-correlation-id", "theirs"), ("x-request-id", "made")];
        for (is_trusted, expected) in [(true, "theirs"), (false, "made")] {
            let exchange = run(&filter, is_trusted, &fields);
            assert_eq!(exchange.request.id, expected);
            let sent: Vec<_> = exchange.request.head.all(b"x-correlation-id").collect();
            assert_eq!(sent, [expected.as_bytes()]);
            assert_eq!(exchange.request.head.get(b"x-request-id"), None);
            assert_eq!(exchange.response.head.get(b"x-correlation-id"), Some(expected.as_bytes()));
        }
    }

    #[test]
    fn an_id_that_could_break_a_log_is_replaced() {
        let filter = filter(serde_json::json!({"header": "x-correlation-id"}));
        for odd in ["", "a b", "caf\u{e9}", &"x".repeat(129)] {
            let exchange = run(&filter, true, &[("x-correlation-id", odd)]);
            assert_eq!(exchange.request.id.len(), 32, "{odd:?}");
            assert_eq!(exchange.response.head.get(b"x-correlation-id"), None);
        }
    }

    #[test]
    fn with_keep_off_every_id_is_new() {
        let filter = filter(serde_json::json!({"keep": false}));
        let (one, other) = (run(&filter, true, &[("x-request-id", "made")]), run(&filter, true, &[]));
        assert_ne!(one.request.id, "made");
        assert_ne!(one.request.id, other.request.id);
        assert_eq!(one.request.head.first(Name::X_REQUEST_ID), Some(one.request.id.as_bytes()));
        assert_eq!(run(&filter, false, &[]).request.id, "made");
    }
}
