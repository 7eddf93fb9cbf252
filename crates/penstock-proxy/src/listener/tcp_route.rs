//! A route of connections as a worker runs it.

use std::sync::Arc;

use penstock_plan::TcpRoute;

use crate::exchange::RouteName;
use crate::filters::Weighted;

/// Where the connections of a listener that speaks TCP go.
pub(crate) struct BuiltTcpRoute {
    /// What the log calls it.
    pub(crate) name: Arc<RouteName>,
    /// Upstreams, of which one is drawn for each connection.
    pub(crate) to: Vec<Weighted>,
    /// Time a connection may stand still.
    pub(crate) idle_ms: u64,
    listeners: Option<Vec<String>>,
}

impl BuiltTcpRoute {
    /// As a plan says.
    pub(crate) fn new(plan: &TcpRoute) -> Self {
        let to = plan.to.iter().map(|one| Weighted { upstream: one.upstream.clone(), weight: one.weight });
        let name = RouteName { name: plan.name.as_str().into(), param_names: Box::default(), names_hosts: false };
        Self { name: Arc::new(name), to: to.collect(), idle_ms: plan.idle_ms, listeners: plan.listeners.clone() }
    }

    /// Whether the connections of a listener are for it.
    pub(crate) fn serves_listener(&self, listener: &str) -> bool {
        self.listeners.as_ref().is_none_or(|listeners| listeners.iter().any(|one| one == listener))
    }
}
