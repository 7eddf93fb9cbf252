//! Lines for whoever runs the gateway, in the form of the supervisor's log.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use penstock_proxy::worker::rfc3339_seconds;
use pyo3::pyfunction;

/// Whether whoever runs the gateway wants its log as JSON.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// How much a line matters.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Level {
    Info,
    Warning,
    Error,
}

/// Says something to whoever runs the gateway.
pub(crate) fn say(level: Level, text: &str) {
    // Who cannot be told is told nothing.
    let _ = writeln!(io::stderr(), "{}", line(level, text));
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
    let moment = format!("{}.{:03}Z", rfc3339_seconds(since.as_secs()), since.subsec_millis());
    if IS_JSON.load(Ordering::Relaxed) {
        return serde_json::json!({"time": moment, "level": word, "message": text}).to_string();
    }
    format!("{moment} {word} {}", escaped(text))
}

/// Has lines of this process written as JSON from now on.
#[pyfunction]
pub(crate) fn say_json() {
    IS_JSON.store(true, Ordering::Relaxed);
}

/// The text with control characters as numbers, but for tabs and line ends, behind which it is indented.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => out.push_str("\n    "),
            '\t' => out.push(letter),
            _ if letter.is_control() => out.extend(format!("\\u{:04x}", u32::from(letter)).chars()),
            _ => out.push(letter),
        }
    }
    out
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
