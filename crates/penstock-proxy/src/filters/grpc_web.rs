//! `GrpcWeb`: makes calls of gRPC-Web calls of gRPC.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::here;
use super::{NativeFilter, Source};
use crate::exchange::{Exchange, Name};
use crate::grpc::{Call, decoded};
use crate::pipeline::{Filter, Outcome, ResultId};

/// Makes calls of gRPC-Web, as browsers make them, calls of gRPC.
///
/// Services are asked as any client of gRPC would ask them; messages pass as they come, and the status that stands
/// behind them becomes the end of the body. Both forms of gRPC-Web are served, binary and in base64
/// (`application/grpc-web-text`), over HTTP/1.1 and HTTP/2. The body of a request in base64 is read whole first, up to
/// the listener's `buffered_body`. Other requests pass untouched.
///
/// Results: `malformed`, for a body that is not base64 though it should be; it was answered.
///
/// ```yaml
/// kind: GrpcWeb
/// text: false
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "sometimes"))]
pub struct GrpcWeb {
    /// Whether calls in base64 are served; else they pass untouched.
    #[serde(default = "yes")]
    pub text: bool,
}

fn yes() -> bool {
    true
}

const MALFORMED: ResultId = ResultId(0);

impl NativeFilter for GrpcWeb {
    const SOURCE: Source = here!();
    const RESULTS: &'static [&'static str] = &["malformed"];
}

impl Filter for GrpcWeb {
    fn buffers_body(&self, exchange: &Exchange) -> bool {
        self.text && matches!(Call::of_web(&exchange.request), Some((Call::WebText, _)))
    }

    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        let found = Call::of_web(&exchange.request).filter(|(call, _)| self.text || *call == Call::Web);
        let Some((call, format)) = found else { return Outcome::Continue };
        let content_type = [Call::Native.content_type(), format].concat();
        exchange.grpc = Some(call);
        if call == Call::WebText {
            let Some(messages) = exchange.buffered_body.as_deref().and_then(decoded) else {
                exchange.refuse(400, "grpc_web_text", "the body is not base64");
                return Outcome::Result(MALFORMED);
            };
            exchange.buffered_body = Some(messages);
        }
        let head = &mut exchange.request.head;
        head.set_named(Name::CONTENT_TYPE, b"content-type", &content_type);
        head.remove(b"x-grpc-web");
        Outcome::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Method;

    fn run(content_type: &str, body: &[u8]) -> (Exchange, Outcome) {
        let mut exchange = Exchange { buffered_body: Some(body.to_vec()), ..Exchange::default() };
        exchange.request.method = Method::Post;
        exchange.request.head.add(b"content-type", content_type.as_bytes());
        let outcome = GrpcWeb { text: true }.on_request(&mut exchange);
        (exchange, outcome)
    }

    #[test]
    fn a_call_of_grpc_web_becomes_one_of_grpc() {
        for (content_type, expected, call) in [
            ("application/grpc-web", "application/grpc", Call::Web),
            ("application/grpc-web+proto", "application/grpc+proto", Call::Web),
            ("application/grpc-web-text", "application/grpc", Call::WebText),
            ("application/grpc-web-text+json", "application/grpc+json", Call::WebText),
        ] {
            let (exchange, outcome) = run(content_type, b"Zm9v");
            assert!(matches!(outcome, Outcome::Continue));
            assert_eq!(exchange.request.head.first(Name::CONTENT_TYPE), Some(expected.as_bytes()));
            assert_eq!(exchange.grpc, Some(call));
            let body = if call == Call::WebText { &b"foo"[..] } else { b"Zm9v" };
            assert_eq!(exchange.buffered_body.as_deref(), Some(body));
        }
    }

    #[test]
    fn other_requests_pass_untouched() {
        for content_type in ["application/grpc", "application/grpc-webx", "application/json", "text/plain"] {
            let (exchange, outcome) = run(content_type, b"Zm9v");
            assert!(matches!(outcome, Outcome::Continue));
            assert_eq!(exchange.request.head.first(Name::CONTENT_TYPE), Some(content_type.as_bytes()));
            assert_eq!(exchange.grpc, None);
        }
        let mut exchange = Exchange::default();
        exchange.request.method = Method::Post;
        exchange.request.head.add(b"content-type", b"application/grpc-web-text");
        let filter = GrpcWeb { text: false };
        assert!(!filter.buffers_body(&exchange));
        assert!(matches!(filter.on_request(&mut exchange), Outcome::Continue));
        assert_eq!(exchange.grpc, None);
    }

    #[test]
    fn a_body_that_is_not_base64_is_refused() {
        let (exchange, outcome) = run("application/grpc-web-text", b"?");
        assert!(matches!(outcome, Outcome::Result(MALFORMED)));
        assert_eq!((exchange.response.status, exchange.reason), (400, "grpc_web_text"));
    }
}
