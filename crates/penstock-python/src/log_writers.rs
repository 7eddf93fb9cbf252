//! The threads that write access logs or send them away: one for each place, so that none waits for another's.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use penstock_proxy::export::{LogSender, LogSenderSetup};
use penstock_proxy::telemetry::{BuiltLog, LogQueue};

use crate::addresses::{SystemAddresses, host_name};
use crate::log_writer::{LAST_WRITE, LogWriter};
use crate::said::{Level, say};

/// Who takes the lines of one log out of their queue.
enum Writer {
    Here(LogWriter),
    Away(LogSender),
}

impl Writer {
    fn start(log: &BuiltLog) -> io::Result<Self> {
        let lines = Arc::clone(&log.queue);
        match &log.receiver {
            Some(receiver) => {
                let setup = LogSenderSetup { addresses: Arc::new(SystemAddresses), host_name: host_name() };
                LogSender::start(receiver, lines, &setup).map(Self::Away)
            }
            None => LogWriter::start(&log.to, lines).map(Self::Here),
        }
    }

    fn takes(&self, lines: &Arc<LogQueue>) -> bool {
        match self {
            Self::Here(writer) => writer.writes(lines),
            Self::Away(sender) => sender.sends(lines),
        }
    }
}

/// Those of the plan that serves.
#[derive(Default)]
pub(crate) struct LogWriters(Mutex<Vec<Writer>>);

impl LogWriters {
    /// Starts what a plan has more, and lets what it has no more end once its lines are written.
    pub(crate) fn turn_to(&self, logs: &[Arc<BuiltLog>]) {
        let mut writers = self.all();
        let mut known = std::mem::take(&mut *writers);
        for log in logs {
            if let Some(index) = known.iter().position(|writer| writer.takes(&log.queue)) {
                writers.push(known.swap_remove(index));
                continue;
            }
            match Writer::start(log) {
                Ok(writer) => writers.push(writer),
                Err(problem) => {
                    say(Level::Error, &format!("an access log has no thread: {problem}; its lines are dropped"));
                }
            }
        }
    }

    /// Opens every file again, wherever its path leads now.
    pub(crate) fn reopen(&self) {
        self.tell_here(LogWriter::reopen);
    }

    /// Waits until everything is written and sent, unless that takes long.
    pub(crate) fn finish(&self) {
        let end = Instant::now() + LAST_WRITE;
        let senders = |writers: &MutexGuard<'_, Vec<Writer>>, act: &dyn Fn(&LogSender)| {
            let away =
                writers.iter().filter_map(|one| if let Writer::Away(sender) = one { Some(sender) } else { None });
            away.for_each(act);
        };
        senders(&self.all(), &|sender| sender.end_at(end));
        self.tell_here(LogWriter::finish);
        senders(&self.all(), &|sender| sender.wait(end));
    }

    fn tell_here(&self, tell: impl Fn(&LogWriter) -> std::sync::mpsc::Receiver<()>) {
        let writers = self.all();
        let here =
            writers.iter().filter_map(|one| if let Writer::Here(writer) = one { Some(tell(writer)) } else { None });
        let told: Vec<_> = here.collect();
        drop(writers);
        let end = Instant::now() + LAST_WRITE;
        for done in told {
            let _ = done.recv_timeout(end.saturating_duration_since(Instant::now()));
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Writer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
