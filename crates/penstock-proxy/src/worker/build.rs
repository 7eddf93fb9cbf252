//! From a plan to what the IO thread runs; done on a helper thread, because it takes time.

mod collectors;
mod logs;
mod tls;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use penstock_plan::{
    Body, FilterSource, Listener as ListenerPlan, Part, Pipeline, Plan, Protocol, Route, Step, Upstream,
};
use rustls::RootCertStore;

use self::logs::shown;
use super::Share;
use crate::connection::Trust;
use crate::consumers::Consumers;
use crate::export::{Collector, Wanted};
use crate::expression::Condition;
use crate::filters::RateLimit;
use crate::http1::HeadLimits;
use crate::listener::{BuiltListener, BuiltStreamRoute, ListenerRoutes, StreamRoutes, carries};
use crate::pipeline::{BuiltPipeline, ForeignFilters, PlanFilters, StepMeter};
use crate::quic::Keys as QuicKeys;
use crate::routing::{BuiltRoute, Predicate, Router};
use crate::scan::needs_escape;
use crate::telemetry::{BuiltLog, Directory, ListenerMeter, Places, Placing, RouteMeter, Shown, UpstreamMeters};
use crate::tls::{ClientTls, LoadedCertificate, TicketKeys};
use crate::tracing::Settings as Tracing;
use crate::upstream::PlannedUpstream;

/// Numbers the plans of this process.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// A plan in the form that the IO thread runs; the default is one without parts.
#[derive(Default)]
pub struct Built {
    /// Tells it from every other plan.
    pub(crate) number: u64,
    /// Where what it names is counted.
    pub(crate) places: Arc<Places>,
    pub(crate) listeners: BTreeMap<String, ServedListener>,
    pub(crate) names: HashMap<String, Vec<IpAddr>>,
    pub(crate) consumers: Arc<Consumers>,
    pub(crate) logs: Vec<Arc<BuiltLog>>,
    /// What is shown of requests that somebody looks at as they come.
    pub(crate) shown: Arc<Shown>,
    /// Who takes OpenTelemetry data of which nothing else is said.
    pub(crate) otlp: Option<Arc<Collector>>,
    /// How traces are made; none: there are none.
    pub(crate) tracing: Option<Arc<Tracing>>,
    /// What is sent away, and to whom.
    pub(crate) exports: Vec<Wanted>,
    collectors: Known<Collector>,
    upstreams: BTreeMap<Arc<str>, (Arc<Part>, UpstreamMeters)>,
    stream_routes: BTreeMap<Arc<str>, Arc<BuiltStreamRoute>>,
    routes: Known<BuiltRoute>,
    pipelines: Known<BuiltPipeline>,
    certificates: Known<LoadedCertificate>,
    authorities: Known<RootCertStore>,
    endpoint_tls: Known<ClientTls>,
    /// Made for the first listener that speaks TLS, and kept from then on.
    tickets: Option<Arc<TicketKeys>>,
    quic_keys: Option<Arc<QuicKeys>>,
}

/// A listener and the routes it serves, apart: what lasts holds the listener and never all routes.
pub(crate) struct ServedListener {
    pub(crate) built: Arc<BuiltListener>,
    pub(crate) routes: Arc<ListenerRoutes>,
    origin: Origin,
}

/// What a built form was made of: its part, and the digests of the plugins' code in it.
#[derive(Clone)]
struct Origin {
    part: Arc<Part>,
    code: String,
}

type Known<T> = HashMap<Arc<str>, (Origin, Arc<T>), RandomState>;

impl Origin {
    fn is_same(&self, other: &Self) -> bool {
        (Arc::ptr_eq(&self.part, &other.part) || self.part.hash == other.part.hash) && self.code == other.code
    }
}

impl Built {
    /// Every upstream by its key, what is asked of its endpoints, and where it is counted.
    pub(crate) fn upstreams(&self) -> impl Iterator<Item = PlannedUpstream<'_>> {
        self.upstreams.iter().filter_map(|(key, (part, meters))| {
            let tls = self.endpoint_tls.get(key).map(|(_, tls)| tls);
            Some(PlannedUpstream { key, plan: upstream(part)?, tls, meters })
        })
    }

    /// The access logs.
    pub fn logs(&self) -> &[Arc<BuiltLog>] {
        &self.logs
    }

    /// The upstream of a key.
    pub(crate) fn upstream(&self, key: &str) -> Option<&Upstream> {
        self.upstreams.get(key).and_then(|(part, _)| upstream(part))
    }

    /// Whether nothing else uses the large things in it: then dropping them here is dropping them.
    pub(crate) fn is_unused(&self) -> bool {
        Arc::strong_count(&self.places) == 1
            && self.listeners.values().all(|listener| Arc::strong_count(&listener.routes) == 1)
    }
}

