//! Traces: which trace an exchange is part of, the spans of those that are recorded, and how they are written.

mod context;
mod finished;
mod otlp;
mod propagation;
mod recording;
mod sampling;
mod settings;
mod spans;
#[cfg(test)]
mod tests;
mod tracer;
mod zipkin;

pub(crate) use context::{TraceContext, TraceTexts};
pub(crate) use propagation::trace_text;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use propagation::{extract, inject};
pub(crate) use recording::{AttemptEnd, Recording};
pub(crate) use settings::{RouteTracing, Settings};
pub(crate) use spans::{FAILED, Facts};
pub(crate) use tracer::Tracer;
