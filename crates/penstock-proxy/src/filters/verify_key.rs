//! `VerifyKey`: lets in who sends the key of a consumer.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::here;
use super::{FieldName, NativeFilter, SettingProblem, Source};
use crate::consumers::Consumers;
use crate::exchange::{Consumer, Exchange, Name, Request, percent_decoded};
use crate::pipeline::{Filter, ResultId};

/// Lets in requests that carry the key of a consumer, and says who it is.
///
/// The key is looked for in one place: a header, or a parameter of the query. One that is nobody's, or is there more
/// than once, is answered with `401`, and so is a request without one. With `allow` only some consumers are let in, by
/// name or by group; others are answered with `403`. Before the request goes on the key is taken away, also where
/// a result has a jump.
///
/// Conditions and templates further on know `consumer.name` and `consumer.groups["gold"]` of who was let in, the access
/// log has the field `consumer`. With `tell` the upstream is told the name; what a client itself sends in that header is always removed.
///
/// Where a result has a jump to a step there is no answer in hand: that step and those behind it decide. So
/// `on: {missing: anonymous}` serves strangers by other steps.
///
/// Results: `missing` (no key), `invalid` (nobody's, or more than one), `forbidden` (of somebody who is not allowed).
///
/// ```yaml
/// kind: VerifyKey
/// header: x-api-key
/// allow: {groups: [partners]}
/// tell: x-consumer
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "sometimes"))]
pub struct VerifyKey {
    /// Header that carries the key; without `query` it is `x-api-key`.
    #[serde(default)]
    pub header: Option<FieldName>,
    /// Parameter of the query that carries the key, in the place of a header.
    #[serde(default)]
    pub query: Option<String>,
    /// Whether the key is taken away before the request goes on.
    #[serde(default = "yes")]
    pub hide: bool,
    /// Who is let in; absent: every consumer.
    #[serde(default)]
    pub allow: Option<Allowed>,
    /// Header by which the upstream is told the consumer's name; absent: it is not told.
    #[serde(default)]
    pub tell: Option<FieldName>,
}

/// Who is let in: consumers that are named, and those of groups.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// Names of consumers.
    #[serde(default)]
    pub consumers: Vec<ConsumerName>,
    /// Names of groups.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// A consumer; in a plan, the key of its part.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("x-penstock-reference" = "consumer"))]
pub struct ConsumerName(pub String);

const MISSING: ResultId = ResultId(0);
const INVALID: ResultId = ResultId(1);
const FORBIDDEN: ResultId = ResultId(2);

/// The header where nothing is said.
const USUAL_HEADER: &[u8] = b"x-api-key";
/// What a request without a good key is told. No scheme is registered for keys; this one is what other gateways say.
const CHALLENGE: &[u8] = b"Key realm=\"gateway\"";

fn yes() -> bool {
    true
}

impl NativeFilter for VerifyKey {
    const SOURCE: Source = here!();
    const RESULTS: &'static [&'static str] = &["missing", "invalid", "forbidden"];

    fn problems(&self) -> Vec<SettingProblem> {
        let both = (self.header.is_some() && self.query.is_some())
            .then(|| SettingProblem::new("query", "`header` and `query` exclude each other", "keep one"));
        let unnamed = self.query.as_ref().filter(|name| name.is_empty()).map(|_| {
            SettingProblem::new("query", "a parameter needs a name", "write one, such as `apikey`")
        });
        let is_empty = |allow: &&Allowed| allow.consumers.is_empty() && allow.groups.is_empty();
        let nobody = self.allow.as_ref().filter(is_empty).map(|_| {
            SettingProblem::new("allow", "nobody is allowed", "name `consumers` or `groups`, or leave it out")
        });
        both.into_iter().chain(unnamed).chain(nobody).collect()
    }
}

/// The core runs this step itself: only the worker knows the consumers, which change without the steps.
impl Filter for VerifyKey {}

impl VerifyKey {
    /// Notes in the exchange whose request it is, and takes away what is not to go on; none: it is let in.
    pub(crate) fn verify(&self, exchange: &mut Exchange, consumers: &Consumers) -> Option<ResultId> {
        let request = &mut exchange.request;
        let found = self.found(request, consumers);
        request.consumer = None;
        if self.hide {
            match self.parameter() {
                Some(name) => request.remove_query(name),
                None => drop(request.head.remove(self.field())),
            }
        }
        if let Some(tell) = &self.tell {
            request.head.remove(tell.bytes());
        }
        match found {
            Err(result) => Some(result),
            Ok(consumer) if !self.allows(&consumer) => {
                request.forbidden = Some(consumer);
                Some(FORBIDDEN)
            }
            Ok(consumer) => {
                if let Some(tell) = &self.tell {
                    request.head.add(tell.bytes(), consumer.name.as_bytes());
                }
                request.consumer = Some(consumer);
                None
            }
        }
    }

