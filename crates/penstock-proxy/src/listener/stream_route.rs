//! A route of connections or datagrams as a worker runs it.

use std::sync::Arc;

use penstock_plan::{Protocol, StreamRoute};

use crate::exchange::RouteName;
use crate::filters::Weighted;

/// Where what a listener carries goes.
pub(crate) struct BuiltStreamRoute {
    /// What the log calls it.
    pub(crate) name: Arc<RouteName>,
    /// Upstreams, of which one is drawn for each connection or client.
    pub(crate) to: Vec<Weighted>,
    /// Time for which it may stand still.
    pub(crate) idle_ms: u64,
    protocol: Protocol,
    listeners: Option<Vec<String>>,
}

impl BuiltStreamRoute {
    /// As a plan says of one of the protocols that carry.
    pub(crate) fn new(plan: &StreamRoute, protocol: Protocol) -> Self {
        let to = plan.to.iter().map(|one| Weighted { upstream: one.upstream.clone(), weight: one.weight });
        let name = RouteName { name: plan.name.as_str().into(), param_names: Box::default(), names_hosts: false };
        let (idle_ms, listeners) = (plan.idle_ms, plan.listeners.clone());
        Self { name: Arc::new(name), to: to.collect(), idle_ms, protocol, listeners }
    }

    /// Whether what a listener carries is for it.
    pub(crate) fn serves_listener(&self, listener: &str, protocols: &[Protocol]) -> bool {
        protocols.contains(&self.protocol)
            && self.listeners.as_ref().is_none_or(|listeners| listeners.iter().any(|one| one == listener))
    }
}
