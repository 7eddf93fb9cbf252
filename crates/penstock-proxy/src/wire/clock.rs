//! Time of one IO thread: monotonic milliseconds for deadlines, wall time for the log.

use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The thread's clock. `tick` is called by the sweep; in between the cached values serve.
pub(crate) struct Clock {
    started: Instant,
    now_ms: Cell<u64>,
    /// Wall time less monotonic time, so that one reading gives both.
    wall_offset_us: Cell<u64>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let clock = Self { started: Instant::now(), now_ms: Cell::new(0), wall_offset_us: Cell::new(0) };
        clock.tick();
        clock
    }

    /// Reads both clocks.
    pub(crate) fn tick(&self) {
        let now_us = self.now_us();
        self.now_ms.set(now_us / 1000);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_micros() as u64);
        self.wall_offset_us.set(wall.saturating_sub(now_us));
    }

    /// Milliseconds since the thread began, as of the last tick (at most 100 ms old).
    pub(crate) fn coarse_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// Microseconds since the thread began, read now.
    pub(crate) fn now_us(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }

    /// Wall time of a monotonic reading, in microseconds since the epoch.
    pub(crate) fn wall_us(&self, monotonic_us: u64) -> u64 {
        self.wall_offset_us.get() + monotonic_us
    }
}
