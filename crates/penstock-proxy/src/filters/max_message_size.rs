//! `MaxMessageSize`: turns away calls of gRPC with messages that are too large.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::here;
use super::{NativeFilter, Source};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::grpc::{Messages, is_encoded};
use crate::pipeline::{Filter, Outcome, ResultId};
use crate::unit::Size;

/// Ends a call of gRPC with `RESOURCE_EXHAUSTED` when one of its messages is larger than `limit`.
///
/// Each message of the request is judged by the length before it, and nothing of one that is refused leaves. A message
/// that says it is compressed where `grpc-encoding` does not say how ends the call with `UNIMPLEMENTED`. Sizes are those
/// of what is sent: the gateway does not unpack messages. Other requests pass untouched; of several limits the smallest
/// holds. Behind `GrpcWeb` it judges calls of browsers too.
///
/// Results: `refused`, for a message of a body that was read whole before.
///
/// ```yaml
/// kind: MaxMessageSize
/// limit: 4MiB
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "sometimes"))]
pub struct MaxMessageSize {
    /// Largest message to accept.
    pub limit: Size,
}

const REFUSED: ResultId = ResultId(0);

impl NativeFilter for MaxMessageSize {
    const SOURCE: Source = here!();
    const RESULTS: &'static [&'static str] = &["refused"];
}

impl Filter for MaxMessageSize {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        if exchange.grpc.is_none() {
            return Outcome::Continue;
        }
        let limit = exchange.message_limit.map_or(self.limit.bytes(), |other| other.min(self.limit.bytes()));
        exchange.message_limit = Some(limit);
        let Some(body) = &exchange.buffered_body else { return Outcome::Continue };
        let Err(fault) = Messages::new(limit, is_encoded(&exchange.request)).follow(body) else {
            return Outcome::Continue;
        };
        let failure = Failure::Message(fault);
        let verdict = failure.verdict();
        exchange.refuse(verdict.status, verdict.reason, &failure.to_string());
        Outcome::Result(REFUSED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::Call;

    fn run(grpc: Option<Call>, earlier: Option<u64>, body: Option<&[u8]>) -> (Exchange, Outcome) {
        let buffered_body = body.map(<[u8]>::to_vec);
        let mut exchange = Exchange { grpc, message_limit: earlier, buffered_body, ..Exchange::default() };
        let outcome = MaxMessageSize { limit: Size::of_bytes(3) }.on_request(&mut exchange);
        (exchange, outcome)
    }

    #[test]
    fn the_smallest_limit_holds_and_for_calls_alone() {
        for (grpc, earlier, expected) in [
            (Some(Call::Native), None, Some(3)),
            (Some(Call::Native), Some(2), Some(2)),
            (Some(Call::Web), Some(9), Some(3)),
            (None, None, None),
        ] {
            let (exchange, outcome) = run(grpc, earlier, None);
            assert!(matches!(outcome, Outcome::Continue));
            assert_eq!(exchange.message_limit, expected);
        }
    }

    #[test]
    fn a_body_that_is_there_is_judged_at_once() {
        for (body, reason) in [
            (&b"\0\0\0\0\x03abc"[..], ""),
            (b"\0\0\0\0\x04abcd", "grpc_message_too_large"),
            (b"\x01\0\0\0\x01a", "grpc_message_compressed"),
            (b"\x02\0\0\0\x01a", "grpc_message"),
        ] {
            let (exchange, outcome) = run(Some(Call::WebText), None, Some(body));
            assert_eq!((matches!(outcome, Outcome::Continue), exchange.reason), (reason.is_empty(), reason));
        }
    }
}
