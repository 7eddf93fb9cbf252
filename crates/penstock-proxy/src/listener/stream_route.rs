//! Routes of connections or datagrams as a worker runs them.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use penstock_plan::{Destination, Protocol, StreamRoute, TlsRoute};

use crate::exchange::RouteName;
use crate::filters::Weighted;
use crate::telemetry::RouteMeter;

/// Where what a listener carries goes.
pub(crate) struct BuiltStreamRoute {
    /// What the log calls it.
    pub(crate) name: Arc<RouteName>,
    /// Hosts that clients ask for in handshakes, `*.` before those that stand for all below; none: whatever they ask.
    pub(crate) hosts: Option<Vec<String>>,
    /// Upstreams, of which one is drawn for each connection or client.
    pub(crate) to: Vec<Weighted>,
    /// Time for which it may stand still.
    pub(crate) idle_ms: u64,
    protocol: Protocol,
    listeners: Option<Vec<String>>,
}

impl BuiltStreamRoute {
    /// As a plan says of TCP or UDP.
    pub(crate) fn new(plan: &StreamRoute, protocol: Protocol) -> Self {
        let (idle_ms, listeners) = (plan.idle_ms, plan.listeners.clone());
        Self { name: route_name(&plan.name), hosts: None, to: weighted(&plan.to), idle_ms, protocol, listeners }
    }

    /// As a plan says of TLS that is not answered.
    pub(crate) fn of_tls(plan: &TlsRoute) -> Self {
        let (idle_ms, listeners, hosts) = (plan.idle_ms, plan.listeners.clone(), plan.hosts.clone());
        let (name, to, protocol) = (route_name(&plan.name), weighted(&plan.to), Protocol::Tls);
        Self { name, hosts, to, idle_ms, protocol, listeners }
    }

    /// Whether it is for a host, whatever others are.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_prefix('*') {
            Some(ending) => host.len() > ending.len() && host.ends_with(ending),
            None => pattern == host,
        };
        self.hosts.as_ref().is_none_or(|hosts| hosts.iter().any(fits))
    }

    /// Whether what a listener carries is for it.
    pub(crate) fn serves_listener(&self, listener: &str, protocols: &[Protocol]) -> bool {
        protocols.contains(&self.protocol)
            && self.listeners.as_ref().is_none_or(|listeners| listeners.iter().any(|one| one == listener))
    }
}

fn route_name(name: &str) -> Arc<RouteName> {
    Arc::new(RouteName { name: name.into(), param_names: Box::default(), names_hosts: false, ..RouteName::default() })
}

fn weighted(to: &[Destination]) -> Vec<Weighted> {
    to.iter().map(|one| Weighted { upstream: one.upstream.clone(), weight: one.weight }).collect()
}

/// A route, and where it is counted.
pub(crate) type CountedRoute = (Arc<BuiltStreamRoute>, RouteMeter);

/// The routes of a listener that carries bytes as they are, by the hosts that clients ask for.
#[derive(Default)]
pub(crate) struct StreamRoutes {
    /// All of them, in the order of the plan.
    pub(crate) routes: Vec<CountedRoute>,
    exact: HashMap<Box<str>, usize, RandomState>,
    /// By what follows the star and its dot.
    wildcards: HashMap<Box<str>, usize, RandomState>,
    any: Option<usize>,
}

impl StreamRoutes {
    /// Of two routes for the same the first serves.
    pub(crate) fn new(routes: Vec<CountedRoute>) -> Self {
        let mut table = Self::default();
        for (index, (route, _)) in routes.iter().enumerate() {
            let Some(hosts) = &route.hosts else {
                table.any.get_or_insert(index);
                continue;
            };
            for host in hosts {
                let (map, host) = match host.strip_prefix("*.") {
                    Some(below) => (&mut table.wildcards, below),
                    None => (&mut table.exact, host.as_str()),
                };
                map.entry(host.into()).or_insert(index);
            }
        }
        Self { routes, ..table }
    }

    /// The route for a host: by its whole, else by the longest ending that one is for, else one that is for all.
    pub(crate) fn of(&self, host: &str) -> Option<&CountedRoute> {
        let endings = host.match_indices('.').filter_map(|(dot, _)| host.get(dot + 1..));
        let mut wildcards = endings.filter_map(|ending| self.wildcards.get(ending));
        let found = self.exact.get(host).or_else(|| wildcards.next()).or(self.any.as_ref());
        self.routes.get(*found?)
    }

    /// The route for all that comes, whatever it says.
    pub(crate) fn of_all(&self) -> Option<&CountedRoute> {
        self.of("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(routes: &[(&str, Option<&[&str]>)]) -> StreamRoutes {
        let routes = routes.iter().map(|(name, hosts)| {
            let hosts = hosts.map(|hosts| hosts.iter().map(ToString::to_string).collect());
            let plan = TlsRoute { name: (*name).to_owned(), listeners: None, hosts, to: Vec::new(), idle_ms: 1 };
            (Arc::new(BuiltStreamRoute::of_tls(&plan)), RouteMeter::default())
        });
        StreamRoutes::new(routes.collect())
    }

    #[test]
    fn the_whole_host_decides_then_the_longest_ending_then_a_route_for_all() {
        let table = table(&[
            ("rest", None),
            ("below", Some(&["*.a.test"])),
            ("one", Some(&["a.test", "x.b.a.test"])),
            ("deeper", Some(&["*.b.a.test", "*.test"])),
        ]);
        let cases = [
            ("a.test", "one"),
            ("x.b.a.test", "one"),
            ("c.a.test", "below"),
            ("b.a.test", "below"),
            ("y.b.a.test", "deeper"),
            ("z.y.b.a.test", "deeper"),
            ("other.test", "deeper"),
            ("test", "rest"),
            ("", "rest"),
        ];
        for (host, expected) in cases {
            assert_eq!(table.of(host).map(|(route, _)| &*route.name.name), Some(expected), "{host}");
        }
    }

    #[test]
    fn without_a_route_for_all_other_hosts_have_none() {
        let table = table(&[("one", Some(&["a.test", "*.b.test"]))]);
        for host in ["", "b.test", "aa.test", "a.test.c", ".", "..a.test"] {
            assert!(table.of(host).is_none(), "{host}");
        }
        assert!(table.of(".b.test").is_some(), "the reader of handshakes lets no such host pass");
    }
}
