//! `Redirect`: sends the client elsewhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::here;
use super::{NativeFilter, SettingProblem, Source};
use crate::exchange::{Exchange, LocalBody, Name};
use crate::expression::{Form, Template};
use crate::pipeline::{Filter, Outcome};
use crate::routing::parse_authority;

/// Sends the client elsewhere, with a `Location` and an empty body.
///
/// With `to`, a path or a whole URL; it is a template. `request.path` and `request.params` are put
/// in as they stand in the request's path, every other value percent-encoded, slashes too. The
/// host must be written out: a value never decides where the client goes.
///
/// With `scheme`, the same path and query under that scheme, on the `host` written here or else
/// on the request's own. The request's own is used only where the route names its hosts in full
/// or as `*.example.com`; any other host could be a stranger's choice, and the answer is `421`.
///
/// ```yaml
/// kind: Redirect
/// to: https://example.com/orders/{{ request.params.id }}
/// status: 308
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "always"))]
pub struct Redirect {
    /// Where the client goes: a path that begins with a slash, or a whole URL.
    #[serde(default)]
    pub to: Option<Template>,
    /// Scheme to use for the same path and query.
    #[serde(default)]
    pub scheme: Option<Scheme>,
    /// Host, and maybe a port, to use with `scheme`; absent: the request's host without port.
    #[serde(default)]
    #[schemars(extend("x-penstock-text" = "host"))]
    pub host: Option<String>,
    /// Status code: 301, 302, 303, 307 or 308.
    #[serde(default = "found")]
    pub status: u16,
    /// Whether the request's query is put behind `to`; with `scheme` it always is.
    #[serde(default)]
    pub keep_query: bool,
}

/// Scheme of a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Scheme {
    fn start(self) -> &'static [u8] {
        match self {
            Self::Http => b"http://",
            Self::Https => b"https://",
        }
    }
}

fn found() -> u16 {
    302
}

impl NativeFilter for Redirect {
    const SOURCE: Source = here!();

    fn problems(&self) -> Vec<SettingProblem> {
        let mut problems = Vec::new();
        let mut report =
            |path: &str, message: &str, hint: &str| problems.push(SettingProblem::new(path, message, hint));
        match (&self.to, self.scheme) {
            (None, None) => report("", "this leads nowhere", "write `to` or `scheme`"),
            (Some(_), Some(_)) => report("scheme", "`scheme` and `to` exclude each other", "leave one out"),
            (Some(to), None) => {
                if let Some((message, hint)) = destination_problem(to) {
                    report("to", &message, hint);
                }
            }
            (None, Some(_)) => {}
        }
        if self.host.is_some() && self.scheme.is_none() {
            report("host", "`host` is for `scheme`", "write the host into `to`");
        }
        if self.keep_query && self.to.as_ref().is_some_and(|to| to.literals().iter().any(|text| text.contains('?'))) {
            report("keep_query", "`to` has a query of its own", "leave `keep_query` out");
        }
        if !matches!(self.status, 301 | 302 | 303 | 307 | 308) {
            report("status", &format!("{} sends nobody elsewhere", self.status), "write 301, 302, 303, 307 or 308");
        }
        problems
    }
}

/// What is wrong with a template of a destination, and a hint.
fn destination_problem(to: &Template) -> Option<(String, &'static str)> {
    let odd = |letter: &char| !letter.is_ascii_graphic() || matches!(letter, '\\' | '"' | '<' | '>');
    if let Some(letter) = to.literals().into_iter().flat_map(str::chars).find(odd) {
        return Some((format!("a URL cannot hold {letter:?}"), "percent-encode it"));
    }
    let start = to.literal_start();
    let hint = "begin it with `/`, or with `https://` and a host written out";
    if let Some(rest) = start.strip_prefix("https://").or_else(|| start.strip_prefix("http://")) {
        let end = rest.find(['/', '?', '#']);
        if end.is_none() && to.is_constant().is_none() {
            return Some(("a value would become part of the host".into(), hint));
        }
        let authority = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let is_host = parse_authority(authority.as_bytes(), &mut String::new()).is_ok();
        return (!is_host).then(|| (format!("`{authority}` is no host"), hint));
    }
    if start.starts_with("//") {
        return Some(("two slashes lead to another host".into(), hint));
    }
    let is_path = start.starts_with('/') || to.starts_with_path();
    (!is_path).then(|| ("this does not say which host or path it leads to".into(), hint))
}

