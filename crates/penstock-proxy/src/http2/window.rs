//! Flow control: how much may be sent, and how much is granted.
//!
//! Source: RFC 9113, section 5.2.

/// Largest window that may be.
pub(crate) const MOST_WINDOW: u32 = u32::MAX >> 1;

/// What may be sent. It may fall below zero when the peer makes its settings smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SendWindow(i64);

impl SendWindow {
    /// A window of so many bytes.
    pub(crate) fn new(bytes: u32) -> Self {
        Self(i64::from(bytes))
    }

    /// Bytes that may be sent now.
    pub(crate) fn room(self) -> usize {
        usize::try_from(self.0).unwrap_or_default()
    }

    /// Notes bytes as sent.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.0 -= i64::try_from(bytes).unwrap_or(i64::MAX);
    }

    /// Widens or narrows it; says no where it would grow beyond what may be.
    pub(crate) fn change(&mut self, by: i64) -> bool {
        self.0 += by;
        self.0 <= i64::from(MOST_WINDOW)
    }
}

/// What the peer may send, and what of it was used up and is to be granted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReceiveWindow {
    left: u32,
    used: u32,
    size: u32,
}

impl ReceiveWindow {
    /// A window of so many bytes.
    pub(crate) fn new(bytes: u32) -> Self {
        Self { left: bytes, used: 0, size: bytes }
    }

    /// Notes bytes that came; says no where the peer was not allowed to send them.
    pub(crate) fn receive(&mut self, bytes: usize) -> bool {
        let left = u32::try_from(bytes).ok().and_then(|bytes| self.left.checked_sub(bytes));
        self.left = left.unwrap_or_default();
        left.is_some()
    }

    /// Notes bytes as used up, and gives what is to be granted, once that is worth a frame.
    pub(crate) fn release(&mut self, bytes: usize) -> Option<u32> {
        self.used += bytes as u32;
        if self.used < self.size / 2 {
            return None;
        }
        let grant = std::mem::take(&mut self.used);
        self.left += grant;
        Some(grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_setting_can_make_a_window_negative() {
        let mut window = SendWindow::new(100);
        window.take(80);
        assert!(window.change(-50));
        assert_eq!(window.room(), 0);
        assert!(window.change(40));
        assert_eq!(window.room(), 10);
        assert!(!window.change(i64::from(MOST_WINDOW)));
    }

    #[test]
    fn what_was_used_is_granted_again_in_halves() {
        let mut window = ReceiveWindow::new(100);
        assert!(window.receive(60));
        assert_eq!(window.release(40), None);
        assert_eq!(window.release(20), Some(60));
        assert!(window.receive(100));
        assert!(!window.receive(1));
    }
}
