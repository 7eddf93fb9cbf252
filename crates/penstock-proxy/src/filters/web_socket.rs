//! `WebSocket`: says who may open WebSocket connections, and what passes through them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::here;
use super::{NativeFilter, SettingProblem, Source};
use crate::exchange::{Exchange, Name};
use crate::pipeline::{Filter, Outcome, ResultId};
use crate::unit::{Duration, Size};
use crate::websocket::{Limits, asks_for_websocket};

/// The entry of `origins` that stands for requests without `Origin`.
const NONE: &str = "none";

/// Says who may open WebSocket connections, and what passes through them.
///
/// Requests that ask for no WebSocket connection pass untouched.
///
/// With `origins`, a request whose `Origin` is not in the list is answered with `403`: a page of a stranger could
/// else open a connection with the cookies of whoever looks at it. An entry is a scheme, a host and maybe a port;
/// `https://*.example.com` stands for every host below, and `none` for requests without `Origin`, which no browser
/// sends.
///
/// A frame over `max_frame`, or with which its message goes over `max_message`, does not pass: both sides get a
/// close with code 1009. Sizes are those of what is sent: the gateway does not unpack compressed messages. With
/// either, both sides are held to the rules of the protocol as well, and get a close with code 1002.
///
/// With `ping`, a side that was silent for so long is sent a ping, and if it stays silent for as long again both
/// get a close with code 1001.
///
/// Results: `foreign_origin`, for a request that was answered with 403.
///
/// ```yaml
/// kind: WebSocket
/// origins: ["https://shop.example.com"]
/// max_message: 1MiB
/// ping: 30s
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "sometimes"))]
pub struct WebSocket {
    /// Origins from which connections may be opened; absent: all.
    #[serde(default)]
    pub origins: Option<Vec<String>>,
    /// Largest message, over all its frames.
    #[serde(default)]
    pub max_message: Option<Size>,
    /// Largest frame.
    #[serde(default)]
    pub max_frame: Option<Size>,
    /// Silence after which a side is asked whether it is there.
    #[serde(default)]
    pub ping: Option<Duration>,
}

const FOREIGN_ORIGIN: ResultId = ResultId(0);

impl NativeFilter for WebSocket {
    const SOURCE: Source = here!();
    const RESULTS: &'static [&'static str] = &["foreign_origin"];

    fn problems(&self) -> Vec<SettingProblem> {
        let origins = self.origins.as_deref().unwrap_or_default().iter().enumerate();
        let wrong = origins.filter(|(_, origin)| !is_entry(origin));
        let mut problems: Vec<_> = wrong
            .map(|(index, origin)| {
                let hint = "write a scheme and a host, such as `https://shop.example.com`";
                SettingProblem::new(format!("origins[{index}]"), format!("`{origin}` is no origin"), hint)
            })
            .collect();
        if self.ping.is_some_and(|ping| ping.millis() == 0) {
            problems.push(SettingProblem::new("ping", "an interval of nothing", "leave it out, or write `30s`"));
        }
        problems
    }
}

impl Filter for WebSocket {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        if !asks_for_websocket(&exchange.request) {
            return Outcome::Continue;
        }
        if !self.takes(exchange) {
            exchange.refuse(403, "foreign_origin", "this origin may open no WebSocket connection here");
            return Outcome::Result(FOREIGN_ORIGIN);
        }
        let limits = Limits {
            message_bytes: self.max_message.map(Size::bytes),
            frame_bytes: self.max_frame.map(Size::bytes),
            ping_ms: self.ping.map(Duration::millis),
        };
        exchange.websocket = exchange.websocket.and(limits);
        Outcome::Continue
    }
}

impl WebSocket {
    fn takes(&self, exchange: &Exchange) -> bool {
        let Some(entries) = &self.origins else { return true };
        let mut origins = exchange.request.head.known(Name::ORIGIN);
        match (origins.next(), origins.next()) {
            (None, _) => entries.iter().any(|entry| entry == NONE),
            (Some(origin), None) => entries.iter().any(|entry| entry != NONE && stands_for(entry, origin)),
            (Some(_), Some(_)) => false,
        }
    }
}

