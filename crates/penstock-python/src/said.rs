//! Lines for whoever runs the gateway, in the form of the supervisor's log.

use std::time::{SystemTime, UNIX_EPOCH};

use penstock_proxy::worker::rfc3339_seconds;

/// How much a line matters.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Level {
    Info,
    Warning,
    Error,
}

/// A line of now, without a line end.
pub(crate) fn line(level: Level, text: &str) -> String {
    line_at(SystemTime::now(), level, text)
}

fn line_at(time: SystemTime, level: Level, text: &str) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let word = match level {
        Level::Info => "INFO",
        Level::Warning => "WARNING",
        Level::Error => "ERROR",
    };
    format!("{}.{:03}Z {word} {text}", rfc3339_seconds(since.as_secs()), since.subsec_millis())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_begins_with_its_time_and_weight() {
        let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_007);
        assert_eq!(line_at(time, Level::Warning, "worn"), "2023-11-14T22:13:20.007Z WARNING worn");
    }
}
