//! Pipelines: filters in the order the user wrote them, with conditions and jumps.

mod filter;

pub use filter::{Filter, Finish, Outcome, Pending, ResultId};
