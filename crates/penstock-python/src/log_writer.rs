//! Writes access-log lines to the file that the plan names, on a thread of its own.

use std::fs::{File, Metadata, OpenOptions, metadata};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use penstock_proxy::telemetry::{Drained, LogQueue, LogSink};

use crate::said::{Level, line};

/// Time between two writes while lines come. A longer one would write more at once, and the IO
/// thread that shares its core with this one would stand still as long: seen at the 99th percentile.
const BUSY_PERIOD: Duration = Duration::from_millis(10);
/// Time between two looks while no lines come.
const QUIET_PERIOD: Duration = Duration::from_millis(100);
/// Time between two looks whether the file is still where its path leads.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// Time that a worker which ends gives its last lines; whoever reads them may have stopped.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// What the thread is told.
enum Order {
    /// Write to this path from now on; none: to nowhere.
    Path(Option<String>),
    /// Write what waits, say so, and end.
    Finish(Sender<()>),
}

/// The end by which the thread is told what to do.
#[derive(Clone)]
pub(crate) struct LogWriter(Sender<Order>);

impl LogWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// No thread could be started.
    pub(crate) fn start(queue: Arc<LogQueue>) -> io::Result<Self> {
        let (sender, receiver) = channel();
        thread::Builder::new().name("access-log".to_owned()).spawn(move || run(&queue, &receiver))?;
        Ok(Self(sender))
    }

    /// Lets lines be written to a path from now on, or to nowhere.
    pub(crate) fn write_to(&self, path: Option<String>) {
        let _ = self.0.send(Order::Path(path));
    }

    /// Waits until everything is written, unless that takes long.
    pub(crate) fn finish(&self) {
        let (sender, receiver) = channel();
        let _ = self.0.send(Order::Finish(sender));
        let _ = receiver.recv_timeout(LAST_WRITE);
    }
}

fn run(queue: &LogQueue, orders: &Receiver<Order>) {
    let (mut log, mut period) = (Log::to(None), QUIET_PERIOD);
    loop {
        let order = orders.recv_timeout(period);
        log.look();
        let drained = queue.drain(&mut log.sink);
        period = if drained.written_bytes > 0 { BUSY_PERIOD } else { QUIET_PERIOD };
        log.tell(drained);
        match order {
            Ok(Order::Path(path)) if path != log.path => log = Log::to(path),
            Ok(Order::Path(_)) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Order::Finish(done)) => {
                let _ = done.send(());
                return;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The log that is written, and what is known of its file.
struct Log {
    path: Option<String>,
    sink: LogSink,
    /// Device and inode of the file; none where there is none to look after.
    file: Option<(u64, u64)>,
    /// Whether the path could not be opened: it is tried again.
    is_closed: bool,
    looked: Instant,
    /// Lines lost since they were last written; said when that begins, and when it ends.
    lost_lines: u64,
}

impl Log {
    fn to(path: Option<String>) -> Self {
        let (sink, looked) = (LogSink::file(io::sink()), Instant::now());
        let mut log = Self { path, sink, file: None, is_closed: false, looked, lost_lines: 0 };
        log.open();
        log
    }

    /// A log that cannot be opened costs its lines, never a request.
    fn open(&mut self) {
        let Some(path) = self.path.as_deref() else { return };
        let opened = if path == "stdout" { stdout() } else { open_file(path) };
        match opened {
            Ok((sink, file)) => (self.sink, self.file, self.is_closed) = (sink, file, false),
            Err(problem) => {
                if !self.is_closed {
                    say(
                        Level::Error,
                        &format!("access log {path}: {problem}; lines are dropped until it can be opened"),
                    );
                }
                (self.sink, self.file, self.is_closed) = (LogSink::file(Closed), None, true);
            }
        }
    }

    /// Opens the path again if it leads to another file now, or to none: the log was rotated.
    fn look(&mut self) {
        if self.looked.elapsed() < LOOK_PERIOD {
            return;
        }
        self.looked = Instant::now();
        let now = self.path.as_deref().and_then(|path| metadata(path).ok()).map(|found| identity(&found));
        if self.is_closed || (self.file.is_some() && now != self.file) {
            self.open();
        }
    }

    /// Says once that lines are lost, and once that they are not any more.
    fn tell(&mut self, drained: Drained) {
        let path = self.path.as_deref().unwrap_or_default();
        match drained.problem {
            Some(problem) => {
                if self.lost_lines == 0 && !self.is_closed {
                    say(Level::Error, &format!("access log {path}: {problem}; lines are dropped"));
                }
                self.lost_lines += drained.lost_lines.max(1);
            }
            None if drained.written_bytes > 0 && self.lost_lines > 0 => {
                say(Level::Info, &format!("access log {path}: written again, {} lines are lost", self.lost_lines));
                self.lost_lines = 0;
            }
            None => {}
        }
    }
}

/// A sink and, for a file that may be moved away, what tells it from others.
type Opened = io::Result<(LogSink, Option<(u64, u64)>)>;

fn open_file(path: &str) -> Opened {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let found = file.metadata()?;
    let is_pipe = found.file_type().is_fifo() || found.file_type().is_char_device();
    Ok((if is_pipe { LogSink::pipe(file) } else { LogSink::file(file) }, Some(identity(&found))))
}

/// Standard output itself, past the buffer of its own that it has in Rust.
fn stdout() -> Opened {
    let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    Ok((if file.metadata()?.is_file() { LogSink::file(file) } else { LogSink::pipe(file) }, None))
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn say(level: Level, what: &str) {
    let _ = writeln!(io::stderr(), "{}", line(level, what));
}

/// Stands for a file that cannot be opened.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
