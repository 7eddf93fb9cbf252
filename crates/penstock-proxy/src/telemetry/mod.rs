//! What is recorded of the traffic: counters and the access log.

mod access_log;
mod counters;
mod log_line;
mod log_sink;
mod log_template;

pub(crate) use access_log::AccessLog;
pub use access_log::LogQueue;
pub(crate) use counters::Counters;
pub use counters::Snapshot;
pub(crate) use log_line::Entry;
pub use log_line::LOG_FIELDS;
pub use log_sink::{Drained, LogSink};
pub use log_template::log_template_problems;
