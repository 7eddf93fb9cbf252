//! The file of an access log: opened where its path leads, held with the other workers, and moved away when it is due.

use std::fs::{File, Metadata, OpenOptions, metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use penstock_plan::LogFile;
use penstock_proxy::telemetry::LogSink;
use rustix::fs::{FlockOperation, flock};

use crate::log_rotation::{is_due, move_away, period_of, tidy};
use crate::said::{Level, say};

/// Time between two looks whether the file is still where its path leads.
const LOOK: Duration = Duration::from_secs(1);
/// The same where other workers may move it away: nobody compresses a file that is still written.
const LOOK_OFTEN: Duration = Duration::from_millis(100);
/// Most attempts to open a file that others move away at the same time.
const MOST_ATTEMPTS: u32 = 100;

/// An open file, and what tells it from others.
pub(crate) struct OpenFile {
    file: Arc<File>,
    identity: (u64, u64),
    /// Whether it can be moved away: it is no pipe and no device.
    is_regular: bool,
    /// The period in which it was begun.
    period: u64,
    looked: Instant,
}

impl OpenFile {
    /// Opens the file to which a path leads, or begins one.
    ///
    /// # Errors
    /// There is none, and none can be begun.
    pub(crate) fn open(place: &LogFile) -> io::Result<Self> {
        for _ in 0..MOST_ATTEMPTS {
            let opened = Self::open_once(place)?;
            // Moved away between being opened and being held, it may be taken for one that nobody writes.
            let is_held = !opened.is_regular || (opened.hold() && opened.is_where(place));
            if is_held {
                return Ok(opened);
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    fn open_once(place: &LogFile) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&place.path)?;
        let found = file.metadata()?;
        let is_regular = !found.file_type().is_fifo() && !found.file_type().is_char_device();
        let begun = if found.len() == 0 { SystemTime::now() } else { found.modified()? };
        let period = place.rotation.as_ref().map_or(0, |plan| period_of(plan, begun));
        Ok(Self { file: Arc::new(file), identity: identity(&found), is_regular, period, looked: Instant::now() })
    }

    /// Holds it in common with the other workers: who finds it held by nobody may compress it.
    fn hold(&self) -> bool {
        flock(&self.file, FlockOperation::NonBlockingLockShared).is_ok()
    }

    /// Where its lines are written.
    pub(crate) fn sink(&self) -> LogSink {
        let file = Arc::clone(&self.file);
        if self.is_regular { LogSink::file(file) } else { LogSink::pipe(file) }
    }

    /// Whether its path leads to another one now, or to none, now and then asked.
    pub(crate) fn has_gone(&mut self, place: &LogFile) -> bool {
        let period = if place.rotation.is_some() { LOOK_OFTEN } else { LOOK };
        if self.looked.elapsed() < period {
            return false;
        }
        self.looked = Instant::now();
        !self.is_where(place)
    }

    fn is_where(&self, place: &LogFile) -> bool {
        metadata(&place.path).is_ok_and(|found| identity(&found) == self.identity)
    }

    /// Moves it away if it is due, whereupon its path is to be opened again.
    pub(crate) fn rotate(&mut self, place: &LogFile) -> bool {
        let Some(plan) = place.rotation.as_ref().filter(|_| self.is_regular) else { return false };
        let is_due = self.file.metadata().is_ok_and(|found| is_due(plan, found.len(), self.period));
        if !is_due {
            return false;
        }
        match move_away(Path::new(&place.path), &self.file) {
            Ok(()) => {
                tidy(&place.path, plan);
                true
            }
            Err(problem) => {
                say(Level::Error, &format!("access log {}: it cannot be moved away: {problem}", place.path));
                // It is tried again in the next period, or when it is opened again.
                self.is_regular = false;
                false
            }
        }
    }
}

/// What tells a file from others, whatever its path.
pub(crate) fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}
