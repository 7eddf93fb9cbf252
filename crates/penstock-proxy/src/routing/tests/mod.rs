//! Tests of the whole: short texts for routes and requests, and generated ones.

mod agreement;
mod cases;
pub(crate) mod generator;
pub(super) mod plan;
mod scan;
mod specificity;
