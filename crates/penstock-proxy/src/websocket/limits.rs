//! What a tunnel of frames is held to.

/// Limits of one WebSocket connection; without any its frames are only told apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Most payload bytes of a message, over all its frames.
    pub message_bytes: Option<u64>,
    /// Most payload bytes of a frame.
    pub frame_bytes: Option<u64>,
    /// Silence after which a side is asked whether it is there.
    pub ping_ms: Option<u64>,
}

impl Limits {
    /// Whether frames are held to the rules, which is what makes their sizes tellable.
    pub(crate) fn are_sizes(self) -> bool {
        self.message_bytes.is_some() || self.frame_bytes.is_some()
    }

    /// The stricter of both in each.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let least = |one: Option<u64>, two: Option<u64>| one.into_iter().chain(two).min();
        Self {
            message_bytes: least(self.message_bytes, other.message_bytes),
            frame_bytes: least(self.frame_bytes, other.frame_bytes),
            ping_ms: least(self.ping_ms, other.ping_ms),
        }
    }
}