    /// Answers a request that is not let in.
    pub(crate) fn refuse(exchange: &mut Exchange, result: ResultId) {
        match result {
            MISSING => exchange.refuse(401, "key_missing", "the request carries no key"),
            FORBIDDEN => exchange.refuse(403, "consumer_forbidden", "this consumer is not allowed here"),
            _ => exchange.refuse(401, "key_invalid", "the key is nobody's"),
        }
        if result != FORBIDDEN {
            exchange.response.head.add_known(Name::WWW_AUTHENTICATE, CHALLENGE);
        }
    }

    fn found(&self, request: &Request, consumers: &Consumers) -> Result<Arc<Consumer>, ResultId> {
        let known = |key: &[u8]| consumers.find(key).map(Arc::clone).ok_or(INVALID);
        match self.parameter() {
            Some(name) => known(&percent_decoded(only(request.query_values(name))?, true)),
            None => known(only(request.head.all(self.field()))?),
        }
    }

    fn parameter(&self) -> Option<&[u8]> {
        self.query.as_deref().map(str::as_bytes)
    }

    fn field(&self) -> &[u8] {
        self.header.as_ref().map_or(USUAL_HEADER, FieldName::bytes)
    }

    fn allows(&self, consumer: &Consumer) -> bool {
        let is_named = |key: &ConsumerName| key.0.strip_prefix("consumer/") == Some(&*consumer.name);
        let Some(allow) = &self.allow else { return true };
        allow.consumers.iter().any(is_named) || allow.groups.iter().any(|group| consumer.group(group).is_some())
    }
}

