//! A stream of a connection that carries many, as a place where a body comes from and goes to.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::framed::Framed;
use super::streams::Streams;
use crate::exchange::Head;
use crate::http2::Input;

/// Both directions of one stream.
pub(crate) struct StreamEnds {
    /// The connection it belongs to.
    pub(super) session: Rc<RefCell<dyn Streams>>,
    /// Its number.
    pub(super) id: u64,
    input: Vec<u8>,
    taken: usize,
    /// A body that is whole and waits for the peer's grant.
    output: Vec<u8>,
    sent: usize,
    /// Bytes of heads and bodies that came.
    pub(super) received_bytes: u64,
    /// Bytes of heads and bodies that were sent.
    pub(super) sent_bytes: u64,
}

impl StreamEnds {
    pub(super) fn new(session: Rc<RefCell<dyn Streams>>, id: u64) -> Self {
        let (input, output) = (Vec::new(), Vec::new());
        Self { session, id, input, taken: 0, output, sent: 0, received_bytes: 0, sent_bytes: 0 }
    }

    pub(super) fn unread(&self) -> &[u8] {
        self.input.get(self.taken..).unwrap_or_default()
    }

    pub(super) fn unread_mut(&mut self) -> &mut [u8] {
        self.input.get_mut(self.taken..).unwrap_or_default()
    }

    /// Marks bytes as used, and lets the peer send as many again.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.unread().len());
        self.taken += count;
        self.session.borrow_mut().release(self.id, count);
    }

    pub(super) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Next to nothing is left unread, if anything is: half a head of a frame.
        let mut left = Vec::new();
        left.extend_from_slice(self.unread());
        self.input.clear();
        self.taken = 0;
        let polled = self.session.borrow_mut().poll_input(context, self.id, &mut self.input);
        let came = self.input.len();
        self.input.splice(..0, left);
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Input::Bytes) => {
                self.received_bytes += came as u64;
                Poll::Ready(Ok(came))
            }
            Poll::Ready(Input::Ended) => Poll::Ready(Ok(0)),
            Poll::Ready(Input::Reset) => Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
        }
    }

    pub(super) fn take_trailers(&self) -> Option<Head> {
        self.session.borrow_mut().take_trailers(self.id)
    }

    /// Takes a whole body, to be sent as the peer grants it.
    pub(super) fn set_body(&mut self, body: &[u8]) {
        self.output.extend_from_slice(body);
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.sent == self.output.len()
    }

    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.output.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.session.borrow_mut().poll_data(context, self.id, rest, true) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
                Poll::Ready(Some(count)) => {
                    self.sent += count;
                    self.sent_bytes += count as u64;
                }
            }
        }
        match self.session.borrow_mut().poll_taken(context, self.id) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(true) => Poll::Ready(Ok(())),
            Poll::Ready(false) => Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
        }
    }

    pub(super) fn poll_payload(
        &mut self,
        context: &mut Context<'_>,
        framed: &mut Framed,
        bytes: &[u8],
        ends: bool,
    ) -> Poll<io::Result<usize>> {
        match self.session.borrow_mut().poll_data(context, self.id, bytes, ends) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            Poll::Ready(Some(count)) => {
                self.sent_bytes += count as u64;
                framed.has_ended |= ends && count == bytes.len();
                Poll::Ready(Ok(count))
            }
        }
    }

    /// Says that nothing more will be sent.
    pub(super) fn end(&self) {
        self.session.borrow_mut().send_end(self.id);
    }

    pub(super) fn write_last(&mut self, framed: &mut Framed, bytes: &[u8]) {
        self.set_body(bytes);
        framed.has_ended = true;
    }

    pub(super) fn write_end(&self, framed: &mut Framed, trailers: Option<&Head>) {
        if framed.has_ended {
            return;
        }
        framed.has_ended = true;
        let mut session = self.session.borrow_mut();
        match trailers {
            Some(trailers) => session.send_trailers(self.id, trailers),
            None => session.send_end(self.id),
        }
    }
}

impl Drop for StreamEnds {
    fn drop(&mut self) {
        self.session.borrow_mut().close(self.id, self.unread().len());
    }
}
