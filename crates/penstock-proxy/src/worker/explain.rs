//! What a plan does with an imagined request: the same parsing, routing and picking as live traffic.

use std::collections::BTreeMap;
use std::sync::Arc;

use penstock_plan::{Body, Listener as ListenerPlan, Plan, Protocol};
use serde::Serialize;

use super::build::{Built, build};
use super::imagine::{Imagined, Url, imagine};
use super::imagine_tls::{ExplainedTls, Handshake};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::http1::Malformed;
use crate::listener::{BuiltStreamRoute, ListenerRoutes, carries};
use crate::pipeline::{Action, BuiltPipeline, Filter, ForeignFilter, ForeignFilters, ForeignStep, Outcome, Target};
use crate::routing::{FailedCondition, RouteExplanation, RouteVerdict};
use crate::telemetry::Places;
use crate::upstream::first_pick;

/// What becomes of it.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// The listener.
    pub listener: String,
    /// The handshake, where the listener speaks TLS.
    pub tls: Option<ExplainedTls>,
    /// The host routes are matched against.
    pub host: String,
    /// The path routes are matched against.
    pub path: String,
    /// The step of the listener's `before` that answers, so that no route is looked for.
    pub before: Option<String>,
    /// Every route, in order of precedence, and the first condition that failed.
    pub routes: Vec<RouteExplanation>,
    /// The route that serves it.
    pub chosen: Option<Chosen>,
    /// The status of the gateway's own answer, where no route serves it.
    pub status: Option<u16>,
    /// Methods that would be served, where only the method failed.
    pub allow: Option<String>,
}

impl Explained {
    /// The same, and nothing served where the handshake is refused.
    fn unless_refused(self) -> Self {
        let is_refused = self.tls.as_ref().is_some_and(|tls| tls.refused.is_some());
        if is_refused { Self { chosen: None, ..self } } else { self }
    }
}

/// The route that serves a request and what it does.
#[derive(Debug, Serialize)]
pub struct Chosen {
    /// Its name.
    pub route: String,
    /// Path parameters.
    pub params: BTreeMap<String, String>,
    /// Steps in order.
    pub steps: Vec<ExplainedStep>,
    /// The upstream that the first `Forward` reached would use.
    pub upstream: Option<String>,
    /// The endpoint it would pick first.
    pub endpoint: Option<String>,
}

/// One step of the pipeline.
#[derive(Debug, Serialize)]
pub struct ExplainedStep {
    /// Its name.
    pub name: String,
    /// Whether its condition holds for this request as it came.
    pub runs: bool,
    /// What it would do with the destination that the request names, where it is asked for that.
    pub destination: Option<String>,
}

/// A plan that is asked what it does with requests.
pub struct Explainer {
    plan: Plan,
    built: Built,
}

impl Explainer {
    /// Builds a plan as a worker does, once for all requests.
    ///
    /// # Errors
    /// One sentence: the plan is malformed.
    pub fn new(plan: Plan) -> Result<Self, String> {
        let built = build(&plan, &Unrun, &Places::new(), None, None).map_err(|problems| {
            problems.first().map_or_else(|| "the plan cannot be built".to_owned(), ToString::to_string)
        })?;
        Ok(Self { plan, built })
    }

    /// Explains what the plan does with a request.
    ///
    /// # Errors
    /// One sentence: the request is malformed, or there is no such listener.
    pub fn explain(&self, imagined: &Imagined) -> Result<Explained, String> {
        let Self { plan, built } = self;
        explain(plan, built, imagined)
    }
}

