//! Writes the lines of one access log to its file or pipe, on a thread of its own.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use penstock_plan::{LogFile, LogPlace};
use penstock_proxy::telemetry::{Drained, LogQueue, LogSink};

use crate::log_file::OpenFile;
use crate::log_rotation::tidy;
use crate::said::{Level, say};

/// Time between two writes while lines come. A longer one would write more at once, and the IO
/// thread that shares its core with this one would stand still as long: seen at the 99th percentile.
const BUSY_PERIOD: Duration = Duration::from_millis(10);
/// Time between two looks while no lines come.
const QUIET_PERIOD: Duration = Duration::from_millis(100);
/// Time between two attempts to open a file that could not be opened.
const TRY_PERIOD: Duration = Duration::from_secs(1);
/// Time that a worker which ends gives its last lines; whoever reads them may have stopped.
pub(crate) const LAST_WRITE: Duration = Duration::from_secs(1);
/// Time that a log which no plan has any more waits for its last lines: requests may still be logged by an earlier plan.
const LINGER: Duration = Duration::from_secs(10);

/// What the thread is told; it answers when that is done.
enum Order {
    /// Open the file again, wherever its path leads now.
    Reopen(Sender<()>),
    /// Write what waits.
    Finish(Sender<()>),
}

/// The end by which the thread is told what to do. Dropped, it lets the thread end once all is written.
pub(crate) struct LogWriter {
    queue: Arc<LogQueue>,
    orders: Sender<Order>,
}

impl LogWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// No thread could be started.
    pub(crate) fn start(to: &LogPlace, queue: Arc<LogQueue>) -> io::Result<Self> {
        let (orders, receiver) = channel();
        let (to, taken) = (to.clone(), Arc::clone(&queue));
        thread::Builder::new().name("access-log".to_owned()).spawn(move || run(to, &taken, &receiver))?;
        Ok(Self { queue, orders })
    }

    /// Whether it writes the lines of a queue.
    pub(crate) fn writes(&self, queue: &Arc<LogQueue>) -> bool {
        Arc::ptr_eq(&self.queue, queue)
    }

    /// Lets the file be opened again, wherever its path leads now.
    pub(crate) fn reopen(&self) -> Receiver<()> {
        self.tell(Order::Reopen)
    }

    /// Lets everything be written.
    pub(crate) fn finish(&self) -> Receiver<()> {
        self.tell(Order::Finish)
    }

    fn tell(&self, order: fn(Sender<()>) -> Order) -> Receiver<()> {
        let (sender, receiver) = channel();
        let _ = self.orders.send(order(sender));
        receiver
    }
}

fn run(to: LogPlace, queue: &Arc<LogQueue>, orders: &Receiver<Order>) {
    let (mut log, mut period, mut abandoned) = (Log::to(to), QUIET_PERIOD, None);
    loop {
        let order = orders.recv_timeout(period);
        // Whoever fills the queue holds it, so that nothing comes once nobody else does.
        let is_last = Arc::strong_count(queue) == 1;
        log.look();
        let drained = queue.drain(&mut log.sink);
        period = if drained.written_bytes > 0 { BUSY_PERIOD } else { QUIET_PERIOD };
        log.tell(drained);
        match order {
            Ok(Order::Reopen(done)) => {
                log.reopen();
                let _ = done.send(());
            }
            Ok(Order::Finish(done)) => drop(done.send(())),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let since = *abandoned.get_or_insert_with(Instant::now);
                if is_last || since.elapsed() > LINGER {
                    return;
                }
                thread::sleep(period);
            }
        }
    }
}

/// The log that is written, and what is known of its file.
struct Log {
    to: LogPlace,
    sink: LogSink,
    /// The file; none where there is none to look after.
    file: Option<OpenFile>,
    /// Whether the path could not be opened: it is tried again.
    is_closed: bool,
    tried: Instant,
    /// Lines lost since they were last written; said when that begins, and when it ends.
    lost_lines: u64,
}

impl Log {
    fn to(to: LogPlace) -> Self {
        let (sink, tried) = (LogSink::file(io::sink()), Instant::now());
        let mut log = Self { to, sink, file: None, is_closed: false, tried, lost_lines: 0 };
        log.open();
        if let LogPlace::File(LogFile { path, rotation: Some(plan) }) = &log.to {
            // Whoever was here before may have been interrupted.
            tidy(path, plan);
        }
        log
    }

    /// A log that cannot be opened costs its lines, never a request.
    fn open(&mut self) {
        self.tried = Instant::now();
        // Before another is opened: the lock of the one before is to be gone.
        (self.sink, self.file) = (LogSink::file(io::sink()), None);
        let opened = match &self.to {
            LogPlace::Stdout => standard(io::stdout().as_fd()).map(|sink| (sink, None)),
            LogPlace::Stderr => standard(io::stderr().as_fd()).map(|sink| (sink, None)),
            LogPlace::File(place) => OpenFile::open(place).map(|file| (file.sink(), Some(file))),
            LogPlace::Remote(_) => Err(ErrorKind::Unsupported.into()),
        };
        match opened {
            Ok((sink, file)) => (self.sink, self.file, self.is_closed) = (sink, file, false),
            Err(problem) => {
                if !self.is_closed {
                    self.say(Level::Error, &format!("{problem}; lines are dropped until it can be opened"));
                }
                (self.sink, self.is_closed) = (LogSink::file(Closed), true);
            }
        }
    }

    fn reopen(&mut self) {
        if self.is_closed || self.file.is_some() {
            self.open();
        }
    }

    /// Opens the path again if it leads to another file now, or to none, or if the file is moved away now.
    fn look(&mut self) {
        let LogPlace::File(place) = &self.to else { return };
        let is_due = match &mut self.file {
            Some(file) => file.has_gone(place) || file.rotate(place),
            None => self.is_closed && self.tried.elapsed() >= TRY_PERIOD,
        };
        if is_due {
            self.open();
        }
    }

    /// Says once that lines are lost, and once that they are not any more.
    fn tell(&mut self, drained: Drained) {
        match drained.problem {
            Some(problem) => {
                if self.lost_lines == 0 && !self.is_closed {
                    self.say(Level::Error, &format!("{problem}; lines are dropped"));
                }
                self.lost_lines += drained.lost_lines.max(1);
            }
            None if drained.written_bytes > 0 && self.lost_lines > 0 => {
                self.say(Level::Info, &format!("written again, {} lines are lost", self.lost_lines));
                self.lost_lines = 0;
            }
            None => {}
        }
    }

    fn say(&self, level: Level, what: &str) {
        let path = match &self.to {
            LogPlace::Stdout => "stdout",
            LogPlace::Stderr => "stderr",
            LogPlace::File(place) => &place.path,
            LogPlace::Remote(remote) => &remote.collector.address,
        };
        say(level, &format!("access log {path}: {what}"));
    }
}

/// Standard output or error itself, past the buffer of its own that it has in Rust.
fn standard(stream: BorrowedFd<'_>) -> io::Result<LogSink> {
    let file = File::from(stream.try_clone_to_owned()?);
    Ok(if file.metadata()?.is_file() { LogSink::file(file) } else { LogSink::pipe(file) })
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
