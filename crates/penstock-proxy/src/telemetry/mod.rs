//! What is recorded of the traffic: numbers in the shared table, the access logs, and what taps show.

mod access_log;
mod built_log;
mod log_choice;
mod log_line;
mod log_mask;
mod log_object;
mod log_pieces;
mod log_queue;
mod log_sink;
mod log_template;
mod measure;
mod meters;
mod places;
mod reasons;
mod recorder;
mod statistics;
mod tap;

pub(crate) use access_log::AccessLogs;
pub use built_log::{BuiltLog, LogProblem, access_log_problems};
pub(crate) use log_line::Entry;
pub use log_line::LOG_FIELDS;
pub use log_queue::{LogQueue, count_lines};
pub use log_sink::{Drained, LogSink};
pub use log_template::log_template_problems;
pub use measure::{BOUNDS_US, Kind, Measure, Place};
pub(crate) use meters::{EndpointMeter, LimiterMeter, ListenerMeter, RouteMeter, UpstreamMeter};
pub use meters::{FilterMeter, kinds};
pub use places::{Directory, OwnDirectory, Places};
pub(crate) use places::{Placing, UpstreamMeters};
pub use reasons::{REASONS, Reason};
pub(crate) use recorder::{Ended, Entered, Forwarded, Recorder};
pub use statistics::{Spread, Statistics, Watched, Window};
pub(crate) use tap::Shown;
pub use tap::{Batch, Interest, Tap, Tapped};
