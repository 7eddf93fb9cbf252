//! `Forward`: sends the request to an upstream.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::here;
use super::leaf::host_problem;
use super::{NativeFilter, SettingProblem, Source};
use crate::pipeline::{Filter, ForwardResult};

/// Sends the request to an upstream and goes on with its answer in hand.
///
/// The upstream picks one of its endpoints; a path in the endpoint's URL is put before the
/// request's. Where there is no answer, the gateway's own takes its place: 502, or 504 after a
/// timeout. A later `Forward` replaces the answer of an earlier one. The steps behind it run
/// in any case.
///
/// Of several upstreams one is drawn for each request, by weight.
///
/// Results: `failed` (no answer), `timed_out`, `server_error` (a status of 500 or more),
/// `client_error` (400 to 499). A result without a jump goes on with the next step.
///
/// A pipeline may forward a request several times. A body streams to the first upstream that
/// takes it: to send it again, let a filter that buffers it run before. Without that a second
/// `Forward` answers a request whose body has left with 500 and the reason `body_consumed`.
///
/// ```yaml
/// kind: Forward
/// to:
///   - {upstream: orders, weight: 9}
///   - {upstream: orders-next, weight: 1}
/// host: endpoint
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "forwards"))]
pub struct Forward {
    /// Name of an upstream, its URL, or a list of upstreams with weights.
    #[serde(deserialize_with = "destinations")]
    #[schemars(with = "Written")]
    pub to: Vec<Weighted>,
    /// Host that the upstream is told: absent, the client's; `endpoint`, the endpoint's own;
    /// else the host written here.
    #[serde(default)]
    pub host: HostChoice,
}

/// An upstream and its share of the requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// Name or URL of an upstream.
    #[schemars(extend("x-penstock-reference" = "upstream"))]
    pub upstream: String,
    /// Share in relation to the others, without unit; 0: none.
    #[serde(default = "one")]
    pub weight: u32,
}

/// The host that an upstream is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HostChoice {
    /// The client's.
    #[default]
    Client,
    /// The endpoint's own.
    Endpoint,
    /// This one.
    Name(String),
}

/// The forms of `to`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "the name of an upstream, or a list of {upstream, weight}")]
enum Written {
    One(#[schemars(extend("x-penstock-reference" = "upstream"))] String),
    Several(#[schemars(length(min = 1))] Vec<Weighted>),
}

fn one() -> u32 {
    1
}

fn destinations<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Weighted>, D::Error> {
    Ok(match Written::deserialize(deserializer)? {
        Written::One(upstream) => vec![Weighted { upstream, weight: one() }],
        Written::Several(several) => several,
    })
}

impl NativeFilter for Forward {
    const SOURCE: Source = here!();
    const RESULTS: &'static [&'static str] = ForwardResult::TEXTS;

    fn problems(&self) -> Vec<SettingProblem> {
        let is_empty = self.to.iter().all(|one| one.weight == 0);
        let message = "no upstream has a weight above 0";
        is_empty.then(|| SettingProblem::new("to", message, "give one of them a weight")).into_iter().collect()
    }
}

/// The core runs this step itself: sending and waiting are no filter's work.
impl Filter for Forward {}

impl Serialize for HostChoice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Client => serializer.serialize_none(),
            Self::Endpoint => serializer.serialize_str("endpoint"),
            Self::Name(name) => serializer.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for HostChoice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)?.as_deref() {
            None => Ok(Self::Client),
            Some("endpoint") => Ok(Self::Endpoint),
            Some(name) => match host_problem(name) {
                None => Ok(Self::Name(name.to_owned())),
                Some((message, _)) => Err(serde::de::Error::custom(message)),
            },
        }
    }
}

impl JsonSchema for HostChoice {
    fn schema_name() -> Cow<'static, str> {
        "HostChoice".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["string", "null"], "x-penstock-text": "host"})
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::check;

    #[track_caller]
    fn resolves(settings: Value, expected: Value) {
        assert_eq!(check("Forward", settings), Ok(expected));
    }

    #[test]
    fn every_form_resolves_to_a_list_of_weights() {
        resolves(json!({"to": "orders"}), json!({"to": [{"upstream": "orders", "weight": 1}], "host": null}));
        resolves(
            json!({"to": [{"upstream": "a", "weight": 9}, {"upstream": "b"}], "host": "endpoint"}),
            json!({"to": [{"upstream": "a", "weight": 9}, {"upstream": "b", "weight": 1}], "host": "endpoint"}),
        );
        resolves(
            json!({"to": "http://127.0.0.1:9000", "host": "shop.example.com:81"}),
            json!({"to": [{"upstream": "http://127.0.0.1:9000", "weight": 1}], "host": "shop.example.com:81"}),
        );
    }

    #[test]
    fn what_leads_nowhere_is_a_problem() {
        for (settings, path, words) in [
            (json!({}), "", "`to` is missing"),
            (json!({"to": []}), "to", "at least 1"),
            (json!({"to": [{"upstream": "a", "weight": 0}]}), "to", "no upstream has a weight"),
            (json!({"to": [{"upsteam": "a"}]}), "to[0].upsteam", "did you mean `upstream`?"),
            (json!({"to": [{"upstream": "a", "weight": -1}]}), "to[0].weight", "out of range"),
            (json!({"to": "a", "host": "a b"}), "host", "`a b` is no host"),
            (json!({"to": "a", "host": "user@a"}), "host", "is no host"),
            (json!({"to": 7}), "to", "text or list"),
        ] {
            let problems = check("Forward", settings.clone()).unwrap_err();
            let found = problems.iter().any(|one| one.path == path && format!("{one:?}").contains(words));
            assert!(found, "{settings}: {problems:?}");
        }
    }
}
