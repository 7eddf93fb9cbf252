//! The data plane of Penstock: it listens, routes, runs pipelines and moves the bytes.
//!
//! Everything it knows is the plan it is given: it opens no file, reads no environment
//! and runs without a Python interpreter.
#![forbid(unsafe_code)]

pub mod exchange;
pub mod expression;
pub mod filters;
pub mod pipeline;
pub mod routing;
pub mod unit;
