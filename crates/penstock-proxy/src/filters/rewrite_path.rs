//! `RewritePath`: gives the request another path.

use penstock_plan::EncodedSlash;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::here;
use super::path_template::{PathPart, path_problem};
use super::{NativeFilter, PathTemplate, Pattern, SettingProblem, Source};
use crate::exchange::Exchange;
use crate::pipeline::{Filter, Outcome};
use crate::routing::path::normalise;

/// Gives the request another path; the query stays as it came.
///
/// One of three ways. `path` is the new path; `{id}` stands for a parameter of the route's path
/// and `{rest}` for what its `/*` stood for. `prefix` replaces the start of the path by whole
/// segments: `/api` is the start of `/api/x` and of `/api`, not of `/apis`. `regex` replaces the
/// first match in the path; `$1` or `${name}` in `replace` stands for a group. A path without
/// the prefix or a match stays as it is.
///
/// Parameters and groups are put in as they stand in the path, still encoded, so a parameter
/// never adds a segment. The new path is normalised like every path. Where `.` or `..` come
/// together only by the rewriting, the request is refused with `400`: it could lead to what
/// its route does not serve.
///
/// ```yaml
/// kind: RewritePath
/// prefix: {from: /api, to: /v2}
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "sometimes"))]
pub struct RewritePath {
    /// The new path, with `{parameters}` of the route's path.
    #[serde(default)]
    pub path: Option<PathTemplate>,
    /// A start of the path and what takes its place.
    #[serde(default)]
    pub prefix: Option<Prefix>,
    /// A regular expression and what takes the place of its first match.
    #[serde(default)]
    pub regex: Option<Replacement>,
}

/// A start of a path and what takes its place.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prefix {
    /// Start to replace, whole segments.
    pub from: String,
    /// What takes its place.
    pub to: String,
}

/// A regular expression and what takes the place of its first match.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// Regular expression, searched in the normalised path; anchored only by `^` and `$`.
    #[serde(rename = "match")]
    pub pattern: Pattern,
    /// Text with `$1` or `${name}` for groups.
    pub replace: String,
}

impl NativeFilter for RewritePath {
    const SOURCE: Source = here!();

    fn problems(&self) -> Vec<SettingProblem> {
        let mut problems = Vec::new();
        let ways =
            [self.path.is_some(), self.prefix.is_some(), self.regex.is_some()].into_iter().filter(|is| *is).count();
        if ways != 1 {
            problems.push(SettingProblem::new(
                "",
                format!("{ways} ways to rewrite the path"),
                "write one of `path`, `prefix`, `regex`",
            ));
        }
        if let Some(prefix) = &self.prefix {
            for (name, text) in [("prefix.from", &prefix.from), ("prefix.to", &prefix.to)] {
                problems.extend(path_problem(text).map(|(message, hint)| SettingProblem::new(name, message, hint)));
            }
        }
        if let Some(odd) = self.regex.as_ref().and_then(|regex| regex.replace.chars().find(|letter| is_odd(*letter))) {
            problems.push(SettingProblem::new(
                "regex.replace",
                format!("a path cannot hold {odd:?}"),
                "percent-encode it",
            ));
        }
        problems
    }
}

fn is_odd(letter: char) -> bool {
    !letter.is_ascii_graphic() || matches!(letter, '?' | '#' | '\\')
}

impl Filter for RewritePath {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        super::scratch::with_texts(|rewritten, normal| {
            if !self.rewrite(exchange, rewritten) {
                return Outcome::Continue;
            }
            // What the listener let in may stay; rewriting never brings an encoded slash of its own.
            let has_slash = ["%2F", "%5C"].iter().any(|slash| exchange.request.path.contains(slash));
            let policy = if has_slash { EncodedSlash::Keep } else { EncodedSlash::Refuse };
            let is_normal = normalise(rewritten.as_bytes(), policy, normal).is_ok();
            if !is_normal || segments(normal) != segments(rewritten) {
                exchange.refuse(400, "rewritten_path", "the rewritten path leads elsewhere");
                return Outcome::Answer;
            }
            exchange.request.replace_path(normal);
            Outcome::Continue
        })
    }
}

