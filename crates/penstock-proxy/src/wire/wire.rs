//! A wire: a socket, the bytes that came and are not used yet, the bytes that have to go.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::task::{Context, Poll, ready};

use super::{Buffers, Socket};

/// Payloads up to this size are copied behind the head so that one plain write sends both;
/// above it two places and one gathering write are cheaper.
const COPY_BYTES: usize = 8 << 10;
/// A wire that waits keeps at most this much in a buffer of its own size.
const PARK_BYTES: usize = 16 << 10;

/// A socket with its two buffers. An idle wire holds neither.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: Socket,
    input: Box<[u8]>,
    unread: Range<u32>,
    output: Vec<u8>,
    sent: u32,
    /// Bytes received over the wire's life.
    pub(crate) received_bytes: u64,
    /// Bytes sent over the wire's life.
    pub(crate) sent_bytes: u64,
}

/// A piece of a body on its way out, and what frames it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload<'a> {
    /// The bytes.
    pub(crate) bytes: &'a [u8],
    /// What follows them: the line end of a chunk, or nothing.
    pub(crate) tail: &'static [u8],
}

impl Wire {
    /// Boxed: it changes hands with every request, between those that wait and those that work.
    #[allow(clippy::unnecessary_box_returns, reason = "nobody wants one on the stack")]
    pub(crate) fn new(socket: Socket) -> Box<Self> {
        Box::new(Self {
            socket,
            input: Box::default(),
            unread: 0..0,
            output: Vec::new(),
            sent: 0,
            received_bytes: 0,
            sent_bytes: 0,
        })
    }

    /// The socket.
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The same, to be changed.
    pub(crate) fn socket_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Bytes that came and are not used yet.
    pub(crate) fn unread(&self) -> &[u8] {
        self.input.get(self.unread_range()).unwrap_or_default()
    }

    /// The same, to be decoded in place.
    pub(crate) fn unread_mut(&mut self) -> &mut [u8] {
        let range = self.unread_range();
        self.input.get_mut(range).unwrap_or_default()
    }

    /// Marks bytes as used.
    pub(crate) fn consume(&mut self, count: usize) {
        self.unread.start = (self.unread.start + count as u32).min(self.unread.end);
    }

    /// Hands the input buffer back if nothing in it is unused.
    pub(crate) fn release_input(&mut self, buffers: &Buffers) {
        if self.unread.is_empty() && !self.input.is_empty() {
            buffers.return_read(std::mem::take(&mut self.input));
            self.unread = 0..0;
        }
    }

    /// Reads once behind the unused bytes; 0 is the end, and also what a full buffer gives.
    ///
    /// While it waits, the buffer is handed back or made as small as what it holds.
    pub(crate) fn poll_fill(&mut self, context: &mut Context<'_>, buffers: &Buffers) -> Poll<io::Result<usize>> {
        self.make_room(buffers);
        let Some(room) = self.input.get_mut(self.unread.end as usize..) else { return Poll::Ready(Ok(0)) };
        match self.socket.poll_read(context, room) {
            Poll::Ready(Ok(count)) => {
                self.unread.end += count as u32;
                self.received_bytes += count as u64;
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.park(buffers);
                Poll::Pending
            }
        }
    }

    /// Whether the input buffer can take no more.
    pub(crate) fn is_full(&self) -> bool {
        self.unread.len() >= super::buffers::READ_BYTES
    }

    /// Where the next head, chunk start or small body is to be written.
    pub(crate) fn output(&mut self, buffers: &Buffers) -> &mut Vec<u8> {
        if self.output.capacity() == 0 {
            self.output = buffers.lend_write();
        }
        &mut self.output
    }

    /// Bytes written and not sent yet.
    pub(crate) fn unsent(&self) -> usize {
        self.output.len() - self.sent as usize
    }

    /// Whether everything written so far has been sent.
    pub(crate) fn is_flushed(&self) -> bool {
        self.output.len() == self.sent as usize
    }

