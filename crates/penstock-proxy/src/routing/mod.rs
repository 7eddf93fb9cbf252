//! Routing: the path normaliser, matchers, precedence, the router and the explanation of its verdicts.

pub mod path;

mod authority;
mod built_route;
mod condition;
mod explain;
mod host;
mod networks;
mod path_pattern;
mod precedence;
mod regular_expression;
mod router;
mod table;
mod target;
#[cfg(test)]
pub(crate) mod tests;

pub use authority::{AuthorityProblem, parse_authority};
pub use built_route::{BuiltRoute, CompileWhen, Predicate, RouteProblem};
pub use condition::ConditionMatcher;
pub use explain::{ChosenRoute, Explanation, FailedCondition, RouteExplanation, RouteVerdict};
pub use host::HostMatcher;
pub use networks::Networks;
pub use path_pattern::{ParamNames, PathMatcher, REST, Segment, Template};
pub use regular_expression::{compile_byte_regex, compile_regex};
pub use router::{Router, Scratch, Verdict};
pub use target::{Form, Scheme, Target, TargetProblem, parse_target};
