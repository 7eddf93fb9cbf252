//! Moves a body from one wire to another with back-pressure: nothing is read while nothing can go.

use std::io;
use std::task::{Context, Poll, ready};

use super::body::Body;
use super::identify::starts;
use crate::exchange::{Head, Name};
use crate::http1::{Framing, Malformed, write_chunk_start, write_fields};
use crate::wire::{Buffers, Payload, Wire};

/// Unsent bytes at which no further payload is put behind them.
const HIGH_WATER: usize = 16 << 10;

/// How a transfer failed.
#[derive(Debug)]
pub(crate) enum TransferError {
    /// The sender closed or reset before the end of the body.
    Truncated,
    /// The sender's framing is malformed.
    Malformed(Malformed),
    /// The body is larger than allowed.
    TooLarge,
    /// The receiver takes no more.
    Sink,
}

/// One body on its way from a source to a sink.
#[derive(Debug, Default)]
pub(crate) struct Transfer {
    /// The body as it comes in.
    pub(crate) body: Body,
    /// Whether it leaves in chunks.
    pub(crate) is_chunked: bool,
    /// Whether trailers may follow.
    pub(crate) passes_trailers: bool,
    /// Most payload bytes.
    pub(crate) limit: Option<u64>,
    frame_is_open: bool,
    end_is_written: bool,
    /// Whether everything has left.
    pub(crate) is_finished: bool,
}

impl Transfer {
    /// Begins a transfer and keeps the memory of the one before.
    pub(crate) fn begin(&mut self, framing: Framing, is_chunked: bool, limit: Option<u64>) {
        self.body.begin(framing);
        self.is_chunked = is_chunked;
        self.passes_trailers = false;
        self.limit = limit;
        (self.frame_is_open, self.end_is_written, self.is_finished) = (false, false, false);
    }

    /// Makes it ready for another receiver: a body that has wholly left leaves no second time.
    /// Says no where only a part has left, for the rest alone is nobody's body.
    pub(crate) fn restart(&mut self) -> bool {
        if self.body.is_done() {
            self.begin(Framing::None, false, None);
        }
        self.is_finished = false;
        self.body.received == 0
    }

    /// Whether it is the receiver that keeps it from going on.
    pub(crate) fn waits_for(&self, sink: &Wire) -> bool {
        self.body.ready() > 0 || !sink.is_flushed()
    }

    /// Moves what can be moved now; ready when the whole body has left.
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        source: &mut Wire,
        sink: &mut Wire,
    ) -> Poll<Result<(), TransferError>> {
        loop {
            if self.is_finished {
                return Poll::Ready(Ok(()));
            }
            self.body.decode(source).map_err(TransferError::Malformed)?;
            if self.limit.is_some_and(|limit| self.body.received > limit) {
                return Poll::Ready(Err(TransferError::TooLarge));
            }
            if self.body.ready() > 0 {
                ready!(self.poll_payload(context, buffers, source, sink)).map_err(|_| TransferError::Sink)?;
                source.release_input(buffers);
            } else if self.body.is_done() {
                self.write_end(buffers, sink).map_err(TransferError::Malformed)?;
                ready!(sink.poll_flush(context, buffers)).map_err(|_| TransferError::Sink)?;
                source.release_input(buffers);
                self.is_finished = true;
            } else {
                ready!(self.poll_more(context, buffers, source, sink))?;
            }
        }
    }

    fn poll_payload(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        source: &mut Wire,
        sink: &mut Wire,
    ) -> Poll<io::Result<()>> {
        if sink.unsent() > HIGH_WATER {
            ready!(sink.poll_flush(context, buffers))?;
        }
        let ready = self.body.ready();
        if self.is_chunked && !self.frame_is_open {
            write_chunk_start(sink.output(buffers), ready);
            self.frame_is_open = true;
        }
        let ends = self.body.is_ended() && !self.passes_trailers;
        let tail: &[u8] = match (self.is_chunked, ends) {
            (false, _) => b"",
            (true, false) => b"\r\n",
            (true, true) => b"\r\n0\r\n\r\n",
        };
        let bytes = source.unread().get(..ready).unwrap_or_default();
        let sent = ready!(sink.poll_send(context, buffers, Payload { bytes, tail }))?;
        self.body.take(source, sent);
        if sent == ready {
            self.frame_is_open = false;
            self.end_is_written |= ends;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_more(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        source: &mut Wire,
        sink: &mut Wire,
    ) -> Poll<Result<(), TransferError>> {
        if !sink.is_flushed() {
            ready!(sink.poll_flush(context, buffers)).map_err(|_| TransferError::Sink)?;
        }
        match ready!(source.poll_fill(context, buffers)) {
            Ok(0) if !self.body.close() => Poll::Ready(Err(TransferError::Truncated)),
            Ok(_) => Poll::Ready(Ok(())),
            Err(_) => Poll::Ready(Err(TransferError::Truncated)),
        }
    }

    fn write_end(&mut self, buffers: &Buffers, sink: &mut Wire) -> Result<(), Malformed> {
        if !self.is_chunked || self.end_is_written {
            return Ok(());
        }
        self.end_is_written = true;
        sink.output(buffers).extend_from_slice(b"0\r\n");
        let mut trailers = Head::default();
        if self.passes_trailers && self.body.trailers(&mut trailers)? {
            trailers.retain(|token, name, _| may_trail(token, name));
            write_fields(sink.output(buffers), &trailers, Name::OTHER);
        }
        sink.output(buffers).extend_from_slice(b"\r\n");
        Ok(())
    }
}

/// Whether a trailer may pass: framing, authentication, routing and forwarding fields may not (A19).
fn may_trail(token: Name, name: &[u8]) -> bool {
    let is_refused = matches!(
        token,
        Name::AUTHORIZATION
            | Name::CONTENT_LENGTH
            | Name::CONTENT_TYPE
            | Name::COOKIE
            | Name::FORWARDED
            | Name::HOST
            | Name::PROXY_AUTHENTICATE
            | Name::PROXY_AUTHORIZATION
            | Name::SET_COOKIE
            | Name::TRAILER
            | Name::TRANSFER_ENCODING
    );
    !is_refused && !is_forwarding(name) && !name.contains(&b'_')
}

fn is_forwarding(name: &[u8]) -> bool {
    [&b"x-forwarded-"[..], b"x-real-ip", b"x-penstock-", b"x-request-id"].iter().any(|prefix| starts(name, prefix))
}
