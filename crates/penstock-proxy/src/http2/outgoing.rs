//! What the tasks of streams take, and send.

use std::task::{Context, Poll};

use super::error::ErrorCode;
use super::frame::{END_STREAM, HEAD_BYTES, Kind, write_block, write_head, write_window_update};
use super::hpack::{write_field, write_status};
use super::session::Session;
use super::stream::Stream;
use crate::exchange::{Field, Head, Name, Request};
use crate::http1::OF_ONE_HOP;

/// Bytes that may wait to be sent before bodies wait too.
pub(super) const HIGH_WATER: usize = 64 << 10;

/// What a stream's task finds when it asks for more of the body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Bytes were put into the buffer.
    Bytes,
    /// The body has ended.
    Ended,
    /// The stream was reset.
    Reset,
}

impl Session {
    /// Moves what came of a body into an empty buffer.
    pub(crate) fn poll_input(&mut self, context: &Context<'_>, id: u32, buffer: &mut Vec<u8>) -> Poll<Input> {
        let Some(stream) = self.streams.get_mut(&id) else { return Poll::Ready(Input::Reset) };
        // What a client gave up is nobody's any more; what an endpoint has sent is the answer, or the start of it.
        let has_more = stream.answers.is_some() && (stream.has_peer_ended || !stream.input.is_empty());
        if stream.reset.is_some() && !has_more {
            return Poll::Ready(Input::Reset);
        }
        if !stream.input.is_empty() {
            std::mem::swap(&mut stream.input, buffer);
            stream.input.clear();
            return Poll::Ready(Input::Bytes);
        }
        if stream.has_peer_ended {
            return Poll::Ready(Input::Ended);
        }
        stream.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Whether the stream was reset, by either side.
    pub(crate) fn is_reset(&self, id: u32) -> bool {
        self.streams.get(&id).is_none_or(|stream| stream.reset.is_some())
    }

    /// Whether the stream was reset, by either side; if not, the task is woken when it is.
    pub(crate) fn watch(&mut self, context: &Context<'_>, id: u32) -> bool {
        match self.streams.get_mut(&id) {
            Some(stream) if stream.reset.is_none() => {
                stream.waker = Some(context.waker().clone());
                false
            }
            _ => true,
        }
    }

    /// Keeps the memory of a request for the next stream.
    pub(crate) fn give_back(&self, request: Box<Request>) {
        self.spares.give(request);
    }

    /// The fields behind the body, once it has ended.
    pub(crate) fn take_trailers(&mut self, id: u32) -> Option<Head> {
        self.streams.get_mut(&id)?.trailers.take()
    }

    /// Grants the peer what was used up of a body; of stream 0: of the connection alone.
    pub(crate) fn release(&mut self, id: u32, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let of_connection = self.receive_window.release(bytes);
        let stream = self.streams.get_mut(&id).filter(|stream| !stream.has_peer_ended && stream.reset.is_none());
        let of_stream = stream.and_then(|stream| stream.receive_window.release(bytes));
        for (id, grant) in [(0, of_connection), (id, of_stream)] {
            if let Some(grant) = grant {
                write_window_update(&mut self.output, id, grant);
                self.wake_sender();
            }
        }
    }

    /// Sends a head: of an interim answer, or of the answer itself. Gives the bytes of its block.
    pub(crate) fn send_head(
        &mut self,
        id: u32,
        status: u16,
        head: &Head,
        length: Option<u64>,
        ends_stream: bool,
    ) -> usize {
        let mut block = std::mem::take(&mut self.scratch);
        block.clear();
        write_status(&mut block, status);
        write_fields(&mut block, head, Name::OTHER);
        if let Some(length) = length {
            let mut digits = itoa::Buffer::new();
            write_field(&mut block, Name::CONTENT_LENGTH, b"content-length", digits.format(length).as_bytes());
        }
        self.send_block(id, &block, ends_stream);
        self.scratch = block;
        self.scratch.len()
    }

    /// Sends the fields behind a body, which end the stream.
    pub(crate) fn send_trailers(&mut self, id: u32, trailers: &Head) {
        let mut block = std::mem::take(&mut self.scratch);
        block.clear();
        write_fields(&mut block, trailers, Name::OTHER);
        self.send_block(id, &block, true);
        self.scratch = block;
    }

    pub(super) fn send_block(&mut self, id: u32, block: &[u8], ends_stream: bool) {
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.reset.is_none()) else { return };
        stream.has_ended |= ends_stream;
        write_block(&mut self.output, block, id, ends_stream, self.peer.most_payload);
        self.wake_sender();
    }

