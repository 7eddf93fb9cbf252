//! `Respond`: answers by itself.

use std::sync::{Arc, OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::here;
use super::leaf::HeaderMap;
use super::{NativeFilter, SettingProblem, Source};
use crate::exchange::{Exchange, LocalBody, Name};
use crate::expression::Template;
use crate::pipeline::{Filter, Outcome};

/// Answers the request itself, without an upstream.
///
/// Headers and body are templates. A body without a `content-type` among the headers is sent
/// as `text/plain; charset=utf-8`. A value put into the body has its line ends percent-encoded;
/// in an HTML body write `{{ value|escape }}`, in a JSON body `{{ value|tojson }}`. A header that
/// puts in something missing and so comes out empty is left out.
///
/// ```yaml
/// kind: Respond
/// status: 403
/// headers: {content-type: application/json}
/// body: '{"refused": {{ request.path|tojson }}}'
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "always"))]
pub struct Respond {
    /// Status code of the answer, 200 to 599.
    #[serde(default = "ok")]
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
    /// Headers of the answer.
    #[serde(default)]
    pub headers: HeaderMap,
    /// Body of the answer.
    #[serde(default = "empty")]
    pub body: Template,
    /// The body where it is the same for every request.
    #[serde(skip)]
    constant: OnceLock<Option<Arc<[u8]>>>,
}

fn ok() -> u16 {
    200
}

fn empty() -> Template {
    Template::constant("")
}

impl NativeFilter for Respond {
    const SOURCE: Source = here!();

    fn problems(&self) -> Vec<SettingProblem> {
        let has_body = self.body.is_constant() != Some("");
        match self.status {
            204 | 304 if has_body => {
                vec![SettingProblem::new(
                    "body",
                    format!("an answer with status {} has no body", self.status),
                    "leave it out",
                )]
            }
            200..=599 => Vec::new(),
            status => vec![SettingProblem::new("status", format!("{status} is no final status"), "write 200 to 599")],
        }
    }
}

impl Filter for Respond {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        let body = self.make_body(exchange);
        let has_body = !body.bytes().is_empty();
        let had_type = super::scratch::with_bytes(|values| self.render_headers(exchange, values, body));
        if has_body && !had_type {
            exchange.response.head.set(Name::CONTENT_TYPE.text().as_bytes(), b"text/plain; charset=utf-8");
        }
        Outcome::Answer
    }
}

impl Respond {
    fn make_body(&self, exchange: &Exchange) -> LocalBody {
        let constant = self.constant.get_or_init(|| self.body.is_constant().map(|text| text.as_bytes().into()));
        if let Some(bytes) = constant {
            return LocalBody::Shared(Arc::clone(bytes));
        }
        let mut bytes = Vec::new();
        self.body.render(&exchange.facts(), &mut bytes);
        LocalBody::Owned(bytes)
    }

    /// Answers and sets the headers; values are rendered before an earlier answer goes, since
    /// they may come from it. Says whether `content-type` was among them.
    fn render_headers(&self, exchange: &mut Exchange, values: &mut Vec<u8>, body: LocalBody) -> bool {
        let mut ends = Vec::with_capacity(self.headers.0.len());
        for (_, template) in &self.headers.0 {
            template.render(&exchange.facts(), values);
            ends.push(values.len());
        }
        exchange.answer(self.status, body);
        let (mut start, mut has_type) = (0, false);
        for ((name, template), end) in self.headers.0.iter().zip(ends) {
            let value = values.get(start..end).unwrap_or_default().trim_ascii();
            start = end;
            if !value.is_empty() || template.is_constant() {
                exchange.response.head.add(name.bytes(), value);
                has_type |= Name::of(name.bytes()) == Name::CONTENT_TYPE;
            }
        }
        has_type
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{build, check};
    use super::*;

    fn run(settings: Value) -> Exchange {
        let filter = build("Respond", &check("Respond", settings).unwrap()).unwrap();
        let mut exchange = Exchange::default();
        exchange.request.path = "/a\"b".into();
        exchange.request.query = Some(exchange.request.head.intern(b"a=1%0d%0aSet-Cookie:%20x"));
        exchange.answer(502, LocalBody::Empty);
        exchange.response.head.add(b"x-earlier", b"1");
        assert!(matches!(filter.on_request(&mut exchange), Outcome::Answer));
        exchange
    }

    fn body(exchange: &Exchange) -> String {
        let crate::exchange::Answer::Local(body) = &exchange.answer else { panic!("no local answer") };
        String::from_utf8(body.bytes().to_vec()).unwrap()
    }

    #[test]
    fn it_answers_with_status_headers_and_body_and_nothing_of_an_earlier_answer() {
        let exchange = run(json!({
            "status": 403,
            "headers": {"content-type": "application/json", "x-was": "{{ response.status }}", "x-none": "{{ request.query.none }}"},
            "body": "{\"refused\": {{ request.path|tojson }}}\n",
        }));
        assert_eq!(exchange.response.status, 403);
        assert_eq!(body(&exchange), "{\"refused\": \"/a\\\"b\"}\n");
        let head = &exchange.response.head;
        assert_eq!(head.get(b"content-type"), Some(&b"application/json"[..]));
        assert_eq!(head.get(b"x-was"), Some(&b"502"[..]));
        assert_eq!((head.get(b"x-none"), head.get(b"x-earlier")), (None, None));
    }

    #[test]
    fn a_constant_body_is_shared_and_typed_as_text() {
        let filter = build("Respond", &check("Respond", json!({"body": "no\n"})).unwrap()).unwrap();
        let mut exchange = Exchange::default();
        filter.on_request(&mut exchange);
        assert!(matches!(&exchange.answer, crate::exchange::Answer::Local(LocalBody::Shared(_))));
        assert_eq!((exchange.response.status, body(&exchange)), (200, "no\n".into()));
        assert_eq!(exchange.response.head.first(Name::CONTENT_TYPE), Some(&b"text/plain; charset=utf-8"[..]));
        assert_eq!(run(json!({"status": 204})).response.head.fields().len(), 0);
    }

    #[test]
    fn a38_a_value_with_line_ends_makes_no_header() {
        let exchange = run(json!({"headers": {"x-a": "{{ request.query.a }}"}, "body": "{{ request.query.a }}"}));
        assert_eq!(exchange.response.head.get(b"x-a"), Some(&b"1%0D%0ASet-Cookie: x"[..]));
        assert_eq!(exchange.response.head.get(b"set-cookie"), None);
        assert_eq!(body(&exchange), "1%0D%0ASet-Cookie: x");
    }

    #[test]
    fn an_answer_that_cannot_be_is_a_problem() {
        for (settings, path) in [
            (json!({"status": 101}), "status"),
            (json!({"status": 600}), "status"),
            (json!({"status": "200"}), "status"),
            (json!({"status": 204, "body": "x"}), "body"),
            (json!({"body": "{{ x }}"}), "body"),
            (json!({"headers": {"content-length": "1"}}), "headers.content-length"),
        ] {
            assert_eq!(check("Respond", settings.clone()).unwrap_err()[0].path, path, "{settings}");
        }
    }
}