/// Segments that are not empty: fewer after normalising, where dots were resolved.
fn segments(path: &str) -> usize {
    path.split('/').filter(|segment| !segment.is_empty()).count()
}

impl RewritePath {
    /// Writes the new path; `false` where the path stays.
    fn rewrite(&self, exchange: &Exchange, out: &mut String) -> bool {
        let path = exchange.request.path.as_str();
        if let Some(template) = &self.path {
            template.parts.iter().for_each(|part| out.push_str(text_of(part, exchange)));
            return true;
        }
        if let Some(prefix) = &self.prefix {
            return replace_prefix(prefix, path, out);
        }
        self.regex.as_ref().is_some_and(|regex| replace_first(regex, path, out))
    }
}

fn text_of<'a>(part: &'a PathPart, exchange: &'a Exchange) -> &'a str {
    match part {
        PathPart::Literal(text) => text,
        PathPart::Param(name) => {
            let names = exchange.route.as_ref().map_or(&[][..], |route| &route.param_names);
            let position = names.iter().position(|known| known == name);
            position.and_then(|position| exchange.request.param(position)).unwrap_or_default()
        }
    }
}

/// `/api` of `/api/x` becomes `to`; the path that is the prefix alone becomes `to` alone.
fn replace_prefix(prefix: &Prefix, path: &str, out: &mut String) -> bool {
    let start = prefix.from.trim_end_matches('/');
    let rest = path.strip_prefix(start).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let Some(rest) = rest else { return false };
    if rest.is_empty() {
        out.push_str(&prefix.to);
    } else {
        out.extend([prefix.to.trim_end_matches('/'), rest]);
    }
    true
}

