//! A route in the form that matches requests.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use penstock_plan::{HostPattern, PathPattern, Route, Subject};

use super::precedence::{HostPlace, PathPlace, Precedence};
use super::{ConditionMatcher, HostMatcher, Networks, PathMatcher};
use crate::exchange::{Facts, Request, RouteName};
use crate::tracing::RouteTracing;

/// A compiled `when:`.
pub type Predicate = Box<dyn Fn(&Facts<'_>) -> bool + Send + Sync>;

/// Compiles the text of a `when:`, or says what is wrong with it.
pub type CompileWhen<'a> = &'a dyn Fn(&str) -> Result<Predicate, String>;

/// What is wrong with a part of a route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("route {route}: {path}: {message}")]
pub struct RouteProblem {
    /// The route's name.
    pub route: String,
    /// The part: `hosts[0]`, `path`, `when`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// A route in the form that matches requests; equal plan parts share one.
pub struct BuiltRoute {
    /// Its name and the names of its path parameters, as an exchange remembers them.
    pub name: Arc<RouteName>,
    /// Key of its pipeline.
    pub pipeline: Box<str>,
    /// Time for the whole request.
    pub timeout: Option<Duration>,
    /// What it says of traces.
    pub(crate) tracing: Option<RouteTracing>,
    pub(super) hosts: Box<[HostMatcher]>,
    pub(super) path: PathMatcher,
    pub(super) methods: Box<[Box<str>]>,
    pub(super) conditions: Box<[ConditionMatcher]>,
    pub(super) clients: Networks,
    pub(super) when: Option<When>,
    listeners: Option<Box<[Box<str>]>>,
    path_place: PathPlace,
    priority: i64,
    headers: usize,
    queries: usize,
    order: u64,
}

/// A path's pattern as users write it; empty for a regular expression.
fn pattern(path: &PathPattern) -> Box<str> {
    match path {
        PathPattern::Exact(text) | PathPattern::Template(text) => text.as_str().into(),
        PathPattern::Prefix(text) => format!("{text}/*").into(),
        PathPattern::Regex(_) => "".into(),
    }
}

/// A condition of a route and its text.
pub(super) struct When {
    pub(super) text: Box<str>,
    holds: Predicate,
}

/// The first part of a route that a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Host,
    Path,
    Method,
    /// The condition at this position.
    Condition(usize),
    Client,
    When,
}

impl BuiltRoute {
    /// Builds a route, or gives every problem in it.
    pub fn build(route: &Route, compile_when: CompileWhen<'_>) -> Result<Self, Vec<RouteProblem>> {
        let mut problems = Problems { route: &route.name, found: Vec::new() };
        let hosts = problems.keep_each("hosts", route.hosts.iter().map(HostMatcher::build));
        let path = problems.keep("path", PathMatcher::build(&route.path));
        let conditions = problems.keep_each("conditions", route.conditions.iter().map(ConditionMatcher::build));
        let clients = Networks::parse(&route.client_ip);
        let clients = clients.map_err(|(position, message)| problems.add(format!("client_ip[{position}]"), message));
        let when = route.when.as_deref().and_then(|text| problems.keep("when", When::compile(text, compile_when)));
        let (Some((path, param_names)), Ok(clients), true) = (path, clients, problems.found.is_empty()) else {
            return Err(problems.found);
        };
        let count =
            |is: fn(&Subject) -> bool| route.conditions.iter().filter(|condition| is(&condition.subject)).count();
        Ok(Self {
            name: Arc::new(RouteName {
                name: route.name.as_str().into(),
                param_names,
                names_hosts: names_hosts(route),
                pattern: pattern(&route.path),
            }),
            pipeline: route.pipeline.as_str().into(),
            timeout: route.timeout_ms.map(Duration::from_millis),
            tracing: route.tracing.map(RouteTracing::new),
            path_place: PathPlace::of(&path),
            hosts,
            path,
            methods: boxed(&route.methods),
            conditions,
            clients,
            when,
            listeners: route.listeners.as_deref().map(boxed),
            priority: route.priority,
            headers: count(|subject| matches!(subject, Subject::Header(_))),
            queries: count(|subject| matches!(subject, Subject::Query(_))),
            order: route.order,
        })
    }

    /// Whether it serves requests of a listener.
    pub fn serves_listener(&self, name: &str) -> bool {
        self.listeners.as_ref().is_none_or(|listeners| listeners.iter().any(|listener| **listener == *name))
    }

    /// Its place in the order of routes, under the host at this position.
    pub(super) fn precedence(&self, host: Option<usize>) -> Precedence<'_> {
        Precedence {
            priority: Reverse(self.priority),
            host: HostPlace::of(host.and_then(|position| self.hosts.get(position))),
            path: &self.path_place,
            names_methods: Reverse(!self.methods.is_empty()),
            headers: Reverse(self.headers),
            queries: Reverse(self.queries),
            order: self.order,
            name: &self.name.name,
        }
    }

    /// The first part that a request fails, in the order in which `explain` tells them.
    pub(super) fn first_failure(&self, request: &mut Request) -> Option<Part> {
        let serves_host = self.hosts.is_empty() || self.hosts.iter().any(|host| host.matches(&request.host));
        if serves_host { self.failure_below_host(request) } else { Some(Part::Host) }
    }

    /// The same where the host is known to match; a path that matches leaves its parameters
    /// in the request.
    pub(super) fn failure_below_host(&self, request: &mut Request) -> Option<Part> {
        if !self.path.matches(&request.path, &mut request.params.spans) {
            return Some(Part::Path);
        }
        let method = request.method_text();
        if !self.methods.is_empty() && !self.methods.iter().any(|served| **served == *method) {
            return Some(Part::Method);
        }
        self.failure_below_method(request)
    }

    /// Whether a request whose host matches fails on the method and on nothing else.
    pub(super) fn fails_only_on_method(&self, request: &mut Request) -> bool {
        self.failure_below_host(request) == Some(Part::Method) && self.failure_below_method(request).is_none()
    }

    fn failure_below_method(&self, request: &Request) -> Option<Part> {
        if let Some(position) = self.conditions.iter().position(|condition| !condition.matches(request)) {
            return Some(Part::Condition(position));
        }
        if !self.clients.is_empty() && !self.clients.contains(request.client.ip) {
            return Some(Part::Client);
        }
        let facts = || Facts { request, response: None, route: &self.name.name, param_names: &self.name.param_names };
        let holds = self.when.as_ref().is_none_or(|when| (when.holds)(&facts()));
        (!holds).then_some(Part::When)
    }
}

