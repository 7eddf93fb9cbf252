//! The client's side of an exchange: a whole connection, or one stream of one.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::client_stream::ClientStream;
use super::ends::{Sink, Source};
use super::framed::Framed;
use crate::exchange::{Head, Name, Session, Version};
use crate::http1::{write_fields, write_status_line};
use crate::proxy_header::Addresses;
use crate::wire::{Buffers, TlsSocket, Wire};

/// Where a request came from and where its answer goes.
pub(crate) enum Client {
    /// A connection that carries one exchange after the other.
    Wire(Wire),
    /// A stream among others.
    Stream(Box<ClientStream>),
}

impl Client {
    /// Bytes that came: of the connection's life, or the stream's.
    pub(crate) fn received_bytes(&self) -> u64 {
        match self {
            Self::Wire(wire) => wire.received_bytes,
            Self::Stream(stream) => stream.ends.received_bytes,
        }
    }

    /// Bytes that were sent, likewise.
    pub(crate) fn sent_bytes(&self) -> u64 {
        match self {
            Self::Wire(wire) => wire.sent_bytes,
            Self::Stream(stream) => stream.ends.sent_bytes,
        }
    }

    /// Whether no more can be read before something is used.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Wire(wire) => wire.is_full(),
            Self::Stream(_) => false,
        }
    }

    /// Makes what was sent so far pass for no whole answer.
    pub(crate) fn abort(&mut self) {
        match self {
            Self::Wire(wire) => wire.socket().reset_on_close(),
            Self::Stream(stream) => stream.abort(),
        }
    }

    /// Whether it has given its stream up; if not, the task is woken when it does. A connection shows that by itself.
    pub(crate) fn has_gone(&self, context: &Context<'_>) -> bool {
        match self {
            Self::Wire(_) => false,
            Self::Stream(stream) => stream.has_gone(context),
        }
    }

    /// Drops what it holds.
    pub(crate) fn discard(&mut self, buffers: &Buffers) {
        match self {
            Self::Wire(wire) => wire.discard(buffers),
            Self::Stream(_) => {}
        }
    }

    /// The session of a connection that has one to itself.
    pub(crate) fn session(&self) -> Option<&TlsSocket> {
        match self {
            Self::Wire(wire) => wire.socket().session(),
            Self::Stream(_) => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn session_mut(&mut self) -> Option<&mut TlsSocket> {
        match self {
            Self::Wire(wire) => wire.socket_mut().session_mut(),
            Self::Stream(_) => None,
        }
    }

    /// What conditions and templates see of the connection, where it is enciphered.
    pub(crate) fn facts(&self) -> Option<Arc<Session>> {
        match self {
            Self::Wire(wire) => wire.socket().session().and_then(TlsSocket::facts),
            Self::Stream(stream) => stream.agreed.as_ref().and_then(|agreed| agreed.facts.clone()),
        }
    }

    /// Whether a request for a host came by a connection that was made for another certificate.
    pub(crate) fn is_misdirected(&self, host: &str) -> bool {
        match self {
            Self::Wire(wire) => wire.socket().session().is_some_and(|session| session.is_misdirected(host)),
            Self::Stream(stream) => stream.agreed.as_ref().is_some_and(|agreed| agreed.is_misdirected(host)),
        }
    }

    /// Both ends of a connection.
    pub(crate) fn addresses(&self) -> Option<Addresses> {
        match self {
            Self::Wire(wire) => wire.socket().addresses(),
            Self::Stream(_) => None,
        }
    }

    /// The connection, where the exchange has one to itself.
    pub(crate) fn wire(&mut self) -> Option<&mut Wire> {
        match self {
            Self::Wire(wire) => Some(wire),
            Self::Stream(_) => None,
        }
    }

    /// Sends the head of an interim answer, at the next opportunity.
    pub(crate) fn send_interim(&mut self, buffers: &Buffers, status: u16, head: &Head) {
        match self {
            Self::Wire(wire) => {
                let output = wire.output(buffers);
                write_status_line(output, Version::Http11, status);
                write_fields(output, head, Name::OTHER);
                output.extend_from_slice(b"\r\n");
            }
            Self::Stream(stream) => stream.send_head(status, head, None, false),
        }
    }
}

impl Source for Client {
    fn unread(&self) -> &[u8] {
        match self {
            Self::Wire(wire) => wire.unread(),
            Self::Stream(stream) => stream.ends.unread(),
        }
    }

    fn unread_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Wire(wire) => wire.unread_mut(),
            Self::Stream(stream) => stream.ends.unread_mut(),
        }
    }

    fn consume(&mut self, count: usize) {
        match self {
            Self::Wire(wire) => wire.consume(count),
            Self::Stream(stream) => stream.ends.consume(count),
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
            Self::Stream(stream) => stream.ends.poll_fill(context),
        }
    }

    fn take_trailers(&mut self) -> Option<Head> {
        match self {
            Self::Wire(_) => None,
            Self::Stream(stream) => stream.ends.take_trailers(),
        }
    }
}

impl Sink for Client {
    fn is_flushed(&self) -> bool {
        match self {
            Self::Wire(wire) => wire.is_flushed(),
            Self::Stream(stream) => stream.ends.is_flushed(),
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>, buffers: &Buffers) -> Poll<io::Result<()>> {
        match self {
            Self::Wire(wire) => wire.poll_flush(context, buffers),
            Self::Stream(stream) => stream.ends.poll_flush(context),
        }
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Wire(wire) => wire.poll_shutdown(context),
            Self::Stream(stream) => {
                stream.end();
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
            Self::Stream(stream) => stream.ends.poll_payload(context, framed, bytes, ends),
        }
    }

    fn write_last(&mut self, buffers: &Buffers, framed: &mut Framed, bytes: &[u8]) {
        match self {
            Self::Wire(wire) => wire.write_last(buffers, framed, bytes),
            Self::Stream(stream) => stream.ends.write_last(framed, bytes),
        }
    }

    fn write_end(&mut self, buffers: &Buffers, framed: &mut Framed, trailers: Option<&Head>) {
        match self {
            Self::Wire(wire) => wire.write_end(buffers, framed, trailers),
            Self::Stream(stream) => stream.ends.write_end(framed, trailers),
        }
    }
}
