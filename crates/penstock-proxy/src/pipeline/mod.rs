//! Pipelines: filters in the order the user wrote them, with conditions and jumps.

mod built;
mod filter;
mod suspension;

pub(crate) use built::{Action, BuiltPipeline, PlanFilters, Target};
pub use built::{ForeignFilter, ForeignFilters, NoForeignFilters};
pub use filter::{Filter, Finish, ForwardResult, Outcome, Pending, ResultId};
pub use suspension::Suspension;
