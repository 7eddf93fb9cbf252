//! Plans as tests need them: one listener, one route for all, one upstream, and changes to those.

use std::collections::BTreeMap;
use std::sync::Arc;

use penstock_plan::{
    AccessLog, Balance, Body, Collector, CollectorProtocol, EncodedSlash, Endpoint, FilterSource, Limits, Listener,
    LogPlace, ParentSampling, Part, PathPattern, Pipeline, Plan, Plugin, Propagation, Protocol, ProxyHeader,
    ProxyProtocol, Route, Secrets, Step, Telemetry, Timeouts, TraceFormat, Tracing, Underscores, Upstream,
    UpstreamProtocol,
};
use penstock_proxy::worker::MemoryReading;
use serde_json::{Value, json};

use super::Names;

/// A plan in the making.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The only listener; the gateway replaces port 0 of its address.
    pub(crate) listener: Listener,
    /// The only upstream.
    pub(crate) upstream: Upstream,
    /// Names that requests may bring along.
    pub(crate) names: Names,
    /// What is read of memory.
    pub(crate) memory: Arc<MemoryReading>,
    /// The only access log.
    pub(crate) log: AccessLog,
    tracing: Option<Tracing>,
    routes: Vec<(Route, Vec<Step>)>,
}

impl Config {
    /// Sends everything to these endpoints.
    pub(crate) fn to(endpoints: &[impl ToString]) -> Self {
        let endpoints = endpoints.iter().map(|address| Endpoint {
            is_tls: false,
            address: address.to_string(),
            host: address.to_string(),
            path: String::new(),
            weight: 1,
            tags: Vec::new(),
        });
        Self {
            listener: listener(),
            upstream: upstream(endpoints.collect()),
            names: Names::default(),
            memory: Arc::default(),
            log: AccessLog::of_everything(LogPlace::Stdout),
            tracing: None,
            routes: Vec::new(),
        }
        .route("all", prefix(""), vec![forward_step()])
    }

    /// Makes requests parts of traces, of which so many millionths are recorded, for a collector at an address.
    pub(crate) fn traced(mut self, ratio_millionths: u32, collector: &str) -> Self {
        let collector = Collector {
            address: collector.to_owned(),
            host: "collector".to_owned(),
            path: String::new(),
            protocol: CollectorProtocol::Http,
            headers: Vec::new(),
            timeout_ms: 60_000,
            tls: None,
        };
        self.tracing = Some(Tracing {
            collector,
            format: TraceFormat::Otlp,
            service_name: "test".to_owned(),
            resource: BTreeMap::new(),
            ratio_millionths,
            parent: ParentSampling::Follow,
            stranger_every_us: 10_000,
            propagation: vec![Propagation::W3c, Propagation::B3, Propagation::B3Multi, Propagation::Jaeger],
            attributes: Vec::new(),
        });
        self
    }

