//! Writes access-log lines to the file that the plan names, on a thread of its own.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use penstock_proxy::telemetry::{LogQueue, LogSink};

/// Time between two writes while lines come. A longer one would write more at once, and the IO
/// thread that shares its core with this one would stand still as long: seen at the 99th percentile.
const BUSY_PERIOD: Duration = Duration::from_millis(10);
/// Time between two looks while no lines come.
const QUIET_PERIOD: Duration = Duration::from_millis(100);

/// Starts the thread; paths sent are opened and written to from then on.
pub(crate) fn start(queue: Arc<LogQueue>) -> io::Result<Sender<Option<String>>> {
    let (sender, receiver) = channel();
    thread::Builder::new().name("access-log".to_owned()).spawn(move || run(&queue, &receiver))?;
    Ok(sender)
}

fn run(queue: &LogQueue, paths: &Receiver<Option<String>>) {
    let mut sink: LogSink = Box::new(io::sink());
    let mut period = QUIET_PERIOD;
    loop {
        match paths.recv_timeout(period) {
            Ok(path) => {
                queue.drain(&mut sink);
                sink = open(path.as_deref());
            }
            Err(RecvTimeoutError::Timeout) => {
                let drained = queue.drain(&mut sink);
                period = if drained.written > 0 { BUSY_PERIOD } else { QUIET_PERIOD };
            }
            Err(RecvTimeoutError::Disconnected) => {
                queue.drain(&mut sink);
                return;
            }
        }
    }
}

/// A log that cannot be opened costs its lines, never a request.
fn open(path: Option<&str>) -> LogSink {
    match path {
        None => Box::new(io::sink()),
        Some("stdout") => Box::new(io::stdout()),
        Some(path) => match OpenOptions::new().create(true).append(true).open(path) {
            Ok(file) => Box::new(file),
            Err(error) => {
                let _ = writeln!(io::stderr(), "penstock: access log {path}: {error}");
                Box::new(io::sink())
            }
        },
    }
}
