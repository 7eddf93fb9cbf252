//! One direction of a WebSocket tunnel: whole frames as they come, and frames of the gateway's own between them.

use std::task::{Context, Poll, ready};

use super::ends::{Sink, Source};
use super::framed::Framed;
use super::transfer::TransferError;
use crate::websocket::{Course, Limits, Sender, Violation, close_frame, ping_frame};
use crate::wire::Buffers;

/// What is sent when nothing more is taken from the sender.
enum Farewell {
    /// A close, still to be sent.
    Due(u16),
    /// It has been sent.
    Said,
}

/// A direction.
pub(super) struct FrameWay {
    sender: Sender,
    course: Course,
    /// Unread bytes that may pass.
    allowed: usize,
    /// A frame of the gateway's own that waits for its place, and what has left of it.
    own: Option<(Vec<u8>, usize)>,
    farewell: Option<Farewell>,
    has_ended: bool,
    is_closed: bool,
}

impl FrameWay {
    /// The frames of that side, of which none has been sent.
    pub(super) fn new(sender: Sender, limits: Limits) -> Self {
        let course = Course::new(sender, limits);
        Self { sender, course, allowed: 0, own: None, farewell: None, has_ended: false, is_closed: false }
    }

    /// Whether the side has sent a close of its own.
    pub(super) fn has_closed(&self) -> bool {
        self.course.has_closed()
    }

    /// Whether nothing more goes this way.
    pub(super) fn is_over(&self) -> bool {
        self.is_closed
    }

    /// What is wrong with the frame that comes next.
    pub(super) fn violation(&self) -> Option<Violation> {
        self.course.violation()
    }

    /// Puts a ping at the next place between two frames.
    pub(super) fn ping(&mut self) {
        if self.own.is_none() && self.farewell.is_none() && !self.has_closed() {
            self.own = Some((ping_frame(self.sender), 0));
        }
    }

    /// Ends the direction at the next place between two frames, with a close if the side has not sent one.
    pub(super) fn part(&mut self, code: u16) {
        if self.farewell.is_none() {
            self.farewell = Some(if self.has_closed() { Farewell::Said } else { Farewell::Due(code) });
        }
    }

    /// Takes the direction for ended.
    pub(super) fn give_up(&mut self) {
        self.is_closed = true;
    }

    /// Moves what can be moved now; ready when nothing more goes this way, or a frame may not pass.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        from: &mut impl Source,
        to: &mut impl Sink,
    ) -> Poll<Result<(), TransferError>> {
        while !self.is_closed {
            if self.allowed > 0 {
                let bytes = from.unread().get(..self.allowed).unwrap_or_default();
                let sent = ready!(send(context, buffers, to, bytes))?;
                from.consume(sent);
                self.allowed -= sent;
                from.release_input(buffers);
            } else if self.own.is_some() && self.course.is_between_frames() {
                ready!(self.poll_own(context, buffers, to))?;
            } else if self.is_at_end() {
                ready!(to.poll_flush(context, buffers)).map_err(|_| TransferError::Sink)?;
                ready!(to.poll_shutdown(context)).map_err(|_| TransferError::Sink)?;
                self.is_closed = true;
            } else {
                self.allowed = self.course.advance(from.unread(), self.farewell.is_some());
                match (self.allowed, &self.farewell) {
                    (0, Some(Farewell::Due(code))) if self.course.is_between_frames() => {
                        self.own = Some((close_frame(self.sender, *code), 0));
                        self.farewell = Some(Farewell::Said);
                    }
                    (0, None) if self.violation().is_some() => return Poll::Ready(Ok(())),
                    (0, _) if !self.is_at_end() => ready!(self.poll_more(context, buffers, from, to))?,
                    _ => {}
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn is_at_end(&self) -> bool {
        let has_parted = matches!(self.farewell, Some(Farewell::Said)) && self.course.is_between_frames();
        self.own.is_none() && (self.has_ended || has_parted)
    }

    fn poll_own(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        to: &mut impl Sink,
    ) -> Poll<Result<(), TransferError>> {
        if let Some((frame, gone)) = &mut self.own {
            *gone += ready!(send(context, buffers, to, frame.get(*gone..).unwrap_or_default()))?;
            if *gone >= frame.len() {
                self.own = None;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_more(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        from: &mut impl Source,
        to: &mut impl Sink,
    ) -> Poll<Result<(), TransferError>> {
        if !to.is_flushed() {
            ready!(to.poll_flush(context, buffers)).map_err(|_| TransferError::Sink)?;
        }
        if ready!(from.poll_fill(context, buffers)).map_err(|_| TransferError::Truncated)? == 0 {
            self.has_ended = true;
            // Half a head: the side is gone, and its peer is told what there was.
            self.allowed = from.unread().len();
        }
        Poll::Ready(Ok(()))
    }
}

fn send(
    context: &mut Context<'_>,
    buffers: &Buffers,
    to: &mut impl Sink,
    bytes: &[u8],
) -> Poll<Result<usize, TransferError>> {
    let sent = to.poll_payload(context, buffers, &mut Framed::default(), bytes, false);
    sent.map_err(|_| TransferError::Sink)
}
