//! What an exchange asks of a connection that carries many at once, whichever protocol frames them.

use std::task::{Context, Poll};

use crate::exchange::{Head, Request};
use crate::http2::{self, ErrorCode, Input};
use crate::http3;

/// A connection of streams, each by its number.
pub(crate) trait Streams {
    /// Whether the stream was reset, by either side.
    fn is_reset(&self, id: u64) -> bool;
    /// The same; if it was not, the task is woken when it is.
    fn watch(&mut self, context: &Context<'_>, id: u64) -> bool;
    /// Keeps the memory of a request for the next stream.
    fn give_back(&self, request: Box<Request>);
    /// Moves what came of a body into an empty buffer.
    fn poll_input(&mut self, context: &Context<'_>, id: u64, buffer: &mut Vec<u8>) -> Poll<Input>;
    /// The fields behind the body, once it has ended.
    fn take_trailers(&mut self, id: u64) -> Option<Head>;
    /// Grants the peer what was used up of a body.
    fn release(&mut self, id: u64, bytes: usize);
    /// Sends a head: of an interim answer, or of the answer itself. Gives the bytes of its block.
    fn send_head(&mut self, id: u64, status: u16, head: &Head, length: Option<u64>, ends_stream: bool) -> usize;
    /// Sends as much of a body as may be sent, and says how much that is; none: the stream was reset.
    /// With `ends_stream`, its last byte ends the stream.
    fn poll_data(&mut self, context: &Context<'_>, id: u64, bytes: &[u8], ends_stream: bool) -> Poll<Option<usize>>;
    /// Sends the fields behind a body, which end the stream.
    fn send_trailers(&mut self, id: u64, trailers: &Head);
    /// Says that a body has ended.
    fn send_end(&mut self, id: u64);
    /// Waits until the connection has taken all that the stream sends; says no where it was reset.
    fn poll_taken(&mut self, context: &Context<'_>, id: u64) -> Poll<bool>;
    /// Resets a stream, unless it was, because we cannot go on.
    fn abort(&mut self, id: u64);
    /// Resets a stream whose tunnel is over, unless both sides have said so.
    fn cut_off(&mut self, id: u64, code: ErrorCode);
    /// Ends a stream's service, of whose body so many bytes are not used up. What did not reach its end is reset.
    fn close(&mut self, id: u64, unread: usize);
}

/// Its streams have numbers of 31 bits.
const fn short(id: u64) -> u32 {
    id as u32
}

impl Streams for http2::Session {
    fn is_reset(&self, id: u64) -> bool {
        self.is_reset(short(id))
    }

    fn watch(&mut self, context: &Context<'_>, id: u64) -> bool {
        self.watch(context, short(id))
    }

    fn give_back(&self, request: Box<Request>) {
        self.give_back(request);
    }

    fn poll_input(&mut self, context: &Context<'_>, id: u64, buffer: &mut Vec<u8>) -> Poll<Input> {
        self.poll_input(context, short(id), buffer)
    }

    fn take_trailers(&mut self, id: u64) -> Option<Head> {
        self.take_trailers(short(id))
    }

    fn release(&mut self, id: u64, bytes: usize) {
        self.release(short(id), bytes);
    }

    fn send_head(&mut self, id: u64, status: u16, head: &Head, length: Option<u64>, ends_stream: bool) -> usize {
        self.send_head(short(id), status, head, length, ends_stream)
    }

    fn poll_data(&mut self, context: &Context<'_>, id: u64, bytes: &[u8], ends_stream: bool) -> Poll<Option<usize>> {
        self.poll_data(context, short(id), bytes, ends_stream)
    }

    fn send_trailers(&mut self, id: u64, trailers: &Head) {
        self.send_trailers(short(id), trailers);
    }

    fn send_end(&mut self, id: u64) {
        self.send_end(short(id));
    }

    fn poll_taken(&mut self, _: &Context<'_>, _: u64) -> Poll<bool> {
        // What is to be sent is the connection's from the start.
        Poll::Ready(true)
    }

    fn abort(&mut self, id: u64) {
        self.abort(short(id), ErrorCode::Internal);
    }

    fn cut_off(&mut self, id: u64, code: ErrorCode) {
        self.cut_off(short(id), code);
    }

    fn close(&mut self, id: u64, unread: usize) {
        self.close(short(id), unread);
    }
}

impl Streams for http3::Session {
    fn is_reset(&self, id: u64) -> bool {
        self.is_reset(id)
    }

    fn watch(&mut self, context: &Context<'_>, id: u64) -> bool {
        self.watch(context, id)
    }

    fn give_back(&self, request: Box<Request>) {
        self.give_back(request);
    }

    fn poll_input(&mut self, context: &Context<'_>, id: u64, buffer: &mut Vec<u8>) -> Poll<Input> {
        self.poll_input(context, id, buffer)
    }

    fn take_trailers(&mut self, id: u64) -> Option<Head> {
        self.take_trailers(id)
    }

    fn release(&mut self, _: u64, _: usize) {
        // Granted when it was moved into the task's buffer.
    }

    fn send_head(&mut self, id: u64, status: u16, head: &Head, length: Option<u64>, ends_stream: bool) -> usize {
        self.send_head(id, status, head, length, ends_stream)
    }

    fn poll_data(&mut self, context: &Context<'_>, id: u64, bytes: &[u8], ends_stream: bool) -> Poll<Option<usize>> {
        self.poll_data(context, id, bytes, ends_stream)
    }

    fn send_trailers(&mut self, id: u64, trailers: &Head) {
        self.send_trailers(id, trailers);
    }

    fn send_end(&mut self, id: u64) {
        self.send_end(id);
    }

    fn poll_taken(&mut self, context: &Context<'_>, id: u64) -> Poll<bool> {
        self.poll_taken(context, id)
    }

    fn abort(&mut self, id: u64) {
        self.abort(id, http3::Code::Internal);
    }

    fn cut_off(&mut self, id: u64, code: ErrorCode) {
        let is_connect = code == ErrorCode::Connect;
        self.cut_off(id, if is_connect { http3::Code::Connect } else { http3::Code::RequestCancelled });
    }

    fn close(&mut self, id: u64, _: usize) {
        self.close(id);
    }
}
