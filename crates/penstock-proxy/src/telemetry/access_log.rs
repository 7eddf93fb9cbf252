//! The access logs: whole lines in buffers of the IO thread, written out by threads of their own.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use super::built_log::BuiltLog;
use super::log_line::{Entry, Logged, Scratch};
use super::log_queue::{HANDED_OVER_BYTES, count_lines};
use super::tap::{Shown, Tap, Taps};
use crate::exchange::Exchange;
use crate::export::Counts;

/// The IO thread's end of the access logs.
#[derive(Default)]
pub(crate) struct AccessLogs {
    logs: RefCell<Vec<Filled>>,
    taps: RefCell<Taps>,
    /// Whether there is a log or a tap: all that a request is asked where there is none.
    are_on: Cell<bool>,
    stamp: RefCell<(u64, String)>,
    scratch: RefCell<Scratch>,
    dropped_lines: Cell<u64>,
}

/// A log and its lines that were not handed over yet.
struct Filled {
    log: Arc<BuiltLog>,
    buffer: Vec<u8>,
}

impl AccessLogs {
    /// Takes over what the newest plan says.
    pub(crate) fn turn_to(&self, logs: &[Arc<BuiltLog>], shown: &Arc<Shown>) {
        self.pass_on();
        let filled = |log: &Arc<BuiltLog>| Filled { log: Arc::clone(log), buffer: Vec::new() };
        *self.logs.borrow_mut() = logs.iter().map(filled).collect();
        self.taps.borrow_mut().turn_to(shown);
        self.look();
    }

    /// Shows requests to somebody as they come, too.
    pub(crate) fn tap(&self, tap: Tap) {
        self.taps.borrow_mut().add(tap);
        self.look();
    }

    /// Whether lines are written at all.
    pub(crate) fn are_on(&self) -> bool {
        self.are_on.get()
    }

    fn look(&self) {
        self.are_on.set(!self.logs.borrow().is_empty() || !self.taps.borrow().is_empty());
    }

    /// Adds a line to every log that has one of the exchange.
    pub(crate) fn write(&self, entry: &Entry<'_>, exchange: &Exchange) {
        let second = entry.wall_us / 1_000_000;
        let mut stamp = self.stamp.borrow_mut();
        if stamp.0 != second {
            *stamp = (second, crate::worker::date::rfc3339_seconds(second));
        }
        let logged = Logged { entry, exchange, second: &stamp.1 };
        for filled in self.logs.borrow_mut().iter_mut() {
            if !filled.log.takes(&logged) {
                continue;
            }
            filled.log.line.write(&mut filled.buffer, &logged, &self.scratch);
            if filled.buffer.len() >= HANDED_OVER_BYTES {
                self.count_dropped(filled.pass_on());
            }
        }
        self.taps.borrow_mut().write(&logged, &self.scratch);
    }

    /// Hands whole lines to the threads that write them and says how many found no room or were lost there.
    pub(crate) fn hand_over(&self) -> u64 {
        self.pass_on();
        if !self.taps.borrow().is_empty() {
            self.taps.borrow_mut().hand_over();
            self.look();
        }
        let lost: u64 = self.logs.borrow().iter().map(|filled| filled.log.queue.take_lost()).sum();
        self.dropped_lines.take() + lost
    }

    /// What became of lines for those on the network.
    pub(crate) fn take_sent(&self) -> Counts {
        let mut sent = Counts::default();
        self.logs.borrow().iter().for_each(|filled| sent += filled.log.queue.take_sent());
        sent
    }

    /// Shows nothing more, and gives those who listen this time to take what they were shown.
    pub(crate) fn end_taps(&self, within: Duration) {
        self.taps.borrow_mut().finish(within);
    }

    fn pass_on(&self) {
        self.logs.borrow_mut().iter_mut().for_each(|filled| self.count_dropped(filled.pass_on()));
    }

    fn count_dropped(&self, lines: u64) {
        self.dropped_lines.set(self.dropped_lines.get() + lines);
    }
}

impl Filled {
    /// Hands its lines over and says how many found no room.
    fn pass_on(&mut self) -> u64 {
        if self.buffer.is_empty() {
            return 0;
        }
        let block = std::mem::replace(&mut self.buffer, self.log.queue.block());
        let Err(block) = self.log.queue.push(block) else { return 0 };
        let dropped = count_lines(&block);
        if self.log.receiver.is_some() {
            self.log.queue.tell(Counts { dropped, ..Counts::default() });
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use penstock_plan::{AccessLog, LogFile, LogFormat, LogPlace};

    use super::*;
    use crate::telemetry::LogSink;
    use crate::telemetry::log_line::tests::ENTRY;
    use crate::telemetry::log_queue::MOST_WAITING_BYTES;

    fn built(format: LogFormat) -> Arc<BuiltLog> {
        let plan = AccessLog::of_everything(LogPlace::File(LogFile { path: "/x".to_owned(), rotation: None }));
        Arc::new(BuiltLog::build(&AccessLog { format, ..plan }, Arc::default()).unwrap())
    }

    #[test]
    fn r53_lines_are_counted_as_dropped_whenever_they_find_no_room() {
        let log = built(LogFormat::Template("{{ status }}".to_owned() + &"x".repeat(HANDED_OVER_BYTES / 2)));
        log.queue.push(vec![b'\n'; MOST_WAITING_BYTES]).unwrap();
        let logs = AccessLogs::default();
        logs.turn_to(&[Arc::clone(&log)], &Arc::default());
        for _ in 0..4 {
            logs.write(&ENTRY, &Exchange::default());
        }
        assert_eq!(logs.hand_over(), 4, "two of them were given up while lines were written");
        log.queue.drain(&mut LogSink::file(std::io::sink()));
        assert_eq!(logs.hand_over(), 0);
    }

    #[test]
    fn lines_that_were_not_handed_over_go_where_they_were_meant_to_when_the_plan_changes() {
        let (first, second) = (built(LogFormat::Json), built(LogFormat::Template("{{ status }}".to_owned())));
        let logs = AccessLogs::default();
        logs.turn_to(&[Arc::clone(&first)], &Arc::default());
        logs.write(&ENTRY, &Exchange::default());
        logs.turn_to(&[Arc::clone(&second)], &Arc::default());
        logs.write(&ENTRY, &Exchange::default());
        assert_eq!(logs.hand_over(), 0);
        assert_eq!(count_lines(&first.queue.take().concat()), 1);
        assert_eq!(second.queue.take().concat(), b"200\n");
    }
}
