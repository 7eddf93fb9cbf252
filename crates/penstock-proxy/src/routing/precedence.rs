//! Precedence: the total order in which routes are tried.

use std::cmp::Reverse;

use super::{HostMatcher, PathMatcher, Segment};

/// The place of a route, under one of its hosts, in the order of all routes; least first.
///
/// Of several routes that match a request the one with the least place serves it: higher
/// `priority`; exact host, longer wildcard, regex, no host; exact path, pattern with more
/// literal segments, then with the earlier literal, then with more segments, regex, pattern
/// without a literal; a method given; more header conditions; more query conditions; older; name.
///
/// Invariant: a pattern that takes all that another takes, and more, stands behind it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Precedence<'a> {
    /// The route's priority.
    pub(super) priority: Reverse<i64>,
    /// The host under which it is tried.
    pub(super) host: HostPlace,
    /// Its path.
    pub(super) path: &'a PathPlace,
    /// Whether it names methods.
    pub(super) names_methods: Reverse<bool>,
    /// Number of its header conditions.
    pub(super) headers: Reverse<usize>,
    /// Number of its query conditions.
    pub(super) queries: Reverse<usize>,
    /// Its age; lower is older.
    pub(super) order: u64,
    /// Its name.
    pub(super) name: &'a str,
}

/// The place of a host pattern.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HostPlace {
    /// An exact host.
    Exact,
    /// A wildcard, by its length.
    Wildcard(Reverse<usize>),
    /// A regular expression.
    Regex,
    /// A route for every host.
    Any,
}

/// The place of a path pattern.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PathPlace {
    /// An exact path.
    Exact,
    /// A prefix or template that spells at least one segment.
    Spelled(Shape),
    /// A regular expression.
    Regex,
    /// A prefix or template that spells none: `/{tenant}`, and last of all `/*`.
    Unspelled(Shape),
}

/// The segments of a prefix or template; a prefix is a template without parameters.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape {
    /// Number of its literal segments.
    literals: Reverse<usize>,
    /// Whether each segment is literal, in order.
    is_literal: Reverse<Box<[bool]>>,
    /// Whether a final `/*` stands for the rest: less than a pattern that says all.
    is_open: bool,
}

impl HostPlace {
    /// The place of one of a route's hosts, or of a route without.
    pub(super) fn of(host: Option<&HostMatcher>) -> Self {
        match host {
            Some(HostMatcher::Exact(_)) => Self::Exact,
            Some(HostMatcher::Wildcard(below)) => Self::Wildcard(Reverse(below.len())),
            Some(HostMatcher::Regex(_)) => Self::Regex,
            None => Self::Any,
        }
    }
}

impl PathPlace {
    /// The place of a route's path.
    pub(super) fn of(path: &PathMatcher) -> Self {
        match path {
            PathMatcher::Exact(_) => Self::Exact,
            PathMatcher::Template(template) => {
                let is_literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
                Self::of_segments(template.segments.iter().map(is_literal).collect(), template.is_open)
            }
            // Each segment of a prefix is behind a slash.
            PathMatcher::Prefix(start) => Self::of_segments(vec![true; start.matches('/').count()].into(), true),
            PathMatcher::Regex(_) => Self::Regex,
        }
    }

    fn of_segments(is_literal: Box<[bool]>, is_open: bool) -> Self {
        let literals = is_literal.iter().filter(|is_literal| **is_literal).count();
        let shape = Shape { literals: Reverse(literals), is_literal: Reverse(is_literal), is_open };
        if literals > 0 { Self::Spelled(shape) } else { Self::Unspelled(shape) }
    }
}
