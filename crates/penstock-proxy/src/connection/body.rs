//! A body on its way in: what of a wire's bytes belongs to it and where it ends.

use super::ends::Source;
use crate::exchange::Head;
use crate::http1::{ChunkedDecoder, Framing, Malformed};

/// The progress of one body. Its payload always stands at the start of the wire's unused bytes.
#[derive(Debug, Default)]
pub(crate) struct Body {
    framing: Framing,
    decoder: ChunkedDecoder,
    /// Payload bytes at the start of the wire's unused bytes.
    ready: usize,
    /// Framing bytes behind them.
    skip: usize,
    is_ended: bool,
    /// Payload bytes seen so far.
    pub(crate) received: u64,
}

impl Body {
    /// Begins a body and keeps the memory of the one before.
    pub(crate) fn begin(&mut self, framing: Framing) {
        self.framing = framing;
        self.decoder.reset();
        (self.ready, self.skip, self.received) = (0, 0, 0);
        self.is_ended = framing == Framing::None;
    }

    /// How it is delimited.
    pub(crate) fn framing(&self) -> Framing {
        self.framing
    }

    /// Payload bytes at the start of the wire's unused bytes.
    pub(crate) fn ready(&self) -> usize {
        self.ready
    }

    /// Whether nothing is left to read, take or skip.
    pub(crate) fn is_done(&self) -> bool {
        self.is_ended && self.ready == 0
    }

    /// Whether the end has been seen, though payload may still wait.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Looks at the wire's unused bytes for more payload, once the last was taken.
    pub(crate) fn decode(&mut self, wire: &mut impl Source) -> Result<(), Malformed> {
        if self.ready > 0 || self.is_ended || wire.unread().is_empty() {
            return Ok(());
        }
        match &mut self.framing {
            Framing::None => self.is_ended = true,
            Framing::UntilClose | Framing::Stream => self.ready = wire.unread().len(),
            Framing::Length(left) => {
                self.ready = usize::try_from(*left).unwrap_or(usize::MAX).min(wire.unread().len());
                *left -= self.ready as u64;
                self.is_ended = *left == 0;
            }
            Framing::Chunked => {
                let decoded = self.decoder.decode(wire.unread_mut())?;
                wire.consume(decoded.payload.start);
                self.ready = decoded.payload.len();
                self.skip = decoded.consumed - decoded.payload.end;
                self.is_ended = decoded.is_done;
                if self.ready == 0 {
                    wire.consume(self.skip);
                }
            }
        }
        self.received += self.ready as u64;
        Ok(())
    }

    /// Marks payload bytes as taken.
    pub(crate) fn take(&mut self, wire: &mut impl Source, count: usize) {
        wire.consume(count);
        self.ready -= count.min(self.ready);
        if self.ready == 0 {
            wire.consume(self.skip);
            self.skip = 0;
        }
    }

    /// The sender closed: whether the body may end that way.
    ///
    /// One of no length at all has nothing to be seen of but its end: that of an HTTP/2 stream behind its head.
    pub(crate) fn close(&mut self) -> bool {
        let is_whole =
            matches!(self.framing, Framing::UntilClose | Framing::Stream | Framing::Length(0)) || self.is_ended;
        self.is_ended |= is_whole;
        is_whole
    }

    /// The trailers, if there were any.
    pub(crate) fn trailers(&self, head: &mut Head) -> Result<bool, Malformed> {
        if self.framing != Framing::Chunked || !self.decoder.has_trailers() {
            return Ok(false);
        }
        self.decoder.trailers(head).map(|()| true)
    }
}
