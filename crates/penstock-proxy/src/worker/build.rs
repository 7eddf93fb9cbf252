//! From a plan to what the IO thread runs; done on a helper thread, because it takes time.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use penstock_plan::{Body, Listener as ListenerPlan, LogFormat, Plan, Route, Upstream};

use crate::connection::Trust;
use crate::expression::Condition;
use crate::http1::HeadLimits;
use crate::listener::BuiltListener;
use crate::pipeline::{BuiltPipeline, ForeignFilters, PlanFilters};
use crate::routing::{BuiltRoute, Predicate, Router};

/// A plan in the form that the IO thread runs; the default is one without parts.
#[derive(Default)]
pub struct Built {
    pub(crate) listeners: BTreeMap<String, Arc<BuiltListener>>,
    pub(crate) upstreams: BTreeMap<String, Upstream>,
    pub(crate) names: HashMap<String, Vec<IpAddr>>,
    pub(crate) log_format: Option<LogFormat>,
    routes: HashMap<String, (String, Arc<BuiltRoute>)>,
    pipelines: HashMap<String, (String, Arc<BuiltPipeline>)>,
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
/// # Errors
/// Every part that cannot be built.
pub fn build(plan: &Plan, foreign: &dyn ForeignFilters, previous: Option<&Built>) -> Result<Built, Vec<BuildProblem>> {
    let mut builder =
        Builder { filters: PlanFilters { plan, foreign }, previous, problems: Vec::new(), built: Built::default() };
    for (key, part) in &plan.parts {
        builder.add(key, &part.hash, &part.body);
    }
    for part in plan.parts.values() {
        if let Body::Listener(listener) = &part.body {
            builder.add_listener(listener);
        }
    }
    if builder.problems.is_empty() { Ok(builder.built) } else { Err(builder.problems) }
}

struct Builder<'a> {
    filters: PlanFilters<'a>,
    previous: Option<&'a Built>,
    problems: Vec<BuildProblem>,
    built: Built,
}

impl Builder<'_> {
    fn add(&mut self, key: &str, hash: &str, body: &Body) {
        match body {
            Body::Route(route) => self.add_route(key, hash, route),
            Body::Pipeline(pipeline) => self.add_pipeline(key, hash, &pipeline.steps),
            Body::Upstream(upstream) => {
                self.built.upstreams.insert(key.to_owned(), upstream.clone());
            }
            Body::Names(names) => {
                let addresses = names.addresses.iter().filter_map(|text| text.parse().ok()).collect();
                self.built.names.insert(names.name.clone(), addresses);
            }
            Body::Telemetry(telemetry) => {
                self.built.log_format = telemetry.access_log.as_ref().map(|log| log.format.clone());
            }
            Body::Listener(_) | Body::Plugin(_) => {}
        }
    }

    fn add_route(&mut self, key: &str, hash: &str, route: &Route) {
        let known = self.previous.and_then(|previous| previous.routes.get(key)).filter(|(of, _)| of == hash);
        let built = match known {
            Some((_, built)) => Arc::clone(built),
            None => match BuiltRoute::build(route, &compile_when) {
                Ok(built) => Arc::new(built),
                Err(problems) => return self.refuse_all(key, &problems),
            },
        };
        self.built.routes.insert(key.to_owned(), (hash.to_owned(), built));
    }

    fn add_pipeline(&mut self, key: &str, hash: &str, steps: &[penstock_plan::Step]) {
        // The code of a plugin may have changed though the steps have not.
        let hash = &(hash.to_owned() + &self.filters.digests(steps));
        let known = self.previous.and_then(|previous| previous.pipelines.get(key)).filter(|(of, _)| of == hash);
        let built = match known {
            Some((_, built)) => Arc::clone(built),
            None => match BuiltPipeline::build(steps, self.filters) {
                Ok(built) => Arc::new(built),
                Err(problems) => return self.refuse_all(key, &problems),
            },
        };
        self.built.pipelines.insert(key.to_owned(), (hash.to_owned(), built));
    }

    fn add_listener(&mut self, plan: &ListenerPlan) {
        let key = format!("listener/{}", plan.name);
        let mut routes: Vec<_> = self.built.routes.values().map(|(_, route)| route).collect();
        routes.retain(|route| route.serves_listener(&plan.name));
        let routes: Vec<_> = routes.into_iter().map(Arc::clone).collect();
        let mut pipelines = Vec::with_capacity(routes.len());
        for route in &routes {
            match self.built.pipelines.get(&*route.pipeline) {
                Some((_, pipeline)) => pipelines.push(Arc::clone(pipeline)),
                None => return self.refuse(&key, format!("no part {} for route {}", route.pipeline, route.name.name)),
            }
        }
        let (before, after) = (self.steps(&key, &plan.before), self.steps(&key, &plan.after));
        let Some(proxies) = self.networks(&key, &plan.trusted_proxies) else { return };
        let limits = &plan.limits;
        let head_limits = HeadLimits {
            bytes: limits.header_bytes as usize,
            fields: limits.fields as usize,
            target_bytes: limits.uri_bytes as usize,
        };
        let listener = BuiltListener {
            plan: plan.clone(),
            head_limits,
            trust: Trust { proxies },
            router: Router::build(routes),
            pipelines,
            before,
            after,
        };
        self.built.listeners.insert(plan.name.clone(), Arc::new(listener));
    }

    fn steps(&mut self, key: &str, steps: &[penstock_plan::Step]) -> BuiltPipeline {
        BuiltPipeline::build(steps, self.filters).unwrap_or_else(|problems| {
            self.refuse_all(key, &problems);
            BuiltPipeline::default()
        })
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

fn compile_when(text: &str) -> Result<Predicate, String> {
    let condition = Condition::parse(text).map_err(|problem| problem.to_string())?;
    Ok(Box::new(move |facts| condition.holds(facts)))
}