fn explain(plan: &Plan, built: &Built, imagined: &Imagined) -> Result<Explained, String> {
    let url = Url::parse(&imagined.url)?;
    let name = listener_name(plan, imagined.listener.as_deref(), &url)?;
    let served = built.listeners.get(&name).ok_or_else(|| format!("no listener {name}"))?;
    let (listener, routes) = (&served.built, &served.routes);
    let shake_hands = |host: &str| {
        let terms = listener.plan.tls.as_ref();
        terms.map(|terms| Handshake::imagine(plan, &listener.plan, terms, &imagined.tls, host)).transpose()
    };
    if carries(&listener.plan.protocols) {
        let tls = shake_hands(url.host())?.map(|handshake| handshake.explained);
        let is_named = listener.plan.protocols.contains(&Protocol::Tls);
        let host = is_named.then(|| imagined.tls.asked(url.host()));
        return Ok(Explained { tls, ..carried(name, host, routes, built) }.unless_refused());
    }
    if url.protocol.is_some() {
        return Err(format!("listener {name} speaks HTTP; write http:// or https://"));
    }
    let is_proxy = routes.are_proxies || listener.before.is_proxy();
    if imagined.method == "CONNECT" && !is_proxy {
        return Err(format!("the listener would refuse it with 501: {}", Malformed::Method));
    }
    let mut exchange = imagine(imagined, &url, listener)?;
    let handshake = shake_hands(&exchange.request.host)?;
    let failure = handshake.as_ref().and_then(|handshake| handshake.failure);
    let tls = handshake.map(|handshake| {
        exchange.request.session = Some(Arc::new(handshake.session));
        handshake.explained
    });
    if let Some(failure) = failure {
        let status = (failure == Failure::Misdirected).then_some(failure.verdict().status);
        return Ok(Explained { tls, status, ..unrouted(name, &exchange) });
    }
    if let Some(before) = run_before(&listener.before, &mut exchange) {
        let (status, before) = (Some(exchange.response.status), Some(before));
        return Ok(Explained { tls, before, status, ..unrouted(name, &exchange) });
    }
    let explanation = routes.router.explain(&mut exchange.request);
    let chosen = explanation.chosen.map(|chosen| {
        exchange.route = routes.router.route(chosen.index).map(|route| Arc::clone(&route.name));
        let (steps, upstream) = steps(routes, chosen.index, &exchange);
        let endpoint = upstream.as_deref().and_then(|key| built.upstream(key)).and_then(first_pick);
        let upstream = upstream.map(|key| key.strip_prefix("upstream/").unwrap_or(&key).to_owned());
        Chosen { route: chosen.route, params: chosen.params, steps, upstream, endpoint }
    });
    Ok(Explained {
        listener: name,
        tls,
        host: exchange.request.host.clone(),
        path: exchange.request.path.clone(),
        before: None,
        routes: explanation.routes,
        chosen,
        status: explanation.status,
        allow: explanation.allow,
    })
}

/// What becomes of a connection whose bytes are carried as they are, where that is so by the host that it asks for.
fn carried(listener: String, asked: Option<String>, served: &ListenerRoutes, built: &Built) -> Explained {
    let (is_named, host) = (asked.is_some(), asked.unwrap_or_default());
    let found = served.streams.of(&host).map(|(route, _)| route);
    let chosen = found.map(|route| {
        let key = route.to.iter().max_by_key(|to| to.weight).map(|to| to.upstream.as_str());
        let endpoint = key.and_then(|key| built.upstream(key)).and_then(first_pick);
        let upstream = key.map(|key| key.strip_prefix("upstream/").unwrap_or(key).to_owned());
        let (params, steps) = (BTreeMap::new(), Vec::new());
        Chosen { route: route.name.name.to_string(), params, steps, upstream, endpoint }
    });
    let name = chosen.as_ref().map(|chosen| chosen.route.as_str());
    let routes = served.streams.routes.iter().map(|(route, _)| verdict(route, &host, name));
    let routes = if is_named { routes.collect() } else { Vec::new() };
    let path = String::new();
    Explained { listener, tls: None, host, path, before: None, routes, chosen, status: None, allow: None }
}

/// What became of a route for a host.
fn verdict(route: &BuiltStreamRoute, host: &str, chosen: Option<&str>) -> RouteExplanation {
    let name = route.name.name.to_string();
    let found = (!host.is_empty()).then(|| host.to_owned());
    let expected = route.hosts.as_ref().map(|hosts| hosts.join(", "));
    let (verdict, failed) = match expected {
        _ if chosen == Some(&*name) => (RouteVerdict::Chosen, None),
        Some(expected) if !route.is_for(host) => {
            (RouteVerdict::Rejected, Some(FailedCondition { condition: "host", name: None, expected, found }))
        }
        _ => (RouteVerdict::Hidden, None),
    };
    RouteExplanation { name, verdict, failed }
}

