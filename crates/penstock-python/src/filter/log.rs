//! Lines about filters that failed, written by a thread of their own: the IO thread never
//! waits for whoever reads them.

use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use crate::said::{Level, line};

/// Lines that may wait; more are dropped.
const WAITING: usize = 64;

/// The end to which lines are given.
#[derive(Clone)]
pub(super) struct LogSender(SyncSender<String>);

impl LogSender {
    /// Starts the thread that writes to standard error.
    ///
    /// # Errors
    /// No thread could be started.
    pub(super) fn start() -> io::Result<Self> {
        let (sender, receiver) = sync_channel::<String>(WAITING);
        thread::Builder::new().name("filter-log".to_owned()).spawn(move || {
            for text in receiver {
                let _ = writeln!(io::stderr(), "{text}");
            }
        })?;
        Ok(Self(sender))
    }

    /// Gives a text to be written.
    pub(super) fn send(&self, level: Level, text: &str) {
        let _ = self.0.try_send(line(level, text.trim_end()));
    }
}
