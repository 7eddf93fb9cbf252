//! How long a phase of an exchange may stand still, judged on the thread's coarse clock.

use super::serve::Connection;
use super::work::Work;

/// What has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// The phase stood still for its limit.
    Phase,
    /// The whole request took longer than its route allows.
    Request,
    /// The client stopped sending and then did not get its answer soon enough.
    Client,
}

/// Watches one phase: every step forward sets its limit anew.
#[derive(Debug)]
pub(crate) struct Phase {
    limit_ms: u64,
    progress: u64,
    late_at_ms: u64,
}

impl Phase {
    /// Begins a phase with its first limit.
    pub(crate) fn new(connection: &Connection, limit_ms: u64) -> Self {
        Self { limit_ms, progress: u64::MAX, late_at_ms: at(connection, limit_ms) }
    }

    /// Notes how far things are and says what has passed, if anything has; else the task is
    /// woken when the next thing passes.
    ///
    /// `progress` is any number that changes with every step forward.
    pub(crate) fn check(&mut self, connection: &Connection, work: &Work, progress: u64, limit_ms: u64) -> Option<Late> {
        let now_ms = connection.worker.clock.coarse_ms();
        if progress != self.progress || limit_ms != self.limit_ms {
            self.progress = progress;
            self.limit_ms = limit_ms;
            self.late_at_ms = at(connection, limit_ms);
        }
        for (moment, late) in
            [(work.gone_at_ms, Late::Client), (work.late_at_ms, Late::Request), (self.late_at_ms, Late::Phase)]
        {
            if moment <= now_ms {
                return Some(late);
            }
        }
        connection.deadline.arm(self.late_at_ms.min(work.late_at_ms).min(work.gone_at_ms));
        None
    }
}

/// The moment that is `limit_ms` from now; the coarse clock may be a tick behind.
pub(crate) fn at(connection: &Connection, limit_ms: u64) -> u64 {
    connection.worker.clock.coarse_ms().saturating_add(limit_ms).saturating_add(crate::worker::TICK_MS)
}
