//! Sizes, durations and rates: one strict grammar for what users write, plain numbers in a plan.
//!
//! The same grammar is spoken by the Python side; `tests/units.json` is run by both.

mod duration;
mod number;
mod rate;
mod serial;
mod size;

pub use duration::Duration;
pub use number::{LARGEST, UnitProblem};
pub use rate::Rate;
pub use size::Size;

#[cfg(test)]
mod tests;
