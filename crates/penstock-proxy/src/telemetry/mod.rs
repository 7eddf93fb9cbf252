//! What is recorded of the traffic: counters and the access log.

mod access_log;
mod counters;
mod log_template;

pub(crate) use access_log::{AccessLog, Entry};
pub use access_log::{Drained, LogQueue, LogSink};
pub(crate) use counters::Counters;
pub use counters::Snapshot;
pub use log_template::{LOG_FIELDS, log_template_problems};