impl When {
    fn compile(text: &str, compile: CompileWhen<'_>) -> Result<Self, String> {
        Ok(Self { text: text.into(), holds: compile(text)? })
    }
}

/// Collects every problem of a route.
struct Problems<'a> {
    route: &'a str,
    found: Vec<RouteProblem>,
}

impl Problems<'_> {
    fn add(&mut self, path: String, message: String) {
        self.found.push(RouteProblem { route: self.route.to_owned(), path, message });
    }

    fn keep<T>(&mut self, path: &str, built: Result<T, String>) -> Option<T> {
        built.map_err(|message| self.add(path.to_owned(), message)).ok()
    }

    fn keep_each<T>(&mut self, path: &str, built: impl Iterator<Item = Result<T, String>>) -> Box<[T]> {
        built.enumerate().filter_map(|(position, built)| self.keep(&format!("{path}[{position}]"), built)).collect()
    }
}

/// Whether every host it serves is written out, in full or behind a wildcard.
fn names_hosts(route: &Route) -> bool {
    let is_named = |host: &HostPattern| !matches!(host, HostPattern::Regex(_));
    !route.hosts.is_empty() && route.hosts.iter().all(is_named)
}

fn boxed(texts: &[String]) -> Box<[Box<str>]> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

#[cfg(test)]
mod tests {
    use penstock_plan::PathPattern;

    use super::*;

    #[test]
    fn d11_only_a_route_whose_hosts_are_all_written_out_names_its_hosts() {
        let (exact, wildcard) = (HostPattern::Exact("a.example".into()), HostPattern::Wildcard("b.example".into()));
        let regex = HostPattern::Regex("example$".into());
        for (hosts, expected) in [
            (vec![], false),
            (vec![exact.clone()], true),
            (vec![exact, wildcard.clone()], true),
            (vec![wildcard, regex], false),
        ] {
            let route = Route {
                name: "r".into(),
                listeners: None,
                hosts,
                path: PathPattern::Exact("/".into()),
                methods: vec![],
                conditions: vec![],
                client_ip: vec![],
                when: None,
                priority: 0,
                order: 0,
                timeout_ms: None,
                tracing: None,
                pipeline: "pipeline/p".into(),
            };
            let built = BuiltRoute::build(&route, &|_| Err("no condition here".into())).unwrap();
            assert_eq!(built.name.names_hosts, expected, "{:?}", route.hosts);
        }
    }
}