/// The one value that there is.
fn only<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<&'a [u8], ResultId> {
    match (values.next(), values.next()) {
        (None, _) => Err(MISSING),
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(INVALID),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::check;
    use super::*;
    use crate::consumers::tests::plan;

    const ALICE: &str = "key-of-alice-0001";
    const BOB: &str = "key of b&b";

    fn filter(settings: Value) -> VerifyKey {
        serde_json::from_value(check("VerifyKey", settings).unwrap()).unwrap()
    }

    /// A request with fields and a query, once the filter has seen it, and what it says.
    fn run(settings: Value, fields: &[(&str, &str)], query: &str) -> (Exchange, Option<ResultId>) {
        let plan = plan(&[("alice", &["gold", "eu"], &[ALICE]), ("bob", &[], &[BOB])]);
        let consumers = Consumers::build(&plan, None).unwrap();
        let mut exchange = Exchange::default();
        for (name, value) in fields {
            exchange.request.head.add(name.as_bytes(), value.as_bytes());
        }
        exchange.request.query = (!query.is_empty()).then(|| exchange.request.head.intern(query.as_bytes()));
        let result = filter(settings).verify(&mut exchange, &consumers);
        (exchange, result)
    }

    fn name(exchange: &Exchange) -> &str {
        exchange.request.consumer.as_ref().map_or("", |consumer| &consumer.name)
    }

    #[test]
    fn f12_a_key_is_looked_for_in_one_place_and_has_to_be_there_once() {
        for (settings, fields, query, expected) in [
            (json!({}), &[("X-Api-Key", ALICE)][..], "", Ok("alice")),
            (json!({"header": "authorization"}), &[("authorization", BOB)], "", Ok("bob")),
            (json!({"query": "k"}), &[], "k=key-of-alice-0001", Ok("alice")),
            (json!({"query": "k"}), &[], "a=1&%6b=key+of%20b%26b&c", Ok("bob")),
            (json!({}), &[], "x-api-key=key-of-alice-0001", Err(MISSING)),
            (json!({"query": "k"}), &[("x-api-key", ALICE), ("k", ALICE)], "", Err(MISSING)),
            (json!({"query": "k"}), &[], "a=1;k=key-of-alice-0001", Err(MISSING)),
            (json!({}), &[("x-api-key", "")], "", Err(INVALID)),
            (json!({}), &[("x-api-key", "key-of-alice-000")], "", Err(INVALID)),
            (json!({}), &[("x-api-key", ALICE), ("X-API-Key", ALICE)], "", Err(INVALID)),
            (json!({"query": "k"}), &[], "k=key-of-alice-0001&k=key-of-alice-0001", Err(INVALID)),
            (json!({"query": "k"}), &[], "k", Err(INVALID)),
        ] {
            let (exchange, result) = run(settings.clone(), fields, query);
            let found = result.map_or_else(|| Ok(name(&exchange)), Err);
            assert_eq!(found, expected, "{settings} {fields:?} {query}");
        }
    }

    #[test]
    fn f12_the_key_goes_no_further_whatever_becomes_of_it() {
        let fields = |key| [("x-api-key", key), ("X-Api-KEY", key), ("x", "1")];
        for fields in [&fields(ALICE)[1..], &fields(ALICE), &fields("wrong")] {
            let (exchange, _) = run(json!({}), fields, "");
            assert_eq!(exchange.request.head.get(b"x-api-key"), None);
            assert_eq!(exchange.request.head.get(b"x"), Some(&b"1"[..]));
        }
        for (query, left) in [
            ("k=a", None),
            ("k=a&k", None),
            ("a=1&k=a&b=2", Some("a=1&b=2")),
            ("%6B=a&kk=1&K=2", Some("kk=1&K=2")),
            ("a=%26&k=a&k=b", Some("a=%26")),
        ] {
            let (exchange, _) = run(json!({"query": "k"}), &[], query);
            assert_eq!(exchange.request.query.is_some(), left.is_some());
            assert_eq!(exchange.request.query_text(), left.unwrap_or_default().as_bytes(), "{query}");
        }
        let (exchange, _) = run(json!({"hide": false}), &[("x-api-key", ALICE)], "");
        assert_eq!(exchange.request.head.get(b"x-api-key"), Some(ALICE.as_bytes()));
    }

    #[test]
    fn some_are_allowed_by_name_and_some_by_group() {
        for (allow, alice, bob) in [
            (json!({"consumers": ["consumer/bob"]}), false, true),
            (json!({"groups": ["eu"]}), true, false),
            (json!({"groups": ["silver"], "consumers": ["consumer/alice"]}), true, false),
            (json!({"groups": ["alice", "GOLD"], "consumers": ["bob"]}), false, false),
        ] {
            for (key, is_allowed) in [(ALICE, alice), (BOB, bob)] {
                let (exchange, result) = run(json!({"allow": allow}), &[("x-api-key", key)], "");
                assert_eq!(result, (!is_allowed).then_some(FORBIDDEN), "{allow} {key}");
                assert_eq!(name(&exchange).is_empty(), !is_allowed, "conditions know who is let in");
                assert_eq!(exchange.request.forbidden.is_some(), !is_allowed, "the log says who it was");
            }
        }
    }

    #[test]
    fn the_upstream_is_told_who_it_is_and_never_by_a_stranger() {
        let settings = json!({"tell": "x-consumer", "allow": {"groups": ["gold"]}});
        for (key, expected) in [(ALICE, Some(&b"alice"[..])), (BOB, None), ("wrong", None)] {
            let fields = [("X-Consumer", "admin"), ("x-api-key", key), ("x-consumer", "root")];
            let (exchange, _) = run(settings.clone(), &fields, "");
            assert_eq!(exchange.request.head.all(b"x-consumer").collect::<Vec<_>>(), Vec::from_iter(expected));
        }
    }

    #[test]
    fn a_refusal_says_how_to_do_better_and_nothing_of_the_key() {
        for (result, status, reason) in
            [(MISSING, 401, "key_missing"), (INVALID, 401, "key_invalid"), (FORBIDDEN, 403, "consumer_forbidden")]
        {
            let mut exchange = Exchange::default();
            VerifyKey::refuse(&mut exchange, result);
            assert_eq!((exchange.response.status, exchange.reason), (status, reason));
            let challenge = exchange.response.head.first(Name::WWW_AUTHENTICATE);
            assert_eq!(challenge, (status == 401).then_some(CHALLENGE));
        }
    }

    #[test]
    fn settings_that_let_nobody_in_are_refused() {
        for (settings, path) in [
            (json!({"header": "a", "query": "b"}), "query"),
            (json!({"query": ""}), "query"),
            (json!({"allow": {}}), "allow"),
            (json!({"allow": {"groups": []}}), "allow"),
        ] {
            let problems = check("VerifyKey", settings.clone()).unwrap_err();
            assert_eq!(problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), [path], "{settings}");
        }
    }
}
