//! The answer as conditions and filters see it.

use super::{Head, Version};

/// An answer's head.
#[derive(Debug, Default)]
pub struct Response {
    /// Fields.
    pub head: Head,
    /// Status code.
    pub status: u16,
    /// Version it came in, where an upstream sent it.
    pub version: Version,
}

impl Response {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self, keep_bytes: usize) {
        self.head.clear(keep_bytes);
        self.status = 0;
    }
}
