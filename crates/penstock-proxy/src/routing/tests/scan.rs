//! A plain scan over all routes, written without the router's matchers.

use std::cmp::Reverse;

use penstock_plan::{Condition, HostPattern, PathPattern, Route, Subject, Test};
use regex::Regex;

use super::cases::Case;

impl Case {
    fn satisfies(&self, condition: &Condition) -> bool {
        let values = match condition.subject {
            Subject::Header(_) => &self.headers,
            Subject::Query(_) => &self.query,
            Subject::Cookie(_) => &self.cookies,
        };
        let any = |accepts: &dyn Fn(&str) -> bool| values.iter().any(|value| accepts(value));
        match &condition.test {
            Test::Exact(text) => any(&|value| value == text),
            Test::Prefix(text) => any(&|value| value.starts_with(text.as_str())),
            Test::Suffix(text) => any(&|value| value.ends_with(text.as_str())),
            Test::Regex(pattern) => any(&|value| Regex::new(pattern).unwrap().is_match(value)),
            Test::Present => !values.is_empty(),
            Test::Absent => values.is_empty(),
        }
    }

    fn is_below(&self, network: &str) -> bool {
        match network {
            "10.0.0.0/8" => self.client.starts_with("10."),
            "10.1.0.0/16" => self.client.starts_with("10.1."),
            _ => self.client == "192.0.2.1",
        }
    }
}

fn host_is_meant(pattern: &HostPattern, host: &str) -> bool {
    match pattern {
        HostPattern::Exact(expected) => host == expected,
        HostPattern::Wildcard(below) => host.len() > below.len() + 1 && host.ends_with(&format!(".{below}")),
        HostPattern::Regex(pattern) => Regex::new(pattern).unwrap().is_match(host),
    }
}

/// The parameters, or `None` where the path is not meant; found segment by segment.
fn path_params(pattern: &PathPattern, path: &str) -> Option<Vec<String>> {
    let (text, is_open) = match pattern {
        PathPattern::Exact(expected) => return (expected == path).then(Vec::new),
        PathPattern::Regex(pattern) => return Regex::new(pattern).unwrap().is_match(path).then(Vec::new),
        PathPattern::Prefix(start) => (start.as_str(), true),
        PathPattern::Template(text) => text.strip_suffix("/*").map_or((text.as_str(), false), |start| (start, true)),
    };
    let (expected, found): (Vec<&str>, Vec<&str>) = (text.split('/').collect(), path.split('/').collect());
    if found.len() < expected.len() || (!is_open && found.len() != expected.len()) {
        return None;
    }
    let mut params = Vec::new();
    for (expected, found) in expected.iter().zip(&found) {
        match expected.starts_with('{') {
            true if !found.is_empty() => params.push((*found).to_owned()),
            false if expected == found => {}
            _ => return None,
        }
    }
    params.extend(is_open.then(|| found[expected.len()..].join("/")));
    Some(params)
}

/// The order of routes as the documentation tells it, as numbers and texts; least first.
fn place(route: &Route, host: Option<&HostPattern>) -> impl Ord + use<> {
    let host = match host {
        Some(HostPattern::Exact(_)) => (0, Reverse(0)),
        Some(HostPattern::Wildcard(below)) => (1, Reverse(below.split('.').count())),
        Some(HostPattern::Regex(_)) => (2, Reverse(0)),
        None => (3, Reverse(0)),
    };
    let path = match &route.path {
        PathPattern::Exact(_) => (0, Reverse(0), String::new()),
        PathPattern::Template(text) => segments_place(text),
        PathPattern::Prefix(start) => segments_place(&format!("{start}/*")),
        PathPattern::Regex(_) => (2, Reverse(0), String::new()),
    };
    let subjects = || route.conditions.iter().map(|condition| &condition.subject);
    let headers = Reverse(subjects().filter(|subject| matches!(subject, Subject::Header(_))).count());
    let queries = Reverse(subjects().filter(|subject| matches!(subject, Subject::Query(_))).count());
    let age = (route.order, route.name.clone());
    (-route.priority, host, path, route.methods.is_empty(), headers, queries, age)
}

/// With a literal segment before every regular expression, without one behind.
fn segments_place(text: &str) -> (u8, Reverse<usize>, String) {
    let shape: String = text.split('/').skip(1).map(shape_of).collect();
    let literals = shape.matches('a').count();
    (if literals > 0 { 1 } else { 3 }, Reverse(literals), shape + "y")
}

/// Literal before parameter before the end before an open end.
fn shape_of(segment: &str) -> &'static str {
    match segment {
        "*" => "z",
        _ if segment.starts_with('{') => "b",
        _ => "a",
    }
}

/// What the plain scan says: the chosen route's name, or the methods that would be served.
pub(super) fn scan(routes: &[Route], case: &Case) -> Result<String, Vec<String>> {
    let (mut matching, mut methods) = (Vec::new(), Vec::new());
    for route in routes {
        let mut hosts: Vec<Option<&HostPattern>> =
            route.hosts.iter().filter(|host| host_is_meant(host, case.host)).map(Some).collect();
        hosts.extend(route.hosts.is_empty().then_some(None));
        let Some(params) = path_params(&route.path, &case.path) else { continue };
        let when = route.when.as_deref().is_none_or(|when| match when.split_once(':').unwrap() {
            ("host", host) => host == case.host,
            (_, value) => params.first().is_some_and(|param| param == value),
        });
        let client = route.client_ip.is_empty() || route.client_ip.iter().any(|network| case.is_below(network));
        if !when || !client || hosts.is_empty() || !route.conditions.iter().all(|condition| case.satisfies(condition)) {
            continue;
        }
        if route.methods.is_empty() || route.methods.iter().any(|method| method == case.method) {
            matching.extend(hosts.into_iter().map(|host| (place(route, host), route.name.clone())));
        } else {
            methods.extend(route.methods.clone());
        }
    }
    methods.sort();
    methods.dedup();
    matching.into_iter().min().map(|(_, name)| name).ok_or(methods)
}