fn replace_first(regex: &Replacement, path: &str, out: &mut String) -> bool {
    let Some(groups) = regex.pattern.regex().captures(path) else { return false };
    let Some(whole) = groups.get(0) else { return false };
    out.push_str(path.get(..whole.start()).unwrap_or_default());
    groups.expand(&regex.replace, out);
    out.push_str(path.get(whole.end()..).unwrap_or_default());
    true
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{build, check};
    use super::*;
    use crate::exchange::{RouteName, Span};

    /// A request whose parameters are `id`, its second segment, and `rest`, all behind it.
    fn run(settings: &Value, path: &str) -> (u16, Exchange) {
        let filter = build("RewritePath", &check("RewritePath", settings.clone()).unwrap()).unwrap();
        let mut exchange = Exchange::default();
        exchange.request.path = path.into();
        let at = |nth: usize| path.match_indices('/').nth(nth).map_or(path.len(), |(at, _)| at) as u32;
        let (start, middle) = ((at(1) + 1).min(path.len() as u32), at(2));
        let rest = Span { start: (middle + 1).min(path.len() as u32), end: path.len() as u32 };
        exchange.request.params.spans = vec![Span { start, end: middle.max(start) }, rest];
        let param_names = ["id".into(), "rest".into()].into();
        exchange.route = Some(RouteName { name: "r".into(), param_names, names_hosts: false, ..RouteName::default() }.into());
        filter.on_request(&mut exchange);
        (exchange.response.status, exchange)
    }

    #[track_caller]
    fn becomes(settings: &Value, path: &str, expected: &str) {
        let (status, exchange) = run(settings, path);
        assert_eq!((status, exchange.request.path.as_str()), (0, expected), "{settings} of {path}");
    }

    #[track_caller]
    fn is_refused(settings: &Value, path: &str) {
        let (status, exchange) = run(settings, path);
        assert_eq!((status, exchange.request.path.as_str()), (400, path), "{settings} of {path}");
        assert_eq!(exchange.reason, "rewritten_path");
    }

    #[test]
    fn a_path_is_made_of_parameters() {
        becomes(&json!({"path": "/x/{id}/y/{rest}"}), "/a/7/b/c", "/x/7/y/b/c");
        becomes(&json!({"path": "/x-{id}.json"}), "/a/7/b", "/x-7.json");
        becomes(&json!({"path": "/x/{rest}"}), "/a/7", "/x/");
        becomes(&json!({"path": "/x/{none}/y"}), "/a/7/b", "/x/y");
        becomes(&json!({"path": "/fixed"}), "/a/7/b", "/fixed");
    }

    #[test]
    fn a_prefix_is_whole_segments() {
        for (from, to, path, expected) in [
            ("/api", "/v2", "/api/x", "/v2/x"),
            ("/api", "/v2", "/api", "/v2"),
            ("/api/", "/v2/", "/api/x", "/v2/x"),
            ("/api", "/", "/api/x", "/x"),
            ("/api", "/", "/api", "/"),
            ("/", "/v2", "/x", "/v2/x"),
            ("/api", "/v2", "/apis/x", "/apis/x"),
            ("/api", "/v2", "/x/api", "/x/api"),
        ] {
            becomes(&json!({"prefix": {"from": from, "to": to}}), path, expected);
        }
    }

    #[test]
    fn a_regex_replaces_its_first_match() {
        becomes(&json!({"regex": {"match": "^/u/([0-9]+)$", "replace": "/users/$1"}}), "/u/7", "/users/7");
        becomes(&json!({"regex": {"match": "(?<a>b)", "replace": "<${a}>"}}), "/abb", "/a%3Cb%3Eb");
        becomes(&json!({"regex": {"match": "^/u/([0-9]+)$", "replace": "/users/$1"}}), "/u/x", "/u/x");
    }

    #[test]
    fn d5_a_rewritten_path_leads_to_nothing_the_route_does_not_serve() {
        becomes(&json!({"prefix": {"from": "/api", "to": "/"}}), "/api../admin", "/api../admin");
        becomes(&json!({"prefix": {"from": "/api", "to": "/"}}), "/apiadmin", "/apiadmin");
        is_refused(&json!({"regex": {"match": "^/api", "replace": "/x/"}}), "/api../admin");
        is_refused(&json!({"regex": {"match": "_", "replace": "."}}), "/a/_./b");
        is_refused(&json!({"regex": {"match": "^/a", "replace": "/../.."}}), "/a/b");
        is_refused(&json!({"path": "/x/.{id}/y"}), "/a/./b");
    }

    #[test]
    fn d6_d16_an_encoded_slash_is_kept_encoded_and_never_made() {
        becomes(&json!({"path": "/x/{id}"}), "/a/b%2Fadmin%5C/c", "/x/b%2Fadmin%5C");
        is_refused(&json!({"path": "/x/{id}"}), "/a/..%2Fadmin/c");
        is_refused(&json!({"regex": {"match": "25", "replace": ""}}), "/a%252Fb");
        is_refused(&json!({"regex": {"match": "25", "replace": ""}}), "/a%2500");
        is_refused(&json!({"regex": {"match": "25", "replace": ""}}), "/a%25/b");
    }

    #[test]
    fn parameters_stay_what_they_were() {
        let (_, exchange) = run(&json!({"path": "/x"}), "/a/seven/b/c");
        assert_eq!((exchange.request.param(0), exchange.request.param(1)), (Some("seven"), Some("b/c")));
    }

    #[test]
    fn settings_that_make_no_path_are_problems() {
        for (settings, path) in [
            (json!({}), ""),
            (json!({"path": "/a", "prefix": {"from": "/a", "to": "/b"}}), ""),
            (json!({"path": "a"}), "path"),
            (json!({"path": "/a/{id"}), "path"),
            (json!({"path": "/a/id}"}), "path"),
            (json!({"path": "/a?b=c"}), "path"),
            (json!({"prefix": {"from": "api", "to": "/b"}}), "prefix.from"),
            (json!({"prefix": {"from": "/api", "to": "/b c"}}), "prefix.to"),
            (json!({"regex": {"match": "(", "replace": "x"}}), "regex.match"),
            (json!({"regex": {"match": "a", "replace": "?"}}), "regex.replace"),
            (json!({"regex": {"match": "a"}}), "regex"),
        ] {
            let problems = check("RewritePath", settings.clone()).unwrap_err();
            assert!(problems.iter().any(|problem| problem.path == path), "{settings}: {problems:?}");
        }
    }
}
