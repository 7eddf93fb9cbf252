//! One upstream as a worker runs it, and all of them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use foldhash::fast::RandomState;
use penstock_plan::{
    Balance, Endpoint as EndpointPlan, ProxyHeader, Timeouts, Upstream as UpstreamPlan, UpstreamProtocol,
};

use super::balance::{Balancer, Candidate};
use super::budget::Budget;
use super::destinations::{Destinations, MOST_IDLE};
use super::endpoint::Endpoint;
use crate::filters::ForwardProxy;
use crate::telemetry::{Recorder, UpstreamMeter, UpstreamMeters};
use crate::tls::ClientTls;
use crate::wire::{Address, Wire};

/// An upstream: what the plan says and the state that survives the plan.
pub(crate) struct Upstream {
    /// What the plan says.
    pub(crate) plan: UpstreamPlan,
    /// Endpoints, in the plan's order.
    pub(crate) endpoints: Vec<Rc<Endpoint>>,
    /// Repetitions it has left.
    pub(crate) budget: Budget,
    /// Where it is counted.
    pub(crate) meter: Cell<UpstreamMeter>,
    /// What is asked of endpoints that speak TLS.
    pub(crate) tls: Option<Arc<ClientTls>>,
    balancer: Balancer,
}

/// An upstream as a plan has it.
pub(crate) struct PlannedUpstream<'a> {
    pub(crate) key: &'a Arc<str>,
    pub(crate) plan: &'a UpstreamPlan,
    /// What is asked of endpoints that speak TLS.
    pub(crate) tls: Option<&'a Arc<ClientTls>>,
    /// Where it is counted.
    pub(crate) meters: &'a UpstreamMeters,
}

impl PlannedUpstream<'_> {
    fn is_asked_as(&self, known: &Upstream) -> bool {
        match (self.tls, &known.tls) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Upstream {
    /// One that stands for the destination that a request names itself, and serves that request alone. Its connection is
    /// kept for others only if `endpoint` is.
    pub(crate) fn of_destination(
        endpoint: DestinationEndpoint,
        (host, before_path): (String, &str),
        step: &ForwardProxy,
        recorder: &Rc<Recorder>,
    ) -> Rc<Self> {
        let DestinationEndpoint { endpoint, is_kept } = endpoint;
        let name = endpoint.name.to_string();
        let timeouts = Timeouts {
            connect_ms: step.connect.millis(),
            answer_ms: step.answer.millis(),
            idle_ms: step.idle.millis(),
            send_ms: step.idle.millis(),
            keep_ms: 0,
        };
        let plan = EndpointPlan {
            host,
            address: name,
            is_tls: false,
            path: before_path.to_owned(),
            weight: 1,
            tags: Vec::new(),
        };
        let plan = UpstreamPlan {
            name: String::new(),
            endpoints: vec![plan],
            balance: Balance::RoundRobin,
            timeouts,
            idle_connections: if is_kept { MOST_IDLE } else { 0 },
            protocol: UpstreamProtocol::Http1,
            ping: None,
            proxy_protocol: ProxyHeader::Off,
            tls: None,
            retry: None,
        };
        Rc::new(Self {
            plan,
            endpoints: vec![endpoint],
            budget: Budget::new(0),
            meter: Cell::new(recorder.other_upstreams()),
            tls: None,
            balancer: Balancer::default(),
        })
    }

    /// The endpoint for the next attempt; `tried` are positions this request has used.
    pub(crate) fn pick(&self, tried: u64, random: u64) -> Option<usize> {
        let balance = self.plan.balance;
        match balance {
            Balance::LeastRequests => self.balancer.pick(balance, self.candidates(tried, Endpoint::in_flight), random),
            // The word that all workers count in is read only where it decides.
            Balance::RoundRobin | Balance::Random => self.balancer.pick(balance, self.candidates(tried, |_| 0), random),
        }
    }

    fn candidates<'a>(
        &'a self,
        tried: u64,
        load: impl Fn(&Endpoint) -> u32 + Clone + 'a,
    ) -> impl Iterator<Item = Candidate> + Clone + 'a {
        let endpoints = self.plan.endpoints.iter().zip(&self.endpoints).enumerate();
        endpoints.map(move |(index, (plan, endpoint))| Candidate {
            weight: plan.weight,
            in_flight: load(endpoint),
            is_tried: tried & (1 << index.min(63)) != 0,
        })
    }
}

/// The endpoint that a destination is.
pub(crate) struct DestinationEndpoint {
    endpoint: Rc<Endpoint>,
    is_kept: bool,
}

impl DestinationEndpoint {
    /// An endpoint by which somebody else reaches it; no connection is kept for that.
    pub(crate) fn of(endpoint: &Rc<Endpoint>) -> Self {
        Self { endpoint: Rc::clone(endpoint), is_kept: false }
    }

    /// A connection that waits.
    pub(crate) fn take_idle(&self) -> Option<Box<Wire>> {
        self.endpoint.take_idle()
    }
}

/// The endpoint that a worker without any history would pick.
pub(crate) fn first_pick(plan: &UpstreamPlan) -> Option<String> {
    let candidates = plan.endpoints.iter().map(|one| Candidate { weight: one.weight, in_flight: 0, is_tried: false });
    let index = Balancer::default().pick(plan.balance, candidates, 0)?;
    plan.endpoints.get(index).map(|endpoint| endpoint.address.clone())
}

