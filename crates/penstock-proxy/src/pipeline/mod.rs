//! Pipelines: filters in the order the user wrote them, with conditions and jumps.

mod built;
mod filter;

pub(crate) use built::{Action, BuiltPipeline, BuiltStep, PlanFilters, StepMeter, Target};
pub use built::{ForeignFilter, ForeignFilters, ForeignStep, NoForeignFilters};
pub use filter::{Filter, Finish, ForwardResult, Outcome, Pending, ResultId};
