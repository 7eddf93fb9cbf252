//! How much a connection may do that serves nobody.
//!
//! Frames and resets cost the peer nothing and us something (CVE-2019-9512, CVE-2023-44487, CVE-2025-8671). Each adds to
//! a level that falls with time or with work that is of use; above a bound the connection ends.

/// Resets that may come at once, and as many in each further second as fall off in it.
const MOST_RESETS: u32 = 500;
/// Resets forgotten in a second.
const FORGOTTEN_IN_SECOND: u64 = 100;
/// Frames without any use that may come.
const MOST_IDLE_FRAMES: u32 = 5_000;
/// What a request, or a frame of data, makes good.
const WORTH: u32 = 8;

/// The levels of one connection.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    resets: u32,
    resets_at_ms: u64,
    idle_frames: u32,
}

impl Patience {
    /// Notes a stream that was reset before its end, by either side; says no when it is enough.
    pub(crate) fn reset(&mut self, now_ms: u64) -> bool {
        let forgotten = now_ms.saturating_sub(self.resets_at_ms).saturating_mul(FORGOTTEN_IN_SECOND) / 1000;
        if forgotten > 0 {
            self.resets = self.resets.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX));
            self.resets_at_ms = now_ms;
        }
        self.resets += 1;
        self.resets <= MOST_RESETS
    }

    /// Notes a frame that served nobody; says no when it is enough.
    pub(crate) fn idle_frame(&mut self) -> bool {
        self.idle_frames += 1;
        self.idle_frames <= MOST_IDLE_FRAMES
    }

    /// Notes work that was of use.
    pub(crate) fn useful(&mut self) {
        self.idle_frames = self.idle_frames.saturating_sub(WORTH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_forgotten_with_time() {
        let mut patience = Patience::default();
        assert!((0..500).all(|_| patience.reset(1000)));
        assert!(!patience.reset(1000));
        let mut patience = Patience::default();
        assert!((0..10_000).all(|count| patience.reset(count * 10)), "a hundred a second is bearable");
    }

    #[test]
    fn frames_without_use_are_made_good_by_work() {
        let mut patience = Patience::default();
        assert!((0..5_000).all(|_| patience.idle_frame()));
        patience.useful();
        assert!((0..8).all(|_| patience.idle_frame()));
        assert!(!patience.idle_frame());
    }
}
