//! Sends telemetry away in batches, each kind by a thread of its own that no request waits for.

mod call;
mod collector;
mod exporter;
mod exports;
mod line_batches;
mod line_datagrams;
mod line_stream;
mod link;
mod log_records;
mod log_sender;
pub(crate) mod otlp;
mod partial_success;
mod post;
pub(crate) mod protobuf;
mod queue;
mod syslog;
#[cfg(test)]
mod tests;

pub(crate) use collector::{Collector, Intake};
pub(crate) use exports::{Exports, Signal, Wanted};
pub use log_sender::{LogReceiver, LogSender, LogSenderSetup};
pub(crate) use queue::{Batch, Counts};
