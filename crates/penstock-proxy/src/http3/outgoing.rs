//! What the tasks of streams take, and send.

use std::task::{Context, Poll};

use bytes::Bytes;

use super::error::{Code, counted_as};
use super::frame::{DATA, HEADERS, write_head};
use super::qpack::{write_field, write_prefix, write_status};
use super::session::Session;
use crate::exchange::{Head, Name, Request};
use crate::http2::{Input, Resets, passed_on};

/// Bytes of a body that are taken from its task at once.
const MOST_OUTPUT: usize = 32 << 10;
/// Bytes of the head of a frame of such a size, and room for some more.
const FRAME_HEAD: usize = 16;

impl Session {
    /// Moves what came of a body into an empty buffer.
    pub(crate) fn poll_input(&mut self, context: &Context<'_>, id: u64, buffer: &mut Vec<u8>) -> Poll<Input> {
        if self.streams.get(&id).is_some_and(|stream| stream.input.is_empty()) {
            self.read_more(id);
        }
        let Some(stream) = self.streams.get_mut(&id) else { return Poll::Ready(Input::Reset) };
        if stream.is_reset {
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
    pub(crate) fn is_reset(&self, id: u64) -> bool {
        self.streams.get(&id).is_none_or(|stream| stream.is_reset)
    }

    /// Whether the stream was reset, by either side; if not, the task is woken when it is.
    pub(crate) fn watch(&mut self, context: &Context<'_>, id: u64) -> bool {
        match self.streams.get_mut(&id) {
            Some(stream) if !stream.is_reset => {
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
    pub(crate) fn take_trailers(&mut self, id: u64) -> Option<Head> {
        self.streams.get_mut(&id)?.trailers.take()
    }

    /// Sends a head: of an interim answer, or of the answer itself. Gives the bytes of its block.
    pub(crate) fn send_head(
        &mut self,
        id: u64,
        status: u16,
        head: &Head,
        length: Option<u64>,
        ends_stream: bool,
    ) -> usize {
        let mut block = std::mem::take(&mut self.scratch);
        block.clear();
        write_prefix(&mut block);
        write_status(&mut block, status);
        write_fields(&mut block, head);
        if let Some(length) = length {
            let mut digits = itoa::Buffer::new();
            write_field(&mut block, Name::CONTENT_LENGTH, b"content-length", digits.format(length).as_bytes());
        }
        self.send_block(id, &block, ends_stream);
        self.scratch = block;
        self.scratch.len()
    }

    /// Sends the fields behind a body, which end the stream.
    pub(crate) fn send_trailers(&mut self, id: u64, trailers: &Head) {
        let mut block = std::mem::take(&mut self.scratch);
        block.clear();
        write_prefix(&mut block);
        write_fields(&mut block, trailers);
        self.send_block(id, &block, true);
        self.scratch = block;
    }

    fn send_block(&mut self, id: u64, block: &[u8], ends_stream: bool) {
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.is_reset) else { return };
        stream.has_ended |= ends_stream;
        stream.output.push(frame(HEADERS, block));
        self.flush(id);
    }

    /// Sends as much of a body as may be sent, and says how much that is; waits while nothing may be.
    /// With `ends_stream`, its last byte ends the stream.
    pub(crate) fn poll_data(
        &mut self,
        context: &Context<'_>,
        id: u64,
        bytes: &[u8],
        ends_stream: bool,
    ) -> Poll<Option<usize>> {
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.is_reset) else {
            return Poll::Ready(None);
        };
        if !stream.output.is_empty() {
            stream.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = bytes.len().min(MOST_OUTPUT);
        stream.has_ended |= ends_stream && count == bytes.len() && count > 0;
        stream.output.push(frame(DATA, bytes.get(..count).unwrap_or_default()));
        self.patience.useful();
        self.flush(id);
        Poll::Ready(Some(count))
    }

    /// Says that a body has ended.
    pub(crate) fn send_end(&mut self, id: u64) {
        if let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.is_reset) {
            stream.has_ended = true;
            self.flush(id);
        }
    }

    /// Waits until the connection has taken all that the stream sends; says no where it was reset.
    pub(crate) fn poll_taken(&mut self, context: &Context<'_>, id: u64) -> Poll<bool> {
        match self.streams.get_mut(&id) {
            Some(stream) if stream.is_reset => Poll::Ready(false),
            Some(stream) if !stream.output.is_empty() => {
                stream.waker = Some(context.waker().clone());
                Poll::Pending
            }
            Some(_) => Poll::Ready(true),
            None => Poll::Ready(false),
        }
    }

    /// Resets a stream, unless it was.
    pub(crate) fn abort(&mut self, id: u64, code: Code) {
        self.reset(id, code);
    }

    /// Resets a stream whose tunnel is over, unless both sides have said so.
    pub(crate) fn cut_off(&mut self, id: u64, code: Code) {
        if self.streams.get(&id).is_some_and(|stream| !(stream.has_ended && stream.has_peer_ended)) {
            self.reset(id, code);
        }
    }

    /// Ends a stream's service. What did not reach its end is reset.
    pub(crate) fn close(&mut self, id: u64) {
        let Some(stream) = self.streams.remove(&id) else { return };
        if stream.is_reset {
            return;
        }
        if !stream.is_finished {
            self.refuse(stream.id, Code::Internal);
        } else if !stream.has_peer_ended {
            // The answer may be whole without the rest of the request (RFC 9114, section 4.1.1).
            let _ = self.quic.recv_stream(stream.id).stop(Code::NoError.into());
            let code = counted_as(u64::from(Code::NoError as u32));
            Resets::count(&mut self.resets.get_or_insert_default().by_gateway, code as u32);
        }
        self.wake_sender();
    }
}

fn frame(kind: u64, payload: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(payload.len() + FRAME_HEAD);
    write_head(&mut out, kind, payload.len());
    out.extend_from_slice(payload);
    out.into()
}

/// Writes fields but those that speak of one HTTP/1.1 connection or message.
fn write_fields(block: &mut Vec<u8>, head: &Head) {
    for field in passed_on(head, Name::OTHER) {
        write_field(block, field.token, head.bytes(field.name), head.bytes(field.value));
    }
}