/// Runs what the listener does before routing; gives the step that answers. Python filters are not called.
fn run_before(before: &BuiltPipeline, exchange: &mut Exchange) -> Option<String> {
    let mut index = 0;
    while let Some(step) = before.steps.get(index) {
        let runs = step.when.as_ref().is_none_or(|when| when.holds(&exchange.facts()));
        let outcome = match &step.action {
            Action::Filter(filter) if runs => filter.on_request(exchange),
            Action::End if runs => return None,
            _ => Outcome::Continue,
        };
        let target = match outcome {
            Outcome::Result(result) => step.target(result),
            _ => None,
        };
        index = match target {
            Some(Target::End) => return exchange.is_answered().then(|| step.name.to_string()),
            Some(Target::Step(target)) => target,
            None if exchange.is_answered() => return Some(step.name.to_string()),
            None => index + 1,
        };
    }
    exchange.is_answered().then(String::new)
}

/// What is told of a request for which no route is looked for.
fn unrouted(listener: String, exchange: &Exchange) -> Explained {
    let (host, path) = (exchange.request.host.clone(), exchange.request.path.clone());
    let (before, routes, chosen, allow) = (None, Vec::new(), None, None);
    Explained { listener, tls: None, host, path, before, routes, chosen, status: None, allow }
}

/// The listener named, else the one at the URL's port, else the first that speaks as its scheme says, else the first.
fn listener_name(plan: &Plan, named: Option<&str>, url: &Url<'_>) -> Result<String, String> {
    let listeners = plan.parts.values().filter_map(|part| match &part.body {
        Body::Listener(listener) => Some(listener),
        _ => None,
    });
    let mut listeners: Vec<&ListenerPlan> = listeners.collect();
    if let Some(name) = named {
        let known = listeners.iter().any(|listener| listener.name == name);
        return if known { Ok(name.to_owned()) } else { Err(format!("no listener {name}")) };
    }
    let suffix = format!(":{}", url.port);
    listeners.sort_by_key(|listener| {
        let carried =
            [Protocol::Tls, Protocol::Tcp, Protocol::Udp].into_iter().find(|one| listener.protocols.contains(one));
        (carried != url.protocol, !listener.address.ends_with(&suffix), listener.tls.is_some() != url.is_https)
    });
    listeners.first().map(|listener| listener.name.clone()).ok_or_else(|| "the plan has no listener".to_owned())
}

/// The steps of a route's pipeline, and the upstream of the first `Forward` that runs.
fn steps(routes: &ListenerRoutes, index: usize, exchange: &Exchange) -> (Vec<ExplainedStep>, Option<String>) {
    let Some(pipeline) = routes.pipelines.get(index) else { return (Vec::new(), None) };
    let (mut steps, mut upstream) = (Vec::new(), None);
    for step in &pipeline.steps {
        let runs = step.when.as_ref().is_none_or(|when| when.holds(&exchange.facts()));
        if let (Action::Forward(forward), true, None) = (&step.action, runs, &upstream) {
            upstream = forward.to.iter().max_by_key(|to| to.weight).map(|to| to.upstream.clone());
        }
        let destination = match &step.action {
            Action::ForwardProxy(proxy) => Some(proxy.explain(&exchange.request.host, exchange.request.port)),
            _ => None,
        };
        steps.push(ExplainedStep { name: step.name.to_string(), runs, destination });
    }
    (steps, upstream)
}

/// Stands in for Python filters, which an explanation never calls.
struct Unrun;

impl ForeignFilters for Unrun {
    fn build(&self, _: &ForeignStep<'_>) -> Result<ForeignFilter, String> {
        Ok(ForeignFilter { filter: Box::new(Self), results: None })
    }
}

impl Filter for Unrun {}
