//! The explanation of a verdict: every route that was tried and what it failed on.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Router;
use super::built_route::{BuiltRoute, Part};
use super::router::{WHOLE_SERVER, add_methods};
use crate::exchange::{Request, decoded_text};

/// What the router says of a request, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Every route of the listener, in order of precedence for this request.
    pub routes: Vec<RouteExplanation>,
    /// The route that serves the request.
    pub chosen: Option<ChosenRoute>,
    /// Methods that would be served, where only the method failed.
    pub allow: Option<String>,
    /// Where no route serves it 404, 405, or 200 for `OPTIONS *`.
    pub status: Option<u16>,
}

/// One route and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteExplanation {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub verdict: RouteVerdict,
    /// The first condition that failed, where it was rejected.
    pub failed: Option<FailedCondition>,
}

/// What became of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteVerdict {
    /// It serves the request.
    Chosen,
    /// A condition failed.
    Rejected,
    /// It matches, but one of higher precedence serves.
    Hidden,
}

/// A condition that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedCondition {
    /// `host`, `path`, `method`, `header`, `query`, `cookie`, `client_ip` or `when`.
    pub condition: &'static str,
    /// Name of the header, query parameter or cookie.
    pub name: Option<String>,
    /// What would have matched.
    pub expected: String,
    /// What the request has; absent where it has nothing.
    pub found: Option<String>,
}

/// The route that serves a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChosenRoute {
    /// For [`Router::route`].
    #[serde(skip)]
    pub index: usize,
    /// Its name.
    pub route: String,
    /// Its path parameters, decoded.
    pub params: BTreeMap<String, String>,
}

impl Router {
    /// Tries every route by the matchers that [`Router::find`] uses, without its index.
    ///
    /// Afterwards the request holds the parameters of the chosen route.
    pub fn explain(&self, request: &mut Request) -> Explanation {
        let (mut routes, mut chosen, mut allow) = (Vec::new(), None, String::new());
        for (index, route) in self.in_order(&request.host) {
            let failure = route.first_failure(request);
            if failure == Some(Part::Method) && route.fails_only_on_method(request) {
                add_methods(&route.methods, &mut allow);
            }
            let verdict = match failure {
                Some(_) => RouteVerdict::Rejected,
                None if chosen.is_some() => RouteVerdict::Hidden,
                None => RouteVerdict::Chosen,
            };
            if verdict == RouteVerdict::Chosen {
                chosen =
                    Some(ChosenRoute { index, route: route.name.name.to_string(), params: params(route, request) });
            }
            let failed = failure.map(|part| describe(route, part, request));
            routes.push(RouteExplanation { name: route.name.name.to_string(), verdict, failed });
        }
        self.leave_params(chosen.as_ref(), request);
        let allow = (chosen.is_none() && !allow.is_empty()).then_some(allow);
        let status = match allow {
            Some(_) => 405,
            None if request.path == WHOLE_SERVER => 200,
            None => 404,
        };
        let status = chosen.is_none().then_some(status);
        Explanation { routes, chosen, allow, status }
    }

    /// Every route once: where its host matches, at the best place of a host that does.
    fn in_order(&self, host: &str) -> Vec<(usize, &BuiltRoute)> {
        let mut places: Vec<Option<(bool, usize)>> = vec![None; self.routes().len()];
        for (rank, entry) in self.entries.iter().enumerate() {
            let (Some(route), Some(place)) = (self.route(entry.route), places.get_mut(entry.route)) else { continue };
            let pattern = entry.host.and_then(|position| route.hosts.get(position));
            let matches = pattern.is_none_or(|pattern| pattern.matches(host));
            if place.is_none_or(|(matched, _)| matches && !matched) {
                *place = Some((matches, rank));
            }
        }
        let mut order: Vec<_> = self.routes().iter().enumerate().map(|(index, route)| (index, &**route)).collect();
        order.sort_by_key(|(index, _)| places.get(*index).copied().flatten().map(|(_, rank)| rank));
        order
    }

    fn leave_params(&self, chosen: Option<&ChosenRoute>, request: &mut Request) {
        request.params.spans.clear();
        if let Some(route) = chosen.and_then(|chosen| self.route(chosen.index)) {
            route.path.matches(&request.path, &mut request.params.spans);
        }
    }
}

fn params(route: &BuiltRoute, request: &Request) -> BTreeMap<String, String> {
    let names = route.name.param_names.iter().enumerate();
    let value = |position| request.param(position).map(|value| decoded_text(value.as_bytes(), false).into_owned());
    names.map(|(position, name)| (name.to_string(), value(position).unwrap_or_default())).collect()
}

fn describe(route: &BuiltRoute, part: Part, request: &Request) -> FailedCondition {
    let failed =
        |condition, expected, found: String| FailedCondition { condition, name: None, expected, found: Some(found) };
    match part {
        Part::Host => failed("host", listed(route.hosts.iter()), request.host.clone()),
        Part::Path => failed("path", route.path.to_string(), request.path.clone()),
        Part::Method => failed("method", listed(route.methods.iter()), request.method_text().to_owned()),
        Part::Client => failed("client_ip", listed(route.clients.texts()), request.client.ip.to_string()),
        Part::When => {
            let expected = route.when.as_ref().map(|when| when.text.to_string());
            failed("when", expected.unwrap_or_default(), "false".to_owned())
        }
        Part::Condition(position) => {
            let condition = route.conditions.get(position);
            FailedCondition {
                condition: condition.map_or("", |condition| condition.kind()),
                name: condition.map(|condition| condition.name().to_owned()),
                expected: condition.map(ToString::to_string).unwrap_or_default(),
                found: condition.and_then(|condition| condition.found(request)),
            }
        }
    }
}

fn listed<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
