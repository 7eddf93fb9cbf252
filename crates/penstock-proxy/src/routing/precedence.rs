//! Precedence: the total order in which routes are tried.

use std::cmp::Reverse;

use super::{HostMatcher, PathMatcher, Segment};

/// The place of a route, under one of its hosts, in the order of all routes; least first.
///
/// Of several routes that match a request the one with the least place serves it: higher
/// `priority`; exact host, longer wildcard, regex, no host; exact path, template with more
/// literal segments, then with the earlier literal, longer prefix, regex; a method given;
/// more header conditions; more query conditions; older; name.
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
    /// A template.
    Template {
        /// Number of its literal segments.
        literals: Reverse<usize>,
        /// Whether each segment is literal, in order.
        is_literal: Reverse<Box<[bool]>>,
        /// Whether a final `/*` stands for the rest: less than a template that says all.
        is_open: bool,
    },
    /// A prefix, by its length.
    Prefix(Reverse<usize>),
    /// A regular expression.
    Regex,
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
                let is_literal: Box<[bool]> =
                    template.segments.iter().map(|segment| matches!(segment, Segment::Literal(_))).collect();
                let literals = Reverse(is_literal.iter().filter(|is_literal| **is_literal).count());
                Self::Template { literals, is_literal: Reverse(is_literal), is_open: template.is_open }
            }
            PathMatcher::Prefix(start) => Self::Prefix(Reverse(start.len())),
            PathMatcher::Regex(_) => Self::Regex,
        }
    }
}
