//! Routing: the path normaliser, matchers, precedence, the router and the explanation of its verdicts.

pub mod path;

mod authority;
#[cfg(test)]
pub(crate) mod generator;
mod target;

pub use authority::{AuthorityProblem, parse_authority};
pub use target::{Form, Scheme, Target, TargetProblem, parse_target};