impl Filter for Redirect {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        super::scratch::with_bytes(|location| {
            if self.write_location(exchange, location) {
                exchange.answer(self.status, LocalBody::Empty);
                exchange.response.head.set(Name::LOCATION.text().as_bytes(), location);
            } else {
                exchange.refuse(421, "redirect_host_unnamed", "no route names this host");
            }
        });
        Outcome::Answer
    }
}

impl Redirect {
    /// Writes the whole location; `false` where the host is a stranger's choice.
    fn write_location(&self, exchange: &Exchange, out: &mut Vec<u8>) -> bool {
        match (&self.to, self.scheme) {
            (Some(to), _) => {
                to.render_as(Form::Url, &exchange.facts(), out);
                stay_on_host(out);
                if self.keep_query {
                    write_query(exchange, out);
                }
                true
            }
            (None, Some(scheme)) => self.write_same(scheme, exchange, out),
            (None, None) => false,
        }
    }

    fn write_same(&self, scheme: Scheme, exchange: &Exchange, out: &mut Vec<u8>) -> bool {
        let is_named = exchange.route.as_ref().is_some_and(|route| route.names_hosts);
        let own = Some(exchange.request.host.as_str()).filter(|host| is_named && !host.is_empty());
        let Some(host) = self.host.as_deref().or(own) else { return false };
        out.extend_from_slice(scheme.start());
        out.extend_from_slice(host.as_bytes());
        if exchange.request.path.starts_with('/') {
            out.extend_from_slice(exchange.request.path.as_bytes());
        }
        write_query(exchange, out);
        true
    }
}

/// Takes away what would make a path lead to another host: a second slash at its start.
fn stay_on_host(location: &mut Vec<u8>) {
    if location.first() == Some(&b'*') {
        location.insert(0, b'/');
    }
    while let [b'/', b'/' | b'\\', ..] = location.as_slice() {
        location.remove(1);
    }
}

