//! What a plan does with an imagined request: the same parsing, routing and picking as live traffic.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use penstock_plan::{Body, Listener as ListenerPlan, Plan};
use serde::{Deserialize, Serialize};

use super::build::build;
use crate::connection::understand;
use crate::exchange::{Client, Exchange};
use crate::http1::parse_request;
use crate::listener::{BuiltListener, ListenerRoutes};
use crate::pipeline::{Action, Filter, ForeignFilter, ForeignFilters, ForeignStep};
use crate::routing::RouteExplanation;
use crate::telemetry::Places;
use crate::upstream::first_pick;

/// A request that somebody imagines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imagined {
    /// The listener it comes in by; absent: the one whose port the URL names, else the first.
    pub listener: Option<String>,
    /// Method.
    pub method: String,
    /// `http://host[:port]/path?query`
    pub url: String,
    /// Fields, as name and value.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The client's address; absent: loopback.
    pub from: Option<IpAddr>,
}

/// What becomes of it.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// The listener.
    pub listener: String,
    /// The host routes are matched against.
    pub host: String,
    /// The path routes are matched against.
    pub path: String,
    /// Every route, in order of precedence, and the first condition that failed.
    pub routes: Vec<RouteExplanation>,
    /// The route that serves it.
    pub chosen: Option<Chosen>,
    /// The status of the gateway's own answer, where no route serves it.
    pub status: Option<u16>,
    /// Methods that would be served, where only the method failed.
    pub allow: Option<String>,
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
}

/// Explains what a plan does with a request.
///
/// # Errors
/// One sentence: the plan or the request is malformed, or there is no such listener.
pub fn explain(plan: &Plan, imagined: &Imagined) -> Result<Explained, String> {
    let built = build(plan, &Unrun, &Places::new(), None).map_err(|problems| {
        problems.first().map_or_else(|| "the plan cannot be built".to_owned(), ToString::to_string)
    })?;
    let url = Url::parse(&imagined.url)?;
    let name = listener_name(plan, imagined.listener.as_deref(), url.port)?;
    let served = built.listeners.get(&name).ok_or_else(|| format!("no listener {name}"))?;
    let (listener, routes) = (&served.built, &served.routes);
    let mut exchange = imagine(imagined, &url, listener)?;
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
        host: exchange.request.host.clone(),
        path: exchange.request.path.clone(),
        routes: explanation.routes,
        chosen,
        status: explanation.status,
        allow: explanation.allow,
    })
}

/// The parts of an imagined request's URL.
struct Url<'a> {
    authority: &'a str,
    target: &'a str,
    port: u16,
}

impl<'a> Url<'a> {
    fn parse(url: &'a str) -> Result<Self, String> {
        let rest = url.strip_prefix("http://").ok_or_else(|| format!("{url}: write it as http://host/path"))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let after_host = authority.rsplit(']').next().unwrap_or(authority);
        let port = after_host.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(80);
        Ok(Self { authority, target, port })
    }
}

/// The listener named, else the one at the URL's port, else the first.
fn listener_name(plan: &Plan, named: Option<&str>, port: u16) -> Result<String, String> {
    let listeners = plan.parts.values().filter_map(|part| match &part.body {
        Body::Listener(listener) => Some(listener),
        _ => None,
    });
    let mut listeners: Vec<&ListenerPlan> = listeners.collect();
    if let Some(name) = named {
        let known = listeners.iter().any(|listener| listener.name == name);
        return if known { Ok(name.to_owned()) } else { Err(format!("no listener {name}")) };
    }
    let suffix = format!(":{port}");
    listeners.sort_by_key(|listener| !listener.address.ends_with(&suffix));
    listeners.first().map(|listener| listener.name.clone()).ok_or_else(|| "the plan has no listener".to_owned())
}

/// Writes the request as a client would and parses it as the listener would.
fn imagine(imagined: &Imagined, url: &Url<'_>, listener: &BuiltListener) -> Result<Exchange, String> {
    let target = match url.target {
        // As in a URL without a path (RFC 9112, section 3.2.4).
        "" if imagined.method == "OPTIONS" => "*".to_owned(),
        target if target.starts_with('/') => target.to_owned(),
        target => format!("/{target}"),
    };
    let mut text = format!("{} {target} HTTP/1.1\r\n", imagined.method);
    if !imagined.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        let _ = write!(text, "host: {}\r\n", url.authority);
    }
    for (name, value) in &imagined.headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
    let mut exchange = Exchange::default();
    let request = &mut exchange.request;
    let refused = |malformed: crate::http1::Malformed| {
        format!("the listener would refuse it with {}: {malformed}", malformed.status())
    };
    let info = parse_request(text.as_bytes(), &listener.head_limits, request).map_err(refused)?;
    let info = info.ok_or("the request's head is incomplete")?;
    understand(request, info.target, listener.plan.encoded_slash).map_err(refused)?;
    let ip = imagined.from.unwrap_or(IpAddr::from([127, 0, 0, 1])).to_canonical();
    request.client = Client { ip, peer: ip, is_trusted: listener.trust.covers(ip) };
    Ok(exchange)
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
        steps.push(ExplainedStep { name: step.name.to_string(), runs });
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