fn upstream(part: &Part) -> Option<&Upstream> {
    if let Body::Upstream(upstream) = &part.body { Some(upstream) } else { None }
}

/// Why a plan is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part}: {message}")]
pub struct BuildProblem {
    /// Key of the part.
    pub part: String,
    /// What is wrong with it.
    pub message: String,
}

/// Builds a plan; parts whose hash is that of `previous` are taken over as they are.
///
/// What it names is counted where `directory` says; a subject must keep its place for as long as a
/// plan that names it is built or runs. Limits are kept in the table of `share`; without one nothing is to run.
///
/// # Errors
/// Every part that cannot be built.
pub fn build(
    plan: &Plan,
    foreign: &dyn ForeignFilters,
    directory: &dyn Directory,
    share: Option<&Share>,
    previous: Option<&Built>,
) -> Result<Built, Vec<BuildProblem>> {
    let mut builder = Builder {
        filters: PlanFilters { plan, foreign, share },
        placing: Placing::new(directory),
        previous,
        problems: Vec::new(),
        built: Built {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            tickets: previous.and_then(|previous| previous.tickets.clone()),
            quic_keys: previous.and_then(|previous| previous.quic_keys.clone()),
            ..Built::default()
        },
    };
    let routes = plan.parts.len() / 2;
    builder.built.routes.reserve(routes);
    builder.built.pipelines.reserve(routes);
    for (key, part) in &plan.parts {
        builder.add(key, part);
    }
    for (key, part) in &plan.parts {
        if let Body::Listener(listener) = &part.body {
            builder.add_listener(key, part, listener);
        }
    }
    builder.add_consumers();
    builder.built.shown = Arc::new(shown(plan));
    builder.built.places = Arc::new(builder.placing.used());
    if builder.problems.is_empty() { Ok(builder.built) } else { Err(builder.problems) }
}

/// Where a listener and the filters in its own steps are counted.
struct ListenerMeters {
    own: ListenerMeter,
    before: Vec<Option<StepMeter>>,
    after: Vec<Option<StepMeter>>,
}

struct Builder<'a> {
    filters: PlanFilters<'a>,
    placing: Placing<'a>,
    previous: Option<&'a Built>,
    problems: Vec<BuildProblem>,
    built: Built,
}

