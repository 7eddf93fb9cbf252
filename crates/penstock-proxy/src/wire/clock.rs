//! Time of one IO thread: read once for each turn of its loop, for deadlines, durations and the log.

use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

thread_local! {
    /// How often a reading may be used again before the clock is read anew.
    static USES: Cell<u32> = const { Cell::new(0) };
}

/// Uses of one reading. A loop that never waits begins no turn; this bounds how old a reading gets.
const MOST_USES: u32 = 16;

/// Notes that a turn of the thread's loop begins, so that time has passed.
pub(crate) fn begin_turn() {
    USES.set(0);
}

/// The thread's clock. `tick` is called by the sweep; in between the cached values serve.
pub(crate) struct Clock {
    started: Instant,
    now_us: Cell<u64>,
    now_ms: Cell<u64>,
    /// Wall time less monotonic time, so that one reading gives both.
    wall_offset_us: Cell<u64>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let clock =
            Self { started: Instant::now(), now_us: Cell::new(0), now_ms: Cell::new(0), wall_offset_us: Cell::new(0) };
        clock.tick();
        clock
    }

    /// Reads both clocks.
    pub(crate) fn tick(&self) {
        begin_turn();
        let now_us = self.now_us();
        self.now_ms.set(now_us / 1000);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_micros() as u64);
        self.wall_offset_us.set(wall.saturating_sub(now_us));
    }

    /// Milliseconds since the thread began, as of the last tick (at most 100 ms old).
    pub(crate) fn coarse_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// Microseconds since the thread began, as of this turn of the loop or later.
    pub(crate) fn now_us(&self) -> u64 {
        let uses = USES.get();
        if uses == 0 {
            self.now_us.set(self.started.elapsed().as_micros() as u64);
        }
        USES.set((uses + 1) % MOST_USES);
        self.now_us.get()
    }

    /// Wall time of a monotonic reading, in microseconds since the epoch.
    pub(crate) fn wall_us(&self, monotonic_us: u64) -> u64 {
        self.wall_offset_us.get() + monotonic_us
    }
}