    /// Sends what is in the output buffer, then hands it back.
    pub(crate) fn poll_flush(&mut self, context: &mut Context<'_>, buffers: &Buffers) -> Poll<io::Result<()>> {
        while let Some(rest) = self.output.get(self.sent as usize..).filter(|rest| !rest.is_empty()) {
            let count = ready!(self.socket.poll_write(context, &[IoSlice::new(rest)]))?;
            self.note_sent(count)?;
        }
        if self.output.capacity() > 0 {
            buffers.return_write(std::mem::take(&mut self.output));
        }
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Sends the output buffer and then as much of a payload as goes, and says how much
    /// of the payload that is. The tail counts as sent with the last of the bytes.
    pub(crate) fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        payload: Payload<'_>,
    ) -> Poll<io::Result<usize>> {
        if payload.bytes.len() <= COPY_BYTES {
            let output = self.output(buffers);
            output.extend_from_slice(payload.bytes);
            output.extend_from_slice(payload.tail);
            // What is left over waits in the output buffer: the payload itself is taken.
            return match self.poll_flush(context, buffers) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                _ => Poll::Ready(Ok(payload.bytes.len())),
            };
        }
        self.poll_gather(context, buffers, payload)
    }

    /// Ends what is sent.
    pub(crate) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_shutdown(context)
    }

    /// Hands both buffers back, whatever they hold.
    pub(crate) fn discard(&mut self, buffers: &Buffers) {
        self.unread = 0..0;
        self.release_input(buffers);
        buffers.return_write(std::mem::take(&mut self.output));
        self.sent = 0;
    }

    fn poll_gather(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        payload: Payload<'_>,
    ) -> Poll<io::Result<usize>> {
        let head = self.output.get(self.sent as usize..).unwrap_or_default();
        let head_bytes = head.len();
        let parts = [IoSlice::new(head), IoSlice::new(payload.bytes), IoSlice::new(payload.tail)];
        let parts = match (head.is_empty(), payload.tail.is_empty()) {
            (true, true) => parts.get(1..2),
            (true, false) => parts.get(1..),
            (false, true) => parts.get(..2),
            (false, false) => parts.get(..),
        };
        let count = ready!(self.socket.poll_write(context, parts.unwrap_or_default()))?;
        self.note_sent(count.min(head_bytes))?;
        if count < head_bytes || count == 0 {
            return self.poll_gather(context, buffers, payload);
        }
        let after_head = count - head_bytes;
        self.sent_bytes += after_head as u64;
        let of_payload = after_head.min(payload.bytes.len());
        if self.is_flushed() {
            self.output.clear();
            self.sent = 0;
        }
        if of_payload == payload.bytes.len() {
            let tail = payload.tail.get(after_head - of_payload..).unwrap_or_default();
            if !tail.is_empty() {
                self.output(buffers).extend_from_slice(tail);
            }
        }
        Poll::Ready(Ok(of_payload))
    }

    fn note_sent(&mut self, count: usize) -> io::Result<()> {
        if count == 0 && !self.is_flushed() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.sent += count as u32;
        self.sent_bytes += count as u64;
        Ok(())
    }

    fn unread_range(&self) -> Range<usize> {
        self.unread.start as usize..self.unread.end as usize
    }

    /// Makes the input a full-size buffer with the unused bytes at its start.
    fn make_room(&mut self, buffers: &Buffers) {
        if self.input.len() < super::buffers::READ_BYTES {
            let mut larger = buffers.lend_read();
            let unread = self.unread();
            if !unread.is_empty()
                && let Some(to) = larger.get_mut(..unread.len())
            {
                to.copy_from_slice(unread);
            }
            self.unread = 0..unread.len() as u32;
            self.input = larger;
        } else if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.unread.end as usize == self.input.len() {
            let range = self.unread_range();
            self.unread = 0..range.len() as u32;
            self.input.copy_within(range, 0);
        }
    }

    fn park(&mut self, buffers: &Buffers) {
        if self.unread.is_empty() {
            self.release_input(buffers);
        } else if self.unread.len() <= PARK_BYTES && self.input.len() == super::buffers::READ_BYTES {
            let small: Box<[u8]> = self.unread().into();
            self.unread = 0..small.len() as u32;
            buffers.return_read(std::mem::replace(&mut self.input, small));
        }
    }
}
