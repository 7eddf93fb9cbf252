//! `SetHeaders`: sets, adds and removes headers of the request and of the answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::here;
use super::leaf::HeaderMap;
use super::{FieldName, HeaderTemplate, NativeFilter, SettingProblem, Source};
use crate::exchange::{Exchange, Facts, Head};
use crate::pipeline::{Filter, Outcome};

/// Sets, adds and removes headers of the request, and of the answer on its way out.
///
/// `remove` comes first, then `set` (the header has this value and no other), then `add`
/// (beside what is there). Values are templates. One that puts in something missing and so
/// comes out empty makes no header: `set` then removes it, so a client cannot send in its
/// place what the gateway does not know. Line ends in a value are percent-encoded.
///
/// Headers that frame a message or belong to a connection (`Content-Length`,
/// `Transfer-Encoding`, `Connection`, `Host`, ...) are the gateway's own and cannot be named.
///
/// ```yaml
/// kind: SetHeaders
/// request:
///   set: {x-tenant: "{{ request.params.tenant }}"}
///   remove: [x-internal]
/// response:
///   add: {vary: origin}
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "never"))]
pub struct SetHeaders {
    /// What happens to the request's headers.
    #[serde(default)]
    pub request: HeaderChanges,
    /// What happens to the answer's headers.
    #[serde(default)]
    pub response: HeaderChanges,
}

/// Changes to the headers of one side.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderChanges {
    /// Headers and the one value that each gets.
    #[serde(default)]
    pub set: HeaderMap,
    /// Headers and a value that each gets besides.
    #[serde(default)]
    pub add: HeaderMap,
    /// Headers that go.
    #[serde(default)]
    pub remove: Vec<FieldName>,
}

impl NativeFilter for SetHeaders {
    const SOURCE: Source = here!();

    fn problems(&self) -> Vec<SettingProblem> {
        let is_idle = self.request.is_empty() && self.response.is_empty();
        let hint = "write `request` or `response` with `set`, `add` or `remove`";
        is_idle.then(|| SettingProblem::new("", "this changes no header", hint)).into_iter().collect()
    }
}

impl Filter for SetHeaders {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        self.request.apply(exchange, |exchange| &mut exchange.request.head);
        Outcome::Continue
    }

    fn on_response(&self, exchange: &mut Exchange) -> Outcome {
        self.response.apply(exchange, |exchange| &mut exchange.response.head);
        Outcome::Continue
    }
}

impl HeaderChanges {
    fn is_empty(&self) -> bool {
        self.set.0.is_empty() && self.add.0.is_empty() && self.remove.is_empty()
    }

    fn apply(&self, exchange: &mut Exchange, head: fn(&mut Exchange) -> &mut Head) {
        for name in &self.remove {
            head(exchange).remove(name.bytes());
        }
        for (name, template) in &self.set.0 {
            with_value(template, exchange, |exchange, value| match value {
                Some(value) => head(exchange).set_named(name.token(), name.bytes(), value),
                None => {
                    head(exchange).remove(name.bytes());
                }
            });
        }
        for (name, template) in &self.add.0 {
            with_value(template, exchange, |exchange, value| {
                if let Some(value) = value {
                    head(exchange).add(name.bytes(), value);
                }
            });
        }
    }
}

/// Calls `use_it` with the value, or with `None` where no header is to be made of it.
fn with_value(template: &HeaderTemplate, exchange: &mut Exchange, use_it: impl FnOnce(&mut Exchange, Option<&[u8]>)) {
    if let Some(constant) = template.constant() {
        return use_it(exchange, Some(constant));
    }
    super::scratch::with_bytes(|value| {
        let is_value = rendered(template, &exchange.facts(), value);
        use_it(exchange, is_value.then_some(value));
    });
}

/// Renders the value and says whether there is a header to make of it.
fn rendered(template: &HeaderTemplate, facts: &Facts<'_>, value: &mut Vec<u8>) -> bool {
    value.clear();
    template.render(facts, value);
    let trimmed = value.trim_ascii();
    let (start, length) = (value.len() - value.trim_ascii_start().len(), trimmed.len());
    value.truncate(start + length);
    value.drain(..start);
    length > 0 || template.is_constant()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{build, check};
    use super::*;
    use crate::exchange::LocalBody;

    fn run(settings: Value, query: &str) -> Exchange {
        let filter = build("SetHeaders", &check("SetHeaders", settings).unwrap()).unwrap();
        let mut exchange = Exchange::default();
        let request = &mut exchange.request;
        request.query = Some(request.head.intern(query.as_bytes()));
        request.head.add(b"X-User", b"mallory");
        request.head.add(b"X-Old", b"1");
        filter.on_request(&mut exchange);
        exchange.answer(200, LocalBody::Empty);
        exchange.response.head.add(b"Vary", b"accept");
        filter.on_response(&mut exchange);
        exchange
    }

    fn shown(head: &Head) -> String {
        head.iter().fold(String::new(), |text, (name, value)| {
            text + &String::from_utf8_lossy(name) + "=" + &String::from_utf8_lossy(value) + ";"
        })
    }

    #[test]
    fn headers_of_both_sides_are_removed_set_and_added() {
        let exchange = run(
            json!({
                "request": {"set": {"x-user": "{{ request.query.user }}"}, "remove": ["x-old"], "add": {"x-user": "b"}},
                "response": {"set": {"x-status": "{{ response.status }}"}, "add": {"vary": "origin"}},
            }),
            "user=alice",
        );
        assert_eq!(shown(&exchange.request.head), "X-User=alice;x-user=b;");
        assert_eq!(shown(&exchange.response.head), "Vary=accept;x-status=200;vary=origin;");
    }

    #[test]
    fn a_missing_value_removes_what_the_client_sent() {
        let exchange = run(
            json!({"request": {"set": {"x-user": " {{ request.query.user }} "}, "add": {"x-b": "{{ request.query.b }}"}}}),
            "a=1",
        );
        assert_eq!(shown(&exchange.request.head), "X-Old=1;");
    }

    #[test]
    fn a38_a_value_with_line_ends_makes_no_header() {
        let exchange =
            run(json!({"response": {"set": {"x-a": "{{ request.query.a }}"}}}), "a=1%0d%0aSet-Cookie:%20a=b%00");
        assert_eq!(shown(&exchange.response.head), "Vary=accept;x-a=1%0D%0ASet-Cookie: a=b%00;");
    }

    #[test]
    fn a39_headers_of_the_gateway_cannot_be_named() {
        for name in
            ["Content-Length", "transfer-encoding", "CONNECTION", "Upgrade", "Host", "keep-alive", "te", "trailer"]
        {
            for settings in [
                json!({"request": {"set": {name: "x"}}}),
                json!({"response": {"add": {name: "x"}}}),
                json!({"request": {"remove": [name]}}),
            ] {
                let problems = check("SetHeaders", settings).unwrap_err();
                assert!(problems[0].message.contains("written by the gateway itself"), "{problems:?}");
            }
        }
    }

    #[test]
    fn every_problem_is_found_with_its_path() {
        let settings = json!({
            "request": {"set": {"x a": "1", "x-b": "{{ request.pth }}", "x-c": "a\nb"}, "sett": {}},
            "response": {"remove": ["ok", ""]},
        });
        let problems = check("SetHeaders", settings).unwrap_err();
        let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(
            paths,
            ["request.set.x a", "request.set.x-b", "request.set.x-c", "request.sett", "response.remove[1]"],
            "{problems:?}"
        );
        assert_eq!(check("SetHeaders", json!({})).unwrap_err()[0].message, "this changes no header");
    }
}
