//! Routes and requests for tests, from short texts.

use std::sync::Arc;

use penstock_plan::{EncodedSlash, HostPattern, PathPattern, Route};

use crate::exchange::{Method, Request};
use crate::routing::path::normalise;
use crate::routing::{BuiltRoute, Predicate, Router, parse_authority};

/// A route for every request below a path, in the form that users write paths.
pub(in crate::routing) fn route(name: &str, path: &str) -> Route {
    Route {
        name: name.to_owned(),
        listeners: None,
        hosts: Vec::new(),
        path: path_pattern(path),
        methods: Vec::new(),
        conditions: Vec::new(),
        client_ip: Vec::new(),
        when: None,
        priority: 0,
        order: 0,
        timeout_ms: None,
        tracing: None,
        pipeline: format!("pipeline/route.{name}"),
    }
}

/// A path as users write it; `~` begins a regular expression.
pub(in crate::routing) fn path_pattern(text: &str) -> PathPattern {
    match (text.strip_prefix('~'), text.strip_suffix("/*")) {
        (Some(pattern), _) => PathPattern::Regex(pattern.to_owned()),
        _ if text.contains('{') => PathPattern::Template(text.to_owned()),
        (_, Some(start)) => PathPattern::Prefix(start.to_owned()),
        _ => PathPattern::Exact(text.to_owned()),
    }
}

/// A host as users write it; `~` begins a regular expression.
pub(in crate::routing) fn host_pattern(text: &str) -> HostPattern {
    match (text.strip_prefix('~'), text.strip_prefix("*.")) {
        (Some(pattern), _) => HostPattern::Regex(pattern.to_owned()),
        (_, Some(below)) => HostPattern::Wildcard(below.to_owned()),
        _ => HostPattern::Exact(text.to_owned()),
    }
}

/// Understands `param:VALUE`, the first path parameter's value, and `host:VALUE`.
pub(in crate::routing) fn compile_when(text: &str) -> Result<Predicate, String> {
    match text.split_once(':').map(|(subject, value)| (subject, value.to_owned())) {
        Some(("param", value)) => Ok(Box::new(move |facts| facts.request.param(0) == Some(value.as_str()))),
        Some(("host", value)) => Ok(Box::new(move |facts| facts.request.host == value)),
        _ => Err(format!("{text} is no condition")),
    }
}

/// A router of built routes.
pub(in crate::routing) fn router(routes: &[Route]) -> Router {
    Router::build(routes.iter().map(|route| Arc::new(BuiltRoute::build(route, &compile_when).unwrap())).collect())
}

/// A request as it stands before the router: `GET http://host/path?query`.
pub(in crate::routing) fn request(line: &str, fields: &[(&str, &str)]) -> Request {
    let (method, url) = line.split_once(' ').unwrap();
    let (authority, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let mut request = Request { method: Method::of(method.as_bytes()), ..Request::default() };
    request.method_span = request.head.intern(method.as_bytes());
    request.query = query.map(|query| request.head.intern(query.as_bytes()));
    for (name, value) in fields {
        request.head.add(name.as_bytes(), value.as_bytes());
    }
    normalise(format!("/{path}").as_bytes(), EncodedSlash::Refuse, &mut request.path).unwrap();
    if !authority.is_empty() {
        parse_authority(authority.as_bytes(), &mut request.host).unwrap();
    }
    request
}
