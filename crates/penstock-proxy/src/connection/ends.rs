//! The two ends of a body's way: where it comes from and where it goes.

use std::io;
use std::task::{Context, Poll, ready};

use super::framed::Framed;
use crate::exchange::{Head, Name};
use crate::http1::{write_chunk_start, write_fields};
use crate::wire::{Buffers, Payload, Wire};

/// Unsent bytes at which no further payload is put behind them.
const HIGH_WATER: usize = 16 << 10;

/// Where a body comes from.
pub(crate) trait Source {
    /// Bytes that came and are not used yet.
    fn unread(&self) -> &[u8];
    /// The same, to be decoded in place.
    fn unread_mut(&mut self) -> &mut [u8];
    /// Marks bytes as used.
    fn consume(&mut self, count: usize);
    /// Hands the buffer back if nothing in it is unused.
    fn release_input(&mut self, buffers: &Buffers);
    /// Reads once behind the unused bytes; 0 is the end.
    fn poll_fill(&mut self, context: &mut Context<'_>, buffers: &Buffers) -> Poll<io::Result<usize>>;
    /// The fields behind a body that has ended, where they do not come among its bytes.
    fn take_trailers(&mut self) -> Option<Head>;
}

/// Where a body goes.
pub(crate) trait Sink {
    /// Whether everything written so far has been sent.
    fn is_flushed(&self) -> bool;
    /// Sends what was written.
    fn poll_flush(&mut self, context: &mut Context<'_>, buffers: &Buffers) -> Poll<io::Result<()>>;
    /// Says that nothing more will be sent.
    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Sends payload, the last of the body or not, and says how much of it was taken.
    fn poll_payload(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        framed: &mut Framed,
        bytes: &[u8],
        ends: bool,
    ) -> Poll<io::Result<usize>>;
    /// Writes the last bytes of the body, and its end.
    fn write_last(&mut self, buffers: &Buffers, framed: &mut Framed, bytes: &[u8]);
    /// Writes the end of the body, unless its last payload said so.
    fn write_end(&mut self, buffers: &Buffers, framed: &mut Framed, trailers: Option<&Head>);
}

impl Source for Wire {
    fn unread(&self) -> &[u8] {
        self.unread()
    }

    fn unread_mut(&mut self) -> &mut [u8] {
        self.unread_mut()
    }

    fn consume(&mut self, count: usize) {
        self.consume(count);
    }

    fn release_input(&mut self, buffers: &Buffers) {
        self.release_input(buffers);
    }

    fn poll_fill(&mut self, context: &mut Context<'_>, buffers: &Buffers) -> Poll<io::Result<usize>> {
        self.poll_fill(context, buffers)
    }

    fn take_trailers(&mut self) -> Option<Head> {
        None
    }
}

impl Sink for Wire {
    fn is_flushed(&self) -> bool {
        self.is_flushed()
    }

    fn poll_flush(&mut self, context: &mut Context<'_>, buffers: &Buffers) -> Poll<io::Result<()>> {
        self.poll_flush(context, buffers)
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_shutdown(context)
    }

    fn poll_payload(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        framed: &mut Framed,
        bytes: &[u8],
        ends: bool,
    ) -> Poll<io::Result<usize>> {
        if self.unsent() > HIGH_WATER {
            ready!(self.poll_flush(context, buffers))?;
        }
        if framed.is_chunked && !framed.is_open {
            write_chunk_start(self.output(buffers), bytes.len());
            framed.is_open = true;
        }
        let tail: &[u8] = match (framed.is_chunked, ends) {
            (false, _) => b"",
            (true, false) => b"\r\n",
            (true, true) => b"\r\n0\r\n\r\n",
        };
        let sent = ready!(self.poll_send(context, buffers, Payload { bytes, tail }))?;
        if sent == bytes.len() {
            framed.is_open = false;
            framed.has_ended |= ends;
        }
        Poll::Ready(Ok(sent))
    }

    fn write_last(&mut self, buffers: &Buffers, framed: &mut Framed, bytes: &[u8]) {
        let output = self.output(buffers);
        if framed.is_chunked {
            write_chunk_start(output, bytes.len());
        }
        output.extend_from_slice(bytes);
        if framed.is_chunked {
            output.extend_from_slice(b"\r\n0\r\n\r\n");
        }
        framed.has_ended = true;
    }

    fn write_end(&mut self, buffers: &Buffers, framed: &mut Framed, trailers: Option<&Head>) {
        if !framed.is_chunked || framed.has_ended {
            return;
        }
        framed.has_ended = true;
        let output = self.output(buffers);
        output.extend_from_slice(b"0\r\n");
        if let Some(trailers) = trailers {
            write_fields(output, trailers, Name::OTHER);
        }
        output.extend_from_slice(b"\r\n");
    }
}
