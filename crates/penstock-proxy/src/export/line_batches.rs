//! Many lines in one request: as they are, as an array of JSON, or as records of OpenTelemetry.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use penstock_plan::LogBatches;

use super::collector::{Collector, Intake};
use super::exporter::Exporter;
use super::log_records::records;
use super::otlp;
use super::queue::{Batch, Counts};
use crate::resolver::FindAddresses;
use crate::telemetry::count_lines;

/// Bytes of lines that are sent at once, and time after which fewer are.
const ENOUGH_BYTES: usize = 512 << 10;
const ENOUGH_TIME: Duration = Duration::from_secs(1);
/// Time for what waits at the end.
const PARTING: Duration = Duration::from_secs(1);

/// Gathers lines into batches.
pub(super) struct LineBatches {
    exporter: Exporter,
    form: LogBatches,
    lines: Vec<u8>,
    since: Option<Instant>,
}

impl LineBatches {
    /// Starts the thread that delivers them.
    ///
    /// # Errors
    /// No thread could be started.
    pub(super) fn start(
        collector: Arc<Collector>,
        form: LogBatches,
        addresses: Arc<dyn FindAddresses>,
    ) -> io::Result<Self> {
        let intake = intake(form, collector.is_called());
        let exporter = Exporter::start(collector, intake, addresses)?;
        Ok(Self { exporter, form, lines: Vec::new(), since: None })
    }

    /// Takes whole lines, and says what became of earlier ones.
    pub(super) fn send(&mut self, block: &[u8]) -> Counts {
        self.since.get_or_insert_with(Instant::now);
        self.lines.extend_from_slice(block);
        if self.lines.len() >= ENOUGH_BYTES {
            self.push();
        }
        self.exporter.counts()
    }

    /// Sends what has waited long enough, or all of it if it is the last, and says what became of lines.
    pub(super) fn settle(&mut self, is_last: bool) -> Counts {
        if is_last || self.since.is_some_and(|since| since.elapsed() >= ENOUGH_TIME) {
            self.push();
        }
        if is_last {
            let end = Instant::now() + PARTING;
            self.exporter.end_at(end);
            self.exporter.wait(end);
        }
        self.exporter.counts()
    }

    fn push(&mut self) {
        self.since = None;
        if !self.lines.is_empty() {
            let body = match self.form {
                LogBatches::Lines => self.lines.clone(),
                LogBatches::Array => array(&self.lines),
                LogBatches::Otlp => {
                    otlp::request(&otlp::resource([("service.name", "penstock")]), &records(&self.lines))
                }
            };
            self.exporter.push(Batch { body, items: count_lines(&self.lines) });
            self.lines.clear();
        }
    }
}

fn intake(form: LogBatches, is_called: bool) -> Intake {
    let (path, content_type) = match (form, is_called) {
        (LogBatches::Lines, _) => ("", "application/x-ndjson"),
        (LogBatches::Array, _) => ("", "application/json"),
        (LogBatches::Otlp, false) => ("/v1/logs", "application/x-protobuf"),
        (LogBatches::Otlp, true) => ("/opentelemetry.proto.collector.logs.v1.LogsService/Export", "application/grpc"),
    };
    Intake { path, content_type }
}

/// Lines of JSON as one array.
fn array(lines: &[u8]) -> Vec<u8> {
    let mut out = lines.to_vec();
    out.truncate(lines.trim_ascii_end().len());
    out.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b',');
    out.insert(0, b'[');
    out.push(b']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_an_array() {
        let value: serde_json::Value = serde_json::from_slice(&array(b"{\"a\":\"\\n\"}\n{\"a\":2}\n")).unwrap();
        assert_eq!(value, serde_json::json!([{"a": "\n"}, {"a": 2}]));
    }
}