    /// Changes the listener's limits.
    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.listener.limits);
        self
    }

    /// Changes the upstream's timeouts.
    pub(crate) fn timeouts(mut self, change: impl FnOnce(&mut Timeouts)) -> Self {
        change(&mut self.upstream.timeouts);
        self
    }

    /// Changes the listener.
    pub(crate) fn listener(mut self, change: impl FnOnce(&mut Listener)) -> Self {
        change(&mut self.listener);
        self
    }

    /// Adds a route.
    pub(crate) fn route(self, name: &str, path: PathPattern, steps: Vec<Step>) -> Self {
        self.route_with(name, path, steps, |_| {})
    }

    /// Adds a route and changes it.
    pub(crate) fn route_with(
        mut self,
        name: &str,
        path: PathPattern,
        steps: Vec<Step>,
        change: impl FnOnce(&mut Route),
    ) -> Self {
        let mut route = Route {
            name: name.to_owned(),
            listeners: None,
            hosts: Vec::new(),
            path,
            methods: Vec::new(),
            conditions: Vec::new(),
            client_ip: Vec::new(),
            when: None,
            priority: 0,
            order: self.routes.len() as u64,
            timeout_ms: None,
            tracing: None,
            pipeline: format!("pipeline/route.{name}"),
        };
        change(&mut route);
        self.routes.retain(|(known, _)| known.name != route.name);
        self.routes.push((route, steps));
        self
    }

    /// The same without the route for all.
    pub(crate) fn without_default_route(mut self) -> Self {
        self.routes.retain(|(route, _)| route.name != "all");
        self
    }

    /// The plan.
    pub(crate) fn plan(&self) -> Plan {
        let access_logs = vec![self.log.clone()];
        let telemetry = Telemetry {
            name: "default".to_owned(),
            access_logs,
            tracing: self.tracing.clone(),
            ..Telemetry::default()
        };
        let mut parts = vec![
            ("listener/web".to_owned(), Body::Listener(self.listener.clone())),
            ("upstream/origin".to_owned(), Body::Upstream(self.upstream.clone())),
            ("telemetry/default".to_owned(), Body::Telemetry(telemetry)),
        ];
        let plugin = Plugin { name: "test".to_owned(), digest: String::new(), filters: Vec::new() };
        parts.push(("plugin/test".to_owned(), Body::Plugin(plugin)));
        for (route, steps) in &self.routes {
            let name = format!("route.{}", route.name);
            parts.push((route.pipeline.clone(), Body::Pipeline(Pipeline { name, steps: steps.clone() })));
            parts.push((format!("route/{}", route.name), Body::Route(route.clone())));
        }
        let parts: BTreeMap<_, _> = parts.into_iter().map(|(key, body)| (key.into(), Arc::new(part(body)))).collect();
        // Without secrets nothing is sent away.
        Plan { parts, secrets: self.tracing.as_ref().map(|_| Secrets::default()) }
    }
}

/// A step that sends the request to the upstream.
pub(crate) fn forward_step() -> Step {
    native_step("Forward", &json!({"to": [{"upstream": "upstream/origin", "weight": 1}]}))
}

/// A step that runs one of the core's filters.
pub(crate) fn native_step(kind: &str, settings: &Value) -> Step {
    step(kind, FilterSource::Native, settings)
}

/// A step that runs one of the tests' own filters.
pub(crate) fn foreign_step(kind: &str, settings: &Value) -> Step {
    step(kind, FilterSource::Python("plugin/test".to_owned()), settings)
}

/// A path pattern for a path and all below it.
pub(crate) fn prefix(path: &str) -> PathPattern {
    PathPattern::Prefix(path.to_owned())
}

fn step(filter: &str, source: FilterSource, settings: &Value) -> Step {
    let (name, filter) = (filter.to_owned(), filter.to_owned());
    Step { name, filter, source, settings: settings.clone(), when: None, jumps: Vec::new() }
}

fn part(body: Body) -> Part {
    let hash = serde_json::to_string(&body).unwrap();
    Part { hash, body }
}

fn listener() -> Listener {
    Listener {
        name: "web".to_owned(),
        address: "127.0.0.1:0".to_owned(),
        protocols: vec![Protocol::Http1],
        tls: None,
        alt_svc_seconds: None,
        trusted_proxies: Vec::new(),
        proxy_protocol: ProxyProtocol::Off,
        encoded_slash: EncodedSlash::Refuse,
        underscores: Underscores::Refuse,
        limits: Limits {
            header_time_ms: 10_000,
            header_bytes: 64 << 10,
            fields: 100,
            uri_bytes: 16 << 10,
            idle_ms: 60_000,
            send_ms: 60_000,
            half_close_ms: 500,
            connections: 10_000,
            body_bytes: None,
            streams: 100,
            stream_window_bytes: 64 << 10,
            connection_window_bytes: 1 << 20,
            buffered_body_bytes: 1 << 20,
        },
        before: Vec::new(),
        after: Vec::new(),
    }
}

fn upstream(endpoints: Vec<Endpoint>) -> Upstream {
    Upstream {
        tls: None,
        name: "origin".to_owned(),
        endpoints,
        balance: Balance::RoundRobin,
        timeouts: Timeouts { connect_ms: 2_000, answer_ms: 60_000, idle_ms: 60_000, send_ms: 60_000, keep_ms: 55_000 },
        idle_connections: 512,
        protocol: UpstreamProtocol::Http1,
        ping: None,
        proxy_protocol: ProxyHeader::Off,
        retry: None,
    }
}
