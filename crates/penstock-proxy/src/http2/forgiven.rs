//! Streams that were ended on our side alone.
//!
//! The peer may have sent more of them before it heard of that, and it is no fault of its (RFC 9113, section 5.1).

use std::collections::VecDeque;

/// How many are remembered; who speaks of an older one had the time to know better.
const MOST: usize = 128;

/// The newest of them.
#[derive(Debug, Default)]
pub(super) struct Forgiven(VecDeque<u32>);

impl Forgiven {
    /// Remembers a stream.
    pub(super) fn add(&mut self, id: u32) {
        if self.contains(id) {
            return;
        }
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(id);
    }

    /// Whether it is one of them.
    pub(super) fn contains(&self, id: u32) -> bool {
        self.0.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut forgiven = Forgiven::default();
        for id in 0..=MOST as u32 {
            forgiven.add(id);
            forgiven.add(id);
        }
        assert!(!forgiven.contains(0) && forgiven.contains(1) && forgiven.contains(MOST as u32));
    }
}
