//! The course of one direction's frames: where the one ends, and whether it is one that may pass.

use super::frame::{FrameHead, Kind, Sender, Violation};
use super::limits::Limits;

/// Follows the frames that one side sends. It keeps no byte of them.
#[derive(Debug)]
pub(crate) struct Course {
    sender: Sender,
    limits: Limits,
    /// Bytes that are left of the frame under way.
    left: u64,
    /// Payload so far of the message under way.
    message: Option<u64>,
    has_closed: bool,
    violation: Option<Violation>,
}

impl Course {
    /// Nothing has been sent yet.
    pub(crate) fn new(sender: Sender, limits: Limits) -> Self {
        Self { sender, limits, left: 0, message: None, has_closed: false, violation: None }
    }

    /// How many of the bytes that follow those before may pass, and notes that they did.
    ///
    /// A head passes whole or not at all, so that between two frames there is always a place for one more. Where it
    /// `stops`, no further frame begins.
    pub(crate) fn advance(&mut self, bytes: &[u8], stops: bool) -> usize {
        let mut passed = 0;
        loop {
            let rest = bytes.get(passed..).unwrap_or_default();
            let taken = self.left.min(rest.len() as u64);
            self.left -= taken;
            passed += taken as usize;
            let rest = rest.get(taken as usize..).unwrap_or_default();
            if rest.is_empty() || stops || self.violation.is_some() {
                return passed;
            }
            match FrameHead::parse(rest).and_then(|head| head.map(|head| self.enter(head)).transpose()) {
                Ok(Some(head_bytes)) => passed += head_bytes,
                Ok(None) => return passed,
                Err(violation) => self.violation = Some(violation),
            }
        }
    }

    /// Whether a frame may be put in here.
    pub(crate) fn is_between_frames(&self) -> bool {
        self.left == 0
    }

    /// Whether the side has said that it sends nothing more.
    pub(crate) fn has_closed(&self) -> bool {
        self.has_closed
    }

    /// What is wrong with the frame that comes next.
    pub(crate) fn violation(&self) -> Option<Violation> {
        self.violation
    }

    fn enter(&mut self, head: FrameHead) -> Result<usize, Violation> {
        if self.limits.are_sizes() {
            self.judge(&head)?;
        }
        self.has_closed |= head.kind == Kind::Close;
        self.left = head.payload_bytes;
        Ok(head.head_bytes)
    }

    fn judge(&mut self, head: &FrameHead) -> Result<(), Violation> {
        if !head.is_allowed(self.sender) {
            return Err(Violation::Malformed);
        }
        let before = match (head.kind, self.message) {
            (Kind::Data, None) => 0,
            (Kind::Continuation, Some(before)) => before,
            (Kind::Data | Kind::Continuation, _) => return Err(Violation::Malformed),
            _ => return Ok(()),
        };
        let message = before.saturating_add(head.payload_bytes);
        let is_over = |limit: Option<u64>, bytes: u64| limit.is_some_and(|limit| bytes > limit);
        if is_over(self.limits.frame_bytes, head.payload_bytes) || is_over(self.limits.message_bytes, message) {
            return Err(Violation::TooLarge);
        }
        self.message = (!head.is_final).then_some(message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: &[u8] = &[0x89, 0];
    const HELLO: &[u8] = &[0x81, 5, b'h', b'e', b'l', b'l', b'o'];
    /// The first and the last third of a message, four bytes each.
    const BEGIN: &[u8] = &[0x01, 4, 1, 2, 3, 4];
    const MORE: &[u8] = &[0x00, 4, 1, 2, 3, 4];
    const LAST: &[u8] = &[0x80, 4, 1, 2, 3, 4];

    fn sizes(message_bytes: u64, frame_bytes: u64) -> Limits {
        Limits { message_bytes: Some(message_bytes), frame_bytes: Some(frame_bytes), ping_ms: None }
    }

    /// Bytes that pass, and what is wrong with those that do not, however they come in.
    fn passed(limits: Limits, bytes: &[u8]) -> (usize, Option<Violation>) {
        let mut whole = Course::new(Sender::Server, limits);
        let expected = (whole.advance(bytes, false), whole.violation());
        let (mut course, mut passed) = (Course::new(Sender::Server, limits), 0);
        for end in 1..=bytes.len() {
            passed += course.advance(&bytes[passed..end], false);
        }
        assert_eq!((passed, course.violation()), expected, "byte by byte: {bytes:?}");
        expected
    }

    #[test]
    fn g9_what_is_over_a_limit_or_out_of_order_does_not_begin() {
        let endless = [&[0x82, 127, 0x40, 0, 0, 0, 0, 0, 0, 0][..], &[7; 20]].concat();
        for (frames, end, violation) in [
            (vec![HELLO, PING, HELLO], 16, None),
            (vec![BEGIN, PING, LAST], 14, None),
            (vec![BEGIN, MORE, MORE], 12, Some(Violation::TooLarge)),
            (vec![HELLO, &endless], 7, Some(Violation::TooLarge)),
            (vec![HELLO, &[0x82, 7]], 7, Some(Violation::TooLarge)),
            (vec![HELLO, LAST], 7, Some(Violation::Malformed)),
            (vec![BEGIN, HELLO], 6, Some(Violation::Malformed)),
            (vec![HELLO, &[0x89, 126, 0, 126]], 7, Some(Violation::Malformed)),
            (vec![HELLO, &[0x09, 0]], 7, Some(Violation::Malformed)),
            (vec![HELLO, &[0x83, 0]], 7, Some(Violation::Malformed)),
            (vec![HELLO, &[0x81, 126, 0, 5]], 7, Some(Violation::Malformed)),
            (vec![HELLO, &[0x81, 0x80, 0, 0, 0, 0]], 7, Some(Violation::Malformed)),
        ] {
            assert_eq!(passed(sizes(10, 6), &frames.concat()), (end, violation), "{frames:?}");
        }
    }

    #[test]
    fn without_limits_everything_passes_that_has_a_length() {
        let odd = [BEGIN, HELLO, &[0xf3, 0], &[0x81, 0x81, 0, 0, 0, 0, 9]].concat();
        assert_eq!(passed(Limits::default(), &odd), (odd.len(), None));
    }

    #[test]
    fn it_stops_between_frames_and_within_none() {
        let mut course = Course::new(Sender::Server, Limits::default());
        let bytes = [HELLO, HELLO].concat();
        assert_eq!(course.advance(&bytes[..4], false), 4);
        assert!(!course.is_between_frames());
        assert_eq!(course.advance(&bytes[4..], true), 3);
        assert!(course.is_between_frames());
        assert_eq!(course.advance(&bytes[7..], true), 0);
    }

    #[test]
    fn a_close_is_noticed() {
        let mut course = Course::new(Sender::Client, Limits::default());
        course.advance(&[0x81, 0x80, 0, 0, 0, 0], false);
        assert!(!course.has_closed());
        course.advance(&[0x88, 0x80, 0, 0, 0, 0], false);
        assert!(course.has_closed());
    }
}