/// Whether an entry can stand for an origin: a scheme and an authority, without a path.
fn is_entry(entry: &str) -> bool {
    let is_text = |text: &str| !text.is_empty() && !text.contains(['/', '*', '?', '#', '@', ' ']);
    let parts = entry.split_once("://");
    let is_origin = parts.is_some_and(|(scheme, host)| is_text(scheme) && is_text(host.strip_prefix("*.").unwrap_or(host)));
    is_origin || entry == NONE
}

fn stands_for(entry: &str, origin: &[u8]) -> bool {
    let Some((scheme, parent)) = entry.split_once("://*") else {
        return origin.eq_ignore_ascii_case(entry.as_bytes());
    };
    let host = origin.get(scheme.len()..).and_then(|rest| rest.strip_prefix(b"://"));
    let is_scheme = origin.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()));
    let is_below = |host: &[u8]| {
        let start = host.len().checked_sub(parent.len()).filter(|start| *start > 0);
        start.and_then(|start| host.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(parent.as_bytes()))
    };
    is_scheme && host.is_some_and(is_below)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(origins: &[&str], fields: &[(&str, &str)]) -> Exchange {
        let filter: WebSocket = serde_json::from_value(json!({"origins": origins, "max_message": 100})).unwrap();
        assert_eq!(filter.problems(), []);
        let mut exchange = Exchange::default();
        for (name, value) in fields {
            exchange.request.head.add(name.as_bytes(), value.as_bytes());
        }
        let outcome = filter.on_request(&mut exchange);
        assert_eq!(exchange.is_answered(), matches!(outcome, Outcome::Result(FOREIGN_ORIGIN)));
        exchange
    }

    #[test]
    fn an_origin_is_taken_that_an_entry_stands_for() {
        for (entry, origin, expected) in [
            ("https://a.test", "https://a.test", true),
            ("https://a.test", "HTTPS://A.test", true),
            ("https://a.test", "http://a.test", false),
            ("https://a.test", "https://a.test:444", false),
            ("https://a.test", "https://a.test.evil.test", false),
            ("https://a.test", "null", false),
            ("https://*.a.test", "https://b.a.test", true),
            ("https://*.a.test", "https://a.test", false),
            ("https://*.a.test", "https://.a.test", false),
            ("https://*.a.test", "https://evila.test", false),
            ("https://*.a.test", "http://b.a.test", false),
            ("none", "none", false),
        ] {
            let exchange = run(&[entry], &[("upgrade", "websocket"), ("origin", origin)]);
            assert_eq!(!exchange.is_answered(), expected, "{entry} for {origin}");
        }
    }

    #[test]
    fn no_origin_is_taken_where_the_list_says_none_and_two_never() {
        assert!(!run(&["none"], &[("upgrade", "websocket")]).is_answered());
        assert!(run(&["https://a.test"], &[("upgrade", "websocket")]).is_answered());
        let two = [("upgrade", "websocket"), ("origin", "https://a.test"), ("origin", "https://a.test")];
        assert!(run(&["https://a.test"], &two).is_answered());
    }

    #[test]
    fn a_request_that_asks_for_no_websocket_passes_untouched() {
        let exchange = run(&["https://a.test"], &[("origin", "https://evil.test")]);
        assert_eq!((exchange.is_answered(), exchange.websocket), (false, Limits::default()));
    }

    #[test]
    fn of_several_limits_the_smallest_holds() {
        let filter: WebSocket = serde_json::from_value(json!({"max_message": 100, "ping": 5000})).unwrap();
        let mut exchange = Exchange::default();
        exchange.request.head.add(b"upgrade", b"websocket");
        exchange.websocket = Limits { message_bytes: Some(7), frame_bytes: Some(8), ping_ms: None };
        assert!(matches!(filter.on_request(&mut exchange), Outcome::Continue));
        let expected = Limits { message_bytes: Some(7), frame_bytes: Some(8), ping_ms: Some(5000) };
        assert_eq!(exchange.websocket, expected);
    }

    #[test]
    fn what_is_no_origin_is_told() {
        for entry in ["a.test", "https://", "https://a.test/", "https://a*.test", "*", "https://u@a.test"] {
            let filter: WebSocket = serde_json::from_value(json!({"origins": [entry]})).unwrap();
            assert_eq!(filter.problems().len(), 1, "{entry}");
        }
    }
}
