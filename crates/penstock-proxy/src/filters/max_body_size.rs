//! `MaxBodySize`: turns away requests whose body is too large.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::here;
use super::{NativeFilter, Source};
use crate::exchange::Exchange;
use crate::pipeline::{Filter, Outcome, ResultId};
use crate::unit::Size;

/// Refuses a request whose body is larger than `limit`, with `413`.
///
/// A declared `Content-Length` is judged before any body byte is read. A body of unknown
/// length is counted as it streams and cut off at the limit. Of several limits the smallest
/// holds.
///
/// Results: `too_large`, for a declared length over the limit.
///
/// ```yaml
/// kind: MaxBodySize
/// limit: 1MiB
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "sometimes"))]
pub struct MaxBodySize {
    /// Largest body to accept.
    pub limit: Size,
}

const TOO_LARGE: ResultId = ResultId(0);

impl NativeFilter for MaxBodySize {
    const SOURCE: Source = here!();
    const RESULTS: &'static [&'static str] = &["too_large"];
}

impl Filter for MaxBodySize {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        let limit = self.limit.bytes();
        if exchange.request.declared_length.is_some_and(|declared| declared > limit) {
            exchange.refuse(413, "body_too_large", "the request's body is too large");
            return Outcome::Result(TOO_LARGE);
        }
        exchange.body_limit = Some(exchange.body_limit.map_or(limit, |other| other.min(limit)));
        Outcome::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(limit: u64, declared: Option<u64>, earlier: Option<u64>) -> (Exchange, Outcome) {
        let mut exchange = Exchange { body_limit: earlier, ..Exchange::default() };
        exchange.request.declared_length = declared;
        let outcome = MaxBodySize { limit: Size::of_bytes(limit) }.on_request(&mut exchange);
        (exchange, outcome)
    }

    #[test]
    fn a_declared_length_over_the_limit_is_refused() {
        let (exchange, outcome) = run(10, Some(11), None);
        assert!(matches!(outcome, Outcome::Result(TOO_LARGE)));
        assert_eq!((exchange.response.status, exchange.reason), (413, "body_too_large"));
    }

    #[test]
    fn a_body_within_the_limit_or_of_unknown_length_is_bounded() {
        for (declared, earlier, expected) in
            [(Some(10), None, 10), (None, None, 10), (None, Some(4), 4), (None, Some(40), 10)]
        {
            let (exchange, outcome) = run(10, declared, earlier);
            assert!(matches!(outcome, Outcome::Continue));
            assert_eq!((exchange.body_limit, exchange.is_answered()), (Some(expected), false));
        }
    }
}
