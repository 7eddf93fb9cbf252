//! One upstream as a worker runs it, and all of them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use foldhash::fast::RandomState;
use penstock_plan::Upstream as UpstreamPlan;

use super::balance::{Balancer, Candidate};
use super::budget::Budget;
use super::endpoint::Endpoint;
use crate::wire::Address;

/// An upstream: what the plan says and the state that survives the plan.
pub(crate) struct Upstream {
    /// What the plan says.
    pub(crate) plan: UpstreamPlan,
    /// Endpoints, in the plan's order.
    pub(crate) endpoints: Vec<Rc<Endpoint>>,
    /// Repetitions it has left.
    pub(crate) budget: Budget,
    balancer: Balancer,
}

impl Upstream {
    /// The endpoint for the next attempt; `tried` are positions this request has used.
    pub(crate) fn pick(&self, tried: u64, random: u64) -> Option<usize> {
        let candidates = self.plan.endpoints.iter().zip(&self.endpoints).enumerate();
        let candidates = candidates.map(|(index, (plan, endpoint))| Candidate {
            weight: plan.weight,
            in_flight: endpoint.in_flight(),
            is_tried: tried & (1 << index.min(63)) != 0,
        });
        self.balancer.pick(self.plan.balance, candidates, random)
    }
}

/// The endpoint that a worker without any history would pick.
pub(crate) fn first_pick(plan: &UpstreamPlan) -> Option<String> {
    let candidates = plan.endpoints.iter().map(|one| Candidate { weight: one.weight, in_flight: 0, is_tried: false });
    let index = Balancer::default().pick(plan.balance, candidates, 0)?;
    plan.endpoints.get(index).map(|endpoint| endpoint.address.clone())
}

/// The upstreams of one worker by their key, and every endpoint that is still in use.
#[derive(Default)]
pub(crate) struct Upstreams {
    by_key: RefCell<HashMap<Arc<str>, Rc<Upstream>, RandomState>>,
    endpoints: RefCell<HashMap<String, Weak<Endpoint>, RandomState>>,
}

impl Upstreams {
    /// The upstream of a key.
    pub(crate) fn get(&self, key: &str) -> Option<Rc<Upstream>> {
        self.by_key.borrow().get(key).map(Rc::clone)
    }

    /// Takes over a plan's upstreams; endpoints that stay keep their connections and counts.
    pub(crate) fn replace<'a>(
        &self,
        plans: impl Iterator<Item = (&'a Arc<str>, &'a UpstreamPlan)>,
        resolve: &dyn Fn(&str) -> Vec<Address>,
    ) {
        let mut fresh = HashMap::default();
        for (key, plan) in plans {
            fresh.insert(Arc::clone(key), self.upstream(key, plan, resolve));
        }
        *self.by_key.borrow_mut() = fresh;
        self.endpoints.borrow_mut().retain(|_, endpoint| endpoint.strong_count() > 0);
    }

    /// Connections that wait and requests in flight, by endpoint.
    pub(crate) fn use_by_endpoint(&self) -> Vec<(String, u64, u64)> {
        let endpoints = self.endpoints.borrow();
        let live = endpoints.iter().filter_map(|(name, endpoint)| endpoint.upgrade().map(|endpoint| (name, endpoint)));
        live.map(|(name, endpoint)| (name.clone(), endpoint.idle_connections() as u64, u64::from(endpoint.in_flight())))
            .collect()
    }

    /// Closes one connection that waits, for the sake of its descriptor; says no where none does.
    pub(crate) fn close_idle(&self) -> bool {
        self.endpoints.borrow().values().filter_map(Weak::upgrade).any(|endpoint| endpoint.close_oldest())
    }

    /// Closes connections that waited too long.
    pub(crate) fn sweep(&self, now_ms: u64) {
        for upstream in self.by_key.borrow().values() {
            let oldest_ms = now_ms.saturating_sub(upstream.plan.timeouts.keep_ms);
            upstream.endpoints.iter().for_each(|endpoint| endpoint.sweep(oldest_ms));
        }
    }

    fn upstream(&self, key: &str, plan: &UpstreamPlan, resolve: &dyn Fn(&str) -> Vec<Address>) -> Rc<Upstream> {
        let endpoints = plan.endpoints.iter().map(|endpoint| self.endpoint(&endpoint.address, resolve)).collect();
        match self.by_key.borrow().get(key) {
            Some(known) if known.plan == *plan => Rc::clone(known),
            _ => {
                let budget = Budget::new(plan.retry.as_ref().map_or(0, |retry| retry.budget_percent));
                Rc::new(Upstream { plan: plan.clone(), endpoints, budget, balancer: Balancer::default() })
            }
        }
    }

    fn endpoint(&self, name: &str, resolve: &dyn Fn(&str) -> Vec<Address>) -> Rc<Endpoint> {
        let addresses = resolve(name);
        if let Some(known) = self.endpoints.borrow().get(name).and_then(Weak::upgrade) {
            known.set_addresses(addresses);
            return known;
        }
        let endpoint = Rc::new(Endpoint::new(name, addresses));
        self.endpoints.borrow_mut().insert(name.to_owned(), Rc::downgrade(&endpoint));
        endpoint
    }
}