/// The upstreams of one worker by their key.
pub(crate) struct Upstreams {
    by_key: RefCell<HashMap<Arc<str>, Rc<Upstream>, RandomState>>,
    destinations: Destinations,
    recorder: Rc<Recorder>,
}

impl Upstreams {
    pub(crate) fn new(recorder: Rc<Recorder>) -> Self {
        Self { by_key: RefCell::default(), destinations: Destinations::default(), recorder }
    }

    /// The upstream of a key.
    pub(crate) fn get(&self, key: &str) -> Option<Rc<Upstream>> {
        self.by_key.borrow().get(key).map(Rc::clone)
    }

    /// The endpoint of an address that was found by a name, whose connections are kept for others if they may be.
    pub(crate) fn destination(&self, address: SocketAddr, name: &str, may_share: bool) -> DestinationEndpoint {
        let make = || Rc::new(Endpoint::new(&address.to_string(), self.recorder.other_endpoints(), &self.recorder));
        let kept = may_share.then(|| self.destinations.of(address, name, make)).flatten();
        let is_kept = kept.is_some();
        DestinationEndpoint { endpoint: kept.unwrap_or_else(make), is_kept }
    }

    /// Takes over a plan's upstreams; endpoints that stay keep their connections and counts.
    pub(crate) fn replace<'a>(
        &self,
        plans: impl Iterator<Item = PlannedUpstream<'a>>,
        resolve: &dyn Fn(&str) -> Vec<Address>,
    ) {
        let mut known = self.by_key.take();
        let fresh = plans.map(|planned| {
            let upstream = self.upstream(known.remove(planned.key), &planned);
            for endpoint in &upstream.endpoints {
                endpoint.set_addresses(resolve(&endpoint.name));
            }
            (Arc::clone(planned.key), upstream)
        });
        let fresh = fresh.collect();
        *self.by_key.borrow_mut() = fresh;
        // Exchanges may still use these for long, and their places be another's by then.
        for gone in known.values() {
            gone.meter.set(self.recorder.other_upstreams());
            self.retire(gone.endpoints.iter());
        }
    }

    /// Closes one connection that waits, for the sake of its descriptor; says no where none does.
    pub(crate) fn close_idle(&self) -> bool {
        self.by_key.borrow().values().flat_map(|upstream| &upstream.endpoints).any(|endpoint| endpoint.close_oldest())
            || self.destinations.close_idle()
    }

    /// Closes connections that waited too long.
    pub(crate) fn sweep(&self, now_ms: u64) {
        self.destinations.sweep(now_ms);
        for upstream in self.by_key.borrow().values() {
            let oldest_ms = now_ms.saturating_sub(upstream.plan.timeouts.keep_ms);
            upstream.endpoints.iter().for_each(|endpoint| endpoint.sweep(oldest_ms));
        }
    }

    fn upstream(&self, known: Option<Rc<Upstream>>, planned: &PlannedUpstream<'_>) -> Rc<Upstream> {
        let meters = planned.meters;
        let upstream = match known {
            Some(known) if known.plan == *planned.plan && planned.is_asked_as(&known) => known,
            known => Rc::new(self.changed(known.as_deref(), planned)),
        };
        upstream.meter.set(meters.own);
        for (endpoint, meter) in upstream.endpoints.iter().zip(&meters.endpoints) {
            endpoint.set_meter(*meter);
        }
        upstream
    }

    /// An upstream by a new plan, with the endpoints that it has from before.
    fn changed(&self, known: Option<&Upstream>, planned: &PlannedUpstream<'_>) -> Upstream {
        let PlannedUpstream { plan, tls, meters, .. } = planned;
        let before = known.into_iter().flat_map(|known| known.plan.endpoints.iter().zip(&known.endpoints));
        // A connection that was made under other terms must serve nobody who asks for these.
        let is_asked_so = known.is_some_and(|known| planned.is_asked_as(known));
        let says_the_same = known.is_some_and(|known| {
            (known.plan.proxy_protocol, known.plan.protocol) == (plan.proxy_protocol, plan.protocol)
        });
        let mut before: HashMap<(&str, bool), &Rc<Endpoint>> =
            before.map(|(of, endpoint)| ((&*of.address, of.is_tls), endpoint)).collect();
        let endpoints = plan.endpoints.iter().zip(&meters.endpoints).map(|(endpoint, meter)| {
            let fresh = || Rc::new(Endpoint::new(&endpoint.address, *meter, &self.recorder));
            let known = before.remove(&(endpoint.address.as_str(), endpoint.is_tls));
            known.filter(|_| says_the_same && (is_asked_so || !endpoint.is_tls)).map_or_else(fresh, Rc::clone)
        });
        let endpoints = endpoints.collect();
        self.retire(before.into_values());
        Upstream {
            plan: (*plan).clone(),
            tls: tls.map(Arc::clone),
            endpoints,
            budget: Budget::new(plan.retry.as_ref().map_or(0, |retry| retry.budget_percent)),
            meter: Cell::new(meters.own),
            balancer: Balancer::default(),
        }
    }

    fn retire<'a>(&self, endpoints: impl Iterator<Item = &'a Rc<Endpoint>>) {
        let meter = self.recorder.other_endpoints();
        endpoints.for_each(|endpoint| endpoint.set_meter(meter));
    }
}