impl Builder<'_> {
    fn add(&mut self, key: &Arc<str>, part: &Arc<Part>) {
        if needs_escape(key.as_bytes()) {
            // The access log writes names and addresses as they are.
            return self.refuse(key, "its name holds a byte that no name may hold".to_owned());
        }
        match &part.body {
            Body::Route(route) => self.add_route(key, part, route),
            Body::TcpRoute(route) => self.add_stream_route(key, BuiltStreamRoute::new(route, Protocol::Tcp)),
            Body::TlsRoute(route) => self.add_stream_route(key, BuiltStreamRoute::of_tls(route)),
            Body::UdpRoute(route) => self.add_stream_route(key, BuiltStreamRoute::new(route, Protocol::Udp)),
            Body::Pipeline(pipeline) => self.add_pipeline(key, part, pipeline),
            Body::Upstream(upstream) => {
                for endpoint in upstream.endpoints.iter().filter(|one| needs_escape(one.address.as_bytes())) {
                    let address = &endpoint.address;
                    self.refuse(key, format!("endpoint {address:?} holds a byte that no address may hold"));
                }
                let meters = self.placing.upstream(upstream);
                self.built.upstreams.insert(Arc::clone(key), (Arc::clone(part), meters));
                self.add_endpoint_tls(key, part, upstream);
            }
            Body::Names(names) => {
                let addresses = names.addresses.iter().filter_map(|text| text.parse().ok()).collect();
                self.built.names.insert(names.name.clone(), addresses);
            }
            Body::Telemetry(telemetry) => self.add_telemetry(key, part, telemetry),
            Body::Authorities(authorities) => self.add_authorities(key, part, authorities),
            Body::Certificate(certificate) => self.add_certificate(key, part, certificate),
            Body::Listener(_) | Body::Plugin(_) | Body::Consumer(_) | Body::ConsumerKeys(_) => {}
        }
    }

    fn add_route(&mut self, key: &Arc<str>, part: &Arc<Part>, route: &Route) {
        let origin = Origin { part: Arc::clone(part), code: String::new() };
        let built = match self.previous.and_then(|previous| known(&previous.routes, key, &origin)) {
            Some(built) => built,
            None => match BuiltRoute::build(route, &compile_when) {
                Ok(built) => Arc::new(built),
                Err(problems) => return self.refuse_all(key, &problems),
            },
        };
        self.built.routes.insert(Arc::clone(key), (origin, built));
    }

    fn add_pipeline(&mut self, key: &Arc<str>, part: &Arc<Part>, pipeline: &Pipeline) {
        let meters = self.meters(&pipeline.name, &pipeline.steps);
        // The code of a plugin may have changed though the steps have not.
        let origin = Origin { part: Arc::clone(part), code: self.filters.digests(&pipeline.steps) };
        let built = match self.previous.and_then(|previous| known(&previous.pipelines, key, &origin)) {
            Some(built) => built,
            None => match BuiltPipeline::build(&pipeline.steps, &meters, self.filters, self.earlier(key)) {
                Ok(built) => Arc::new(built),
                Err(problems) => return self.refuse_all(key, &problems),
            },
        };
        self.built.pipelines.insert(Arc::clone(key), (origin, built));
    }

    fn add_listener(&mut self, key: &str, part: &Arc<Part>, plan: &ListenerPlan) {
        let code = self.filters.digests(&plan.before) + "|" + &self.filters.digests(&plan.after);
        let code = code + "|" + &self.certificate_hashes(plan);
        let origin = Origin { part: Arc::clone(part), code };
        let known = self.previous.and_then(|previous| previous.listeners.get(&plan.name));
        // Looked up though nothing may be built: what is in use is noted by it.
        let meters = ListenerMeters {
            own: self.placing.listener(&plan.name),
            before: self.meters(&format!("listener:{}:before", plan.name), &plan.before),
            after: self.meters(&format!("listener:{}:after", plan.name), &plan.after),
        };
        let built = match known.filter(|known| known.origin.is_same(&origin)) {
            Some(known) => Some(Arc::clone(&known.built)),
            None => self.listener(key, plan, &meters, known.map(|known| &*known.built)),
        };
        let routes =
            if carries(&plan.protocols) { Some(self.stream_routes_of(plan)) } else { self.routes_of(key, &plan.name) };
        if let (Some(built), Some(routes)) = (built, routes) {
            self.built.listeners.insert(plan.name.clone(), ServedListener { built, routes: Arc::new(routes), origin });
        }
    }

    fn listener(
        &mut self,
        key: &str,
        plan: &ListenerPlan,
        meters: &ListenerMeters,
        earlier: Option<&BuiltListener>,
    ) -> Option<Arc<BuiltListener>> {
        let before = self.steps(key, &plan.before, &meters.before, earlier.map(|earlier| &earlier.before));
        let after = self.steps(key, &plan.after, &meters.after, earlier.map(|earlier| &earlier.after));
        let proxies = self.networks(key, &plan.trusted_proxies)?;
        let limits = &plan.limits;
        let head_limits = HeadLimits {
            bytes: limits.header_bytes as usize,
            fields: limits.fields as usize,
            target_bytes: limits.uri_bytes as usize,
        };
        let tls = match &plan.tls {
            // Without secrets nothing is to run.
            Some(terms) if self.filters.plan.secrets.is_some() => Some(self.tls(key, plan, terms)?),
            _ => None,
        };
        let quic = self.quic(key, plan, tls.as_deref());
        let (plan, trust) = (plan.clone(), Trust { proxies });
        Some(Arc::new(BuiltListener { plan, tls, quic, head_limits, trust, meter: meters.own, before, after }))
    }

    fn routes_of(&mut self, key: &str, listener: &str) -> Option<ListenerRoutes> {
        let routes = self.built.routes.values().map(|(_, route)| route);
        let routes: Vec<_> = routes.filter(|route| route.serves_listener(listener)).map(Arc::clone).collect();
        let meters: Vec<RouteMeter> = routes.iter().map(|route| self.placing.route(&route.name.name)).collect();
        let tracing = routes.iter().map(|route| route.tracing).collect();
        let mut pipelines = Vec::with_capacity(routes.len());
        for route in &routes {
            if let Some((_, pipeline)) = self.built.pipelines.get(&*route.pipeline) {
                pipelines.push(Arc::clone(pipeline));
            } else {
                self.refuse(key, format!("no part {} for route {}", route.pipeline, route.name.name));
                return None;
            }
        }
        let plan_number = self.built.number;
        let are_proxies = pipelines.iter().any(|pipeline| pipeline.is_proxy());
        Some(ListenerRoutes {
            router: Router::build(routes),
            pipelines,
            are_proxies,
            meters,
            tracing,
            streams: StreamRoutes::default(),
            plan_number,
        })
    }

    fn add_stream_route(&mut self, key: &Arc<str>, route: BuiltStreamRoute) {
        self.built.stream_routes.insert(Arc::clone(key), Arc::new(route));
    }

    /// Of a listener that carries bytes as they are.
    fn stream_routes_of(&mut self, listener: &ListenerPlan) -> ListenerRoutes {
        let routes = self.built.stream_routes.values();
        let routes = routes.filter(|route| route.serves_listener(&listener.name, &listener.protocols));
        let routes = routes.map(|route| (Arc::clone(route), self.placing.route(&route.name.name)));
        let streams = StreamRoutes::new(routes.collect());
        let (pipelines, meters) = (Vec::new(), Vec::new());
        let plan_number = self.built.number;
        ListenerRoutes {
            router: Router::build(Vec::new()),
            pipelines,
            are_proxies: false,
            meters,
            tracing: Vec::new(),
            streams,
            plan_number,
        }
    }

    fn add_consumers(&mut self) {
        match Consumers::build(self.filters.plan, self.previous.map(|previous| &previous.consumers)) {
            Ok(consumers) => self.built.consumers = consumers,
            Err(problem) => self.refuse("consumer_keys/all", problem),
        }
    }

    /// The earlier form of a pipeline.
    fn earlier(&self, key: &str) -> Option<&BuiltPipeline> {
        self.previous.and_then(|previous| previous.pipelines.get(key)).map(|(_, built)| &**built)
    }

    fn steps(
        &mut self,
        key: &str,
        steps: &[Step],
        meters: &[Option<StepMeter>],
        earlier: Option<&BuiltPipeline>,
    ) -> BuiltPipeline {
        BuiltPipeline::build(steps, meters, self.filters, earlier).unwrap_or_else(|problems| {
            self.refuse_all(key, &problems);
            BuiltPipeline::default()
        })
    }

    /// The meter of each step whose filter is counted.
    fn meters(&mut self, pipeline: &str, steps: &[Step]) -> Vec<Option<StepMeter>> {
        let meter = |step: &Step| match step.source {
            FilterSource::Python(_) => Some(StepMeter::Foreign(self.placing.filter(pipeline, &step.name))),
            FilterSource::Native if step.filter == RateLimit::KIND => {
                self.placing.limiter(pipeline, &step.name).map(StepMeter::Limiter)
            }
            FilterSource::Native => None,
        };
        steps.iter().map(meter).collect()
    }

    fn networks(&mut self, key: &str, texts: &[String]) -> Option<Vec<ipnet::IpNet>> {
        let parsed: Result<Vec<_>, _> = texts.iter().map(|text| text.parse()).collect();
        parsed.map_err(|_| self.refuse(key, "trusted_proxies: not a network".to_owned())).ok()
    }

    fn refuse(&mut self, key: &str, message: String) {
        self.problems.push(BuildProblem { part: key.to_owned(), message });
    }

    fn refuse_all(&mut self, key: &str, problems: &[impl ToString]) {
        for problem in problems {
            self.refuse(key, problem.to_string());
        }
    }
}

/// The built form of an equal part.
fn known<T>(earlier: &Known<T>, key: &str, origin: &Origin) -> Option<Arc<T>> {
    earlier.get(key).filter(|(of, _)| of.is_same(origin)).map(|(_, built)| Arc::clone(built))
}

fn compile_when(text: &str) -> Result<Predicate, String> {
    let condition = Condition::parse(text).map_err(|problem| problem.to_string())?;
    Ok(Box::new(move |facts| condition.holds(facts)))
}

#[cfg(test)]
mod tests;
