//! The router: finds the route of a request among all routes of a listener.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::built_route::{BuiltRoute, Part};
use super::host::HostMatcher;
use super::table::{Chain, END, Table, Visits};
use crate::exchange::Request;

/// The path of a request for the server as a whole (RFC 9110, section 9.3.7).
pub(super) const WHOLE_SERVER: &str = "*";

/// The routes of one listener, indexed by host and path.
///
/// Every pair of a route and one of its hosts has a rank: its position in the order of
/// precedence. Tables by host give chains of ascending ranks whose path may match; merged,
/// they are tried in order, so priority beats host and the first that matches serves.
#[derive(Default)]
pub struct Router {
    routes: Vec<Arc<BuiltRoute>>,
    pub(super) entries: Vec<Entry>,
    exact: HashMap<Box<str>, Table, RandomState>,
    wildcard: HashMap<Box<str>, Table, RandomState>,
    regexes: Vec<(HostMatcher, Table)>,
    regex_positions: HashMap<Box<str>, usize, RandomState>,
    any: Table,
}

/// A route under one of its hosts; its rank is its position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) route: usize,
    /// Position of the host; `None` for a route of every host.
    pub(super) host: Option<usize>,
    next: Chain,
}

/// What the router says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The route at this index serves it; its parameters are in the request.
    Chosen {
        /// For [`Router::route`].
        index: usize,
    },
    /// No route matches.
    NotFound,
    /// `OPTIONS *`, which no route takes: it asks about the server as a whole, and is answered by it.
    WholeServer,
    /// Routes match in everything but the method; theirs are in [`Scratch::allow`].
    MethodNotAllowed,
}

/// Memory that lookups reuse; one per thread serves all routers.
#[derive(Debug, Default)]
pub struct Scratch {
    chains: Vec<Chain>,
    visits: Visits,
    allow: String,
}

impl Scratch {
    /// The value of `Allow` after [`Verdict::MethodNotAllowed`].
    pub fn allow(&self) -> &str {
        &self.allow
    }
}

impl Router {
    /// Indexes routes. The order in which they are given has no meaning.
    pub fn build(routes: Vec<Arc<BuiltRoute>>) -> Self {
        let mut entries: Vec<Entry> =
            routes.iter().enumerate().flat_map(|(route, built)| entries_of(route, built)).collect();
        entries.sort_by_cached_key(|entry| routes.get(entry.route).map(|route| route.precedence(entry.host)));
        let mut indexed = Self { entries, ..Self::default() };
        for rank in (0..indexed.entries.len()).rev() {
            let entry = indexed.entries[rank];
            let Some(route) = routes.get(entry.route) else { continue };
            let host = entry.host.and_then(|position| route.hosts.get(position));
            indexed.entries[rank].next = indexed.table(host).insert(&route.path, rank as Chain);
        }
        indexed.routes = routes;
        indexed
    }

    fn table(&mut self, host: Option<&HostMatcher>) -> &mut Table {
        match host {
            None => &mut self.any,
            Some(HostMatcher::Exact(host)) => self.exact.entry(host.clone()).or_default(),
            Some(HostMatcher::Wildcard(below)) => self.wildcard.entry(below.clone()).or_default(),
            Some(HostMatcher::Regex(pattern)) => {
                let fresh = self.regexes.len();
                let position = *self.regex_positions.entry(pattern.as_str().into()).or_insert(fresh);
                if position == fresh {
                    self.regexes.push((HostMatcher::Regex(pattern.clone()), Table::default()));
                }
                &mut self.regexes[position].1
            }
        }
    }

    /// The routes, in the order in which they were given.
    pub fn routes(&self) -> &[Arc<BuiltRoute>] {
        &self.routes
    }

    /// The route of a verdict.
    pub fn route(&self, index: usize) -> Option<&Arc<BuiltRoute>> {
        self.routes.get(index)
    }

    /// Finds the route of a request whose host, path, method and client are set.
    pub fn find(&self, request: &mut Request, scratch: &mut Scratch) -> Verdict {
        self.gather(request, scratch);
        let mut is_method_refused = false;
        while let Some((index, route)) = self.next_candidate(&mut scratch.chains) {
            match route.failure_below_host(request) {
                None => return Verdict::Chosen { index },
                Some(part) => is_method_refused |= part == Part::Method,
            }
        }
        if is_method_refused {
            self.collect_allow(request, scratch);
        }
        request.params.spans.clear();
        match is_method_refused && !scratch.allow.is_empty() {
            true => Verdict::MethodNotAllowed,
            false if request.path == WHOLE_SERVER => Verdict::WholeServer,
            false => Verdict::NotFound,
        }
    }

    /// Collects the chains of every route whose host matches and whose path may.
    fn gather(&self, request: &Request, scratch: &mut Scratch) {
        let Scratch { chains, visits, .. } = scratch;
        chains.clear();
        self.any.gather(&request.path, chains, visits);
        if let Some(table) = self.exact.get(request.host.as_str()) {
            table.gather(&request.path, chains, visits);
        }
        if !self.wildcard.is_empty() {
            let mut rest = request.host.as_str();
            while let Some((_, below)) = rest.split_once('.') {
                if let Some(table) = self.wildcard.get(below) {
                    table.gather(&request.path, chains, visits);
                }
                rest = below;
            }
        }
        for (_, table) in self.regexes.iter().filter(|(host, _)| host.matches(&request.host)) {
            table.gather(&request.path, chains, visits);
        }
        chains.retain(|chain| *chain != END);
    }

    /// Takes the least rank off the chains and gives its route.
    fn next_candidate(&self, chains: &mut Vec<Chain>) -> Option<(usize, &BuiltRoute)> {
        let (position, rank) = chains.iter().copied().enumerate().min_by_key(|(_, rank)| *rank)?;
        let entry = self.entries.get(rank as usize)?;
        match entry.next {
            END => drop(chains.swap_remove(position)),
            next => chains[position] = next,
        }
        self.routes.get(entry.route).map(|route| (entry.route, &**route))
    }

    /// Writes the methods of all routes that fail on the method alone, in order of precedence.
    fn collect_allow(&self, request: &mut Request, scratch: &mut Scratch) {
        self.gather(request, scratch);
        scratch.allow.clear();
        while let Some((_, route)) = self.next_candidate(&mut scratch.chains) {
            if route.fails_only_on_method(request) {
                add_methods(&route.methods, &mut scratch.allow);
            }
        }
    }
}

fn entries_of(route: usize, built: &BuiltRoute) -> impl Iterator<Item = Entry> {
    let any = built.hosts.is_empty().then_some(None);
    any.into_iter().chain((0..built.hosts.len()).map(Some)).map(move |host| Entry { route, host, next: END })
}

/// Adds the methods that a list does not name yet.
pub(super) fn add_methods(methods: &[Box<str>], list: &mut String) {
    for method in methods {
        if list.split(", ").all(|named| *named != **method) {
            list.push_str(if list.is_empty() { "" } else { ", " });
            list.push_str(method);
        }
    }
}

#[cfg(test)]
mod tests;
