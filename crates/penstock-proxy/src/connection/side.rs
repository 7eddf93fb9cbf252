//! One side of an exchange: a whole connection, or one stream of one.

use std::io;
use std::task::{Context, Poll};

use super::ends::{Sink, Source};
use super::framed::Framed;
use super::stream_ends::StreamEnds;
use crate::exchange::Head;
use crate::wire::{Buffers, Wire};

/// Where the messages of an exchange come from and go to.
pub(crate) enum Side<S> {
    /// A connection that carries one exchange after the other.
    Wire(Box<Wire>),
    /// A stream among others.
    Stream(Box<S>),
}

/// A stream, whoever began it.
pub(crate) trait Stream {
    /// Both its directions.
    fn ends(&self) -> &StreamEnds;
    /// The same, to be moved on.
    fn ends_mut(&mut self) -> &mut StreamEnds;
}

impl<S: Stream> Side<S> {
    /// Bytes that came: of the connection's life, or the stream's.
    pub(crate) fn received_bytes(&self) -> u64 {
        match self {
            Self::Wire(wire) => wire.received_bytes,
            Self::Stream(stream) => stream.ends().received_bytes,
        }
    }

    /// Bytes that were sent, likewise.
    pub(crate) fn sent_bytes(&self) -> u64 {
        match self {
            Self::Wire(wire) => wire.sent_bytes,
            Self::Stream(stream) => stream.ends().sent_bytes,
        }
    }

    /// Drops what it holds.
    pub(crate) fn discard(&mut self, buffers: &Buffers) {
        match self {
            Self::Wire(wire) => wire.discard(buffers),
            Self::Stream(_) => {}
        }
    }
}

impl<S: Stream> Source for Side<S> {
    fn unread(&self) -> &[u8] {
        match self {
            Self::Wire(wire) => wire.unread(),
            Self::Stream(stream) => stream.ends().unread(),
        }
    }

    fn unread_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Wire(wire) => wire.unread_mut(),
            Self::Stream(stream) => stream.ends_mut().unread_mut(),
        }
    }

    fn consume(&mut self, count: usize) {
        match self {
            Self::Wire(wire) => wire.consume(count),
            Self::Stream(stream) => stream.ends_mut().consume(count),
        }
    }

    fn release_input(&mut self, buffers: &Buffers) {
        match self {
            Self::Wire(wire) => wire.release_input(buffers),
            Self::Stream(_) => {}
        }
    }

    fn poll_fill(&mut self, context: &mut Context<'_>, buffers: &Buffers) -> Poll<io::Result<usize>> {
        match self {
            Self::Wire(wire) => wire.poll_fill(context, buffers),
            Self::Stream(stream) => stream.ends_mut().poll_fill(context),
        }
    }

    fn take_trailers(&mut self) -> Option<Head> {
        match self {
            Self::Wire(_) => None,
            Self::Stream(stream) => stream.ends().take_trailers(),
        }
    }
}

impl<S: Stream> Sink for Side<S> {
    fn is_flushed(&self) -> bool {
        match self {
            Self::Wire(wire) => wire.is_flushed(),
            Self::Stream(stream) => stream.ends().is_flushed(),
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>, buffers: &Buffers) -> Poll<io::Result<()>> {
        match self {
            Self::Wire(wire) => wire.poll_flush(context, buffers),
            Self::Stream(stream) => stream.ends_mut().poll_flush(context),
        }
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Wire(wire) => wire.poll_shutdown(context),
            Self::Stream(stream) => {
                stream.ends().end();
                Poll::Ready(Ok(()))
            }
        }
    }

    fn poll_payload(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        framed: &mut Framed,
        bytes: &[u8],
        ends: bool,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Wire(wire) => wire.poll_payload(context, buffers, framed, bytes, ends),
            Self::Stream(stream) => stream.ends_mut().poll_payload(context, framed, bytes, ends),
        }
    }

    fn write_last(&mut self, buffers: &Buffers, framed: &mut Framed, bytes: &[u8]) {
        match self {
            Self::Wire(wire) => wire.write_last(buffers, framed, bytes),
            Self::Stream(stream) => stream.ends_mut().write_last(framed, bytes),
        }
    }

    fn write_end(&mut self, buffers: &Buffers, framed: &mut Framed, trailers: Option<&Head>) {
        match self {
            Self::Wire(wire) => wire.write_end(buffers, framed, trailers),
            Self::Stream(stream) => stream.ends().write_end(framed, trailers),
        }
    }
}
