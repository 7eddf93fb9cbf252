//! Pipelines: filters in the order the user wrote them, with conditions and jumps.

mod built;
mod filter;

pub(crate) use built::{Action, BuiltPipeline, Target};
pub use built::{ForeignFilter, ForeignFilters, NoForeignFilters};
pub use filter::{Filter, Finish, ForwardResult, Outcome, Pending, ResultId};
