//! Writes access-log lines to the file that the plan names, on a thread of its own.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use penstock_proxy::telemetry::{LogQueue, LogSink};

/// Time between two writes.
const PERIOD: Duration = Duration::from_millis(100);

/// Starts the thread; paths sent are opened and written to from then on.
pub(crate) fn start(queue: Arc<LogQueue>) -> io::Result<Sender<Option<String>>> {
    let (sender, receiver) = channel();
    thread::Builder::new().name("access-log".to_owned()).spawn(move || run(&queue, &receiver))?;
    Ok(sender)
}

fn run(queue: &LogQueue, paths: &Receiver<Option<String>>) {
    let mut sink: LogSink = Box::new(io::sink());
    loop {
        match paths.recv_timeout(PERIOD) {
            Ok(path) => {
                queue.drain(&mut sink);
                sink = open(path.as_deref());
            }
            Err(RecvTimeoutError::Timeout) => {
                queue.drain(&mut sink);
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
