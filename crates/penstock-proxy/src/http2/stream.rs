//! One stream: what came and was not taken, what may be sent, and who waits for either.

use std::task::Waker;

use super::asking::Answers;
use super::error::ErrorCode;
use super::window::{ReceiveWindow, SendWindow};
use crate::exchange::Head;

/// A stream that is served.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Bytes of the body that may be sent.
    pub(super) send_window: SendWindow,
    /// Bytes of the body that may come.
    pub(super) receive_window: ReceiveWindow,
    /// Bytes of the body that came and were not taken.
    pub(super) input: Vec<u8>,
    /// What is left of a declared length.
    pub(super) declared_left: Option<u64>,
    /// Fields behind the body.
    pub(super) trailers: Option<Head>,
    /// Whether the peer has said that nothing more comes.
    pub(super) has_peer_ended: bool,
    /// Whether we have said so.
    pub(super) has_ended: bool,
    /// Why it was reset, by either side.
    pub(super) reset: Option<ErrorCode>,
    /// Whether it was the peer who reset it.
    pub(super) was_reset_by_peer: bool,
    /// What it is answered, where it is one of our own.
    pub(super) answers: Option<Box<Answers>>,
    /// Whether its task waits to send.
    pub(super) waits_to_send: bool,
    /// Wakes its task.
    pub(super) waker: Option<Waker>,
}

impl Stream {
    /// Wakes the task that serves it.
    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Notes bytes of the body, and whether they are the last; says no where they belie the declared length.
    pub(super) fn receive(&mut self, bytes: &[u8], is_last: bool) -> bool {
        if let Some(left) = &mut self.declared_left {
            let Some(rest) = left.checked_sub(bytes.len() as u64) else { return false };
            *left = rest;
            if is_last && rest > 0 {
                return false;
            }
        }
        self.input.extend_from_slice(bytes);
        self.has_peer_ended = is_last;
        true
    }
}