    /// Sends as much of a body as may be sent, and says how much that is; waits while nothing may be.
    /// With `ends_stream`, its last byte ends the stream.
    pub(crate) fn poll_data(
        &mut self,
        context: &Context<'_>,
        id: u32,
        bytes: &[u8],
        ends_stream: bool,
    ) -> Poll<Option<usize>> {
        let takes_more = |stream: &&mut Stream| stream.reset.is_none() && !stream.was_reset_by_peer;
        let Some(stream) = self.streams.get_mut(&id).filter(takes_more) else {
            return Poll::Ready(None);
        };
        let unsent = self.output.len();
        let room = stream.send_window.room().min(self.send_window.room()).min(HIGH_WATER.saturating_sub(unsent));
        let count = bytes.len().min(room);
        if count == 0 && !bytes.is_empty() {
            stream.waits_to_send = true;
            stream.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        stream.send_window.take(count);
        self.send_window.take(count);
        let is_end = ends_stream && count == bytes.len() && count > 0;
        stream.has_ended |= is_end;
        self.patience.useful();
        let most = self.peer.most_payload.max(1);
        let payload = bytes.get(..count).unwrap_or_default();
        self.output.reserve(count + HEAD_BYTES * (count / most + 1));
        let mut parts = payload.chunks(most).peekable();
        while let Some(part) = parts.next() {
            let flags = if is_end && parts.peek().is_none() { END_STREAM } else { 0 };
            write_head(&mut self.output, part.len(), Kind::Data, flags, id);
            self.output.extend_from_slice(part);
        }
        self.wake_sender();
        Poll::Ready(Some(count))
    }

    /// Says that a body has ended, unless that was said.
    pub(crate) fn send_end(&mut self, id: u32) {
        let is_open = |stream: &&mut Stream| stream.reset.is_none() && !stream.has_ended;
        let Some(stream) = self.streams.get_mut(&id).filter(is_open) else { return };
        stream.has_ended = true;
        write_head(&mut self.output, 0, Kind::Data, END_STREAM, id);
        self.wake_sender();
    }

    /// Resets a stream, unless it was.
    pub(crate) fn abort(&mut self, id: u32, code: ErrorCode) {
        if self.streams.get(&id).is_some_and(|stream| stream.reset.is_none()) {
            self.reset(id, code);
        }
    }

    /// Resets a stream whose tunnel is over, unless both sides have said so.
    pub(crate) fn cut_off(&mut self, id: u32, code: ErrorCode) {
        if self.streams.get(&id).is_some_and(|stream| !(stream.has_ended && stream.has_peer_ended)) {
            self.abort(id, code);
        }
    }

    /// Ends a stream's service, of whose body so many bytes are not used up. What did not reach its end is reset.
    pub(crate) fn close(&mut self, id: u32, unread: usize) {
        let Some(stream) = self.streams.remove(&id) else { return };
        let is_over = stream.has_ended && stream.has_peer_ended || stream.was_reset_by_peer;
        if stream.reset.is_none() && !is_over {
            let code = match (&stream.answers, stream.has_ended) {
                (Some(_), _) => ErrorCode::Cancel,
                // The answer may be whole without the rest of the request (RFC 9113, section 8.1).
                (None, true) => ErrorCode::NoError,
                (None, false) => ErrorCode::Internal,
            };
            self.reset(id, code);
        }
        if !stream.has_peer_ended && !stream.was_reset_by_peer {
            self.forgiven.add(id);
        }
        // What nobody took is the connection's again.
        self.release(0, stream.input.len() + unread);
        if self.streams.is_empty() {
            self.wake_sender();
        }
    }
}

/// Writes fields but those that speak of one HTTP/1.1 connection or message, and but one more.
pub(super) fn write_fields(block: &mut Vec<u8>, head: &Head, but: Name) {
    for field in passed_on(head, but) {
        write_field(block, field.token, head.bytes(field.name), head.bytes(field.value));
    }
}

/// The fields that leave in a stream, whatever compresses them: not those that speak of one HTTP/1.1 connection or
/// message, and not one more.
#[inline]
pub(crate) fn passed_on(head: &Head, but: Name) -> impl Iterator<Item = &Field> {
    // `OTHER` stands for no name here.
    let left_out = (OF_ONE_HOP | but.bit()) & !Name::OTHER.bit();
    head.fields().iter().filter(move |field| field.token.bit() & left_out == 0)
}
