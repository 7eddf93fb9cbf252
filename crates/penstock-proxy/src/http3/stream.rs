//! One stream of a request: what came and was not taken, what is not yet the connection's to send, and who waits.

use std::task::Waker;

use bytes::Bytes;
use quinn_proto::StreamId;

use super::frame::FrameReader;
use crate::exchange::Head;

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its head is to come.
    Head,
    /// Its head is there; its body may follow.
    Body,
    /// Nothing but frames of no meaning may follow.
    Trailers,
}

/// A stream that is read, and served once its head has come.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    /// When it began, by the thread's clock.
    pub(super) began_ms: u64,
    pub(super) phase: Phase,
    pub(super) frames: FrameReader,
    /// A header block that has not ended.
    pub(super) block: Vec<u8>,
    /// Its whole head, until that is looked at.
    pub(super) head: Option<Vec<u8>>,
    /// Whether it has become a request.
    pub(super) is_opened: bool,
    /// Bytes of the body that came and were not taken.
    pub(super) input: Vec<u8>,
    /// What is left of a declared length.
    pub(super) declared_left: Option<u64>,
    /// Fields behind the body.
    pub(super) trailers: Option<Head>,
    /// Whether the peer has said that nothing more comes.
    pub(super) has_peer_ended: bool,
    /// What the connection did not take.
    pub(super) output: Vec<Bytes>,
    /// Whether it waits for the connection to have room.
    pub(super) is_waiting: bool,
    /// Whether we have said that nothing more comes.
    pub(super) has_ended: bool,
    /// Whether the connection knows that.
    pub(super) is_finished: bool,
    /// Whether it was reset, by either side.
    pub(super) is_reset: bool,
    /// Whether its request came before the handshake had ended, and may be somebody else's copy.
    pub(super) is_early: bool,
    /// Wakes its task.
    pub(super) waker: Option<Waker>,
}

impl Stream {
    /// One that has just begun.
    pub(super) fn new(id: StreamId, began_ms: u64, is_early: bool) -> Self {
        Self {
            id,
            began_ms,
            phase: Phase::Head,
            frames: FrameReader::default(),
            block: Vec::new(),
            head: None,
            is_opened: false,
            input: Vec::new(),
            declared_left: None,
            trailers: None,
            has_peer_ended: false,
            output: Vec::new(),
            is_waiting: false,
            has_ended: false,
            is_finished: false,
            is_reset: false,
            is_early,
            waker: None,
        }
    }

    /// Wakes the task that serves it.
    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Notes bytes of the body; says no where they are more than was declared.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> bool {
        if let Some(left) = &mut self.declared_left {
            let Some(rest) = left.checked_sub(bytes.len() as u64) else { return false };
            *left = rest;
        }
        self.input.extend_from_slice(bytes);
        true
    }
}
