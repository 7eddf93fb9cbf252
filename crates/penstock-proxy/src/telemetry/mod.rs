//! What is recorded of the traffic: numbers in the shared table, and the access log.

mod access_log;
mod log_line;
mod log_sink;
mod log_template;
mod measure;
mod meters;
mod places;
mod reasons;
mod recorder;

pub(crate) use access_log::AccessLog;
pub use access_log::LogQueue;
pub(crate) use log_line::Entry;
pub use log_line::LOG_FIELDS;
pub use log_sink::{Drained, LogSink};
pub use log_template::log_template_problems;
pub use measure::{BOUNDS_US, Kind, Measure, Place};
pub(crate) use meters::{EndpointMeter, ListenerMeter, RouteMeter, UpstreamMeter};
pub use meters::{FilterMeter, kinds};
pub use places::{Directory, OwnDirectory, Places};
pub(crate) use places::{Placing, UpstreamMeters};
pub(crate) use recorder::{Ended, Entered, Forwarded, Recorder};
