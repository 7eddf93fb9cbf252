//! The index of one host's routes by path: finds those that may match without trying all.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::path_pattern::{PathMatcher, Segment, first_segment};

/// A chain of ranks, known by its first; each rank knows the next higher one.
pub(super) type Chain = u32;

/// The end of a chain.
pub(super) const END: Chain = u32::MAX;

/// Routes of one host by path.
///
/// Invariant: ranks are inserted from the highest to the lowest, so every chain ascends.
#[derive(Debug)]
pub(super) struct Table {
    exact: HashMap<Box<str>, Chain, RandomState>,
    nodes: Vec<Node>,
    regexes: Chain,
}

/// A place in the tree of segments.
#[derive(Debug)]
struct Node {
    literals: HashMap<Box<str>, u32, RandomState>,
    parameter: Option<u32>,
    /// Routes for this path.
    here: Chain,
    /// Routes for this path and everything below it.
    below: Chain,
}

/// Nodes still to be visited, with the length of the path that led there.
pub(super) type Visits = Vec<(u32, u32)>;

impl Default for Node {
    fn default() -> Self {
        Self { literals: HashMap::default(), parameter: None, here: END, below: END }
    }
}

impl Default for Table {
    fn default() -> Self {
        Self { exact: HashMap::default(), nodes: vec![Node::default()], regexes: END }
    }
}

impl Table {
    /// Puts a rank in front of the chain of its path and gives the chain that was there.
    pub(super) fn insert(&mut self, path: &PathMatcher, rank: Chain) -> Chain {
        std::mem::replace(self.chain(path), rank)
    }

    fn chain(&mut self, path: &PathMatcher) -> &mut Chain {
        match path {
            PathMatcher::Exact(path) => self.exact.entry(path.clone()).or_insert(END),
            PathMatcher::Regex(_) => &mut self.regexes,
            PathMatcher::Prefix(start) => {
                let node = start.split('/').skip(1).fold(0, |node, segment| self.literal_child(node, segment));
                &mut self.nodes[node].below
            }
            PathMatcher::Template(template) => {
                let node = template.segments.iter().fold(0, |node, segment| match segment {
                    Segment::Literal(text) => self.literal_child(node, text),
                    Segment::Parameter => self.parameter_child(node),
                });
                let node = &mut self.nodes[node];
                if template.is_open { &mut node.below } else { &mut node.here }
            }
        }
    }

    fn literal_child(&mut self, node: usize, segment: &str) -> usize {
        let fresh = self.nodes.len() as u32;
        let child = *self.nodes[node].literals.entry(segment.into()).or_insert(fresh);
        self.present(child, fresh)
    }

    fn parameter_child(&mut self, node: usize) -> usize {
        let fresh = self.nodes.len() as u32;
        let child = *self.nodes[node].parameter.get_or_insert(fresh);
        self.present(child, fresh)
    }

    fn present(&mut self, child: u32, fresh: u32) -> usize {
        if child == fresh {
            self.nodes.push(Node::default());
        }
        child as usize
    }

    /// Adds the chains of all routes whose path may match. Each node is visited once at most.
    pub(super) fn gather(&self, path: &str, chains: &mut Vec<Chain>, visits: &mut Visits) {
        if !self.exact.is_empty() {
            chains.extend(self.exact.get(path));
        }
        chains.push(self.regexes);
        visits.clear();
        visits.push((0, 0));
        while let Some((node, length)) = visits.pop() {
            let Some(node) = self.nodes.get(node as usize) else { continue };
            chains.push(node.below);
            match path.get(length as usize..).and_then(|rest| rest.strip_prefix('/')) {
                None => chains.push(node.here),
                Some(behind) => node.visit_children(first_segment(behind), length, visits),
            }
        }
    }
}

impl Node {
    fn visit_children(&self, segment: &str, length: u32, visits: &mut Visits) {
        let length = length + 1 + segment.len() as u32;
        if !self.literals.is_empty() {
            visits.extend(self.literals.get(segment).map(|child| (*child, length)));
        }
        visits.extend(self.parameter.map(|child| (child, length)));
    }
}