fn write_query(exchange: &Exchange, out: &mut Vec<u8>) {
    if exchange.request.query.is_none() {
        return;
    }
    out.push(b'?');
    for &byte in exchange.request.query_text() {
        match byte {
            b'!'..=b'~' => out.push(byte),
            _ => {
                // Writing to a `Vec` does not fail.
                let _ = std::io::Write::write_fmt(out, format_args!("%{byte:02X}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{build, check};
    use super::*;
    use crate::exchange::{RouteName, Span};

    /// A request for `path` with the query `q=a b`, whose parameter `rest` is all after the first slash.
    fn run(settings: Value, path: &str, names_hosts: bool) -> (u16, String) {
        let filter = build("Redirect", &check("Redirect", settings).unwrap()).unwrap();
        let mut exchange = Exchange::default();
        let request = &mut exchange.request;
        request.path = path.into();
        request.host = "shop.example.com".into();
        request.query = Some(request.head.intern(b"q=//evil.test\r\nb"));
        request.params.spans = vec![Span { start: 1, end: path.len() as u32 }];
        let param_names = ["rest".into()].into();
        exchange.route = Some(RouteName { name: "r".into(), param_names, names_hosts, ..RouteName::default() }.into());
        assert!(matches!(filter.on_request(&mut exchange), Outcome::Answer));
        let location = exchange.response.head.first(Name::LOCATION).unwrap_or_default();
        (exchange.response.status, String::from_utf8(location.to_vec()).unwrap())
    }

    #[test]
    fn the_client_is_sent_to_a_path_or_a_url() {
        for (settings, status, location) in [
            (json!({"to": "/new"}), 302, "/new"),
            (json!({"to": "https://example.com", "status": 301}), 301, "https://example.com"),
            (json!({"to": "https://example.com/x/{{ request.params.rest }}"}), 302, "https://example.com/x/a/b%20c"),
            (json!({"to": "/x{{ request.path }}?a={{ request.host }}"}), 302, "/x/a/b%20c?a=shop.example.com"),
            (json!({"to": "/new", "keep_query": true}), 302, "/new?q=//evil.test%0D%0Ab"),
            (json!({"scheme": "https", "status": 308}), 308, "https://shop.example.com/a/b%20c?q=//evil.test%0D%0Ab"),
            (
                json!({"scheme": "http", "host": "b.example:8080"}),
                302,
                "http://b.example:8080/a/b%20c?q=//evil.test%0D%0Ab",
            ),
        ] {
            assert_eq!(run(settings.clone(), "/a/b%20c", true), (status, location.into()), "{settings}");
        }
    }

    #[test]
    fn d11_a_host_that_no_route_names_is_never_linked() {
        assert_eq!(run(json!({"scheme": "https"}), "/a", false), (421, String::new()));
        assert_eq!(run(json!({"scheme": "https", "host": "a.example"}), "/a", false).0, 302);
    }

    #[test]
    fn d12_the_location_stays_on_the_configured_host() {
        for (to, path, location) in [
            ("/{{ request.path }}", "/evil.test/..", "/evil.test/.."),
            ("/{{ request.params.rest }}", "/%2Fevil.test", "/%2Fevil.test"),
            ("{{ request.path }}", "/evil.test", "/evil.test"),
            ("{{ request.path }}", "*", "/*"),
            ("/{{ request.query.q }}", "/a", "/%2F%2Fevil.test%0D%0Ab"),
            ("https://example.com/{{ request.query.q }}", "/a", "https://example.com/%2F%2Fevil.test%0D%0Ab"),
        ] {
            assert_eq!(run(json!({"to": to}), path, true).1, location, "{to} for {path}");
        }
    }

    #[test]
    fn a38_a_value_with_line_ends_makes_no_header() {
        let (_, location) = run(json!({"to": "/{{ request.query.q }}", "keep_query": true}), "/a", true);
        assert!(!location.contains(['\r', '\n', ' ']), "{location:?}");
    }

    #[test]
    fn d12_a_destination_that_a_value_could_decide_is_a_problem() {
        for (settings, path, words) in [
            (json!({}), "", "leads nowhere"),
            (json!({"to": "/a", "scheme": "https"}), "scheme", "exclude each other"),
            (json!({"to": "{{ request.query.next }}"}), "to", "which host or path"),
            (json!({"to": "{% if true %}//evil.test{% endif %}"}), "to", "which host or path"),
            (json!({"to": "//evil.test"}), "to", "two slashes"),
            (json!({"to": "/\\evil.test"}), "to", "cannot hold"),
            (json!({"to": "https://{{ request.host }}/a"}), "to", "part of the host"),
            (json!({"to": "https://a.example{{ request.path }}"}), "to", "part of the host"),
            (json!({"to": "https:///a"}), "to", "is no host"),
            (json!({"to": "https://a@b/"}), "to", "is no host"),
            (json!({"to": "ftp://a.example/"}), "to", "which host or path"),
            (json!({"to": "javascript:alert(1)"}), "to", "which host or path"),
            (json!({"to": "/a b"}), "to", "cannot hold"),
            (json!({"to": "/a", "host": "b.example"}), "host", "is for `scheme`"),
            (json!({"to": "/a?b", "keep_query": true}), "keep_query", "query of its own"),
            (json!({"to": "/a", "status": 304}), "status", "304"),
            (json!({"scheme": "htps"}), "scheme", "did you mean `https`?"),
        ] {
            let problems = check("Redirect", settings.clone()).unwrap_err();
            let is_found = problems.iter().any(|one| one.path == path && format!("{one:?}").contains(words));
            assert!(is_found, "{settings}: {problems:?}");
        }
    }
}
