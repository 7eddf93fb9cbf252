//! A stream of an HTTP/2 connection as an exchange uses it.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::framed::Framed;
use super::serve::NoHead;
use super::work::Work;
use crate::exchange::Head;
use crate::failure::Failure;
use crate::http2::{ErrorCode, Input, Opened, Session};
use crate::tls::Agreed;

/// One stream.
pub(crate) struct ClientStream {
    session: Rc<RefCell<Session>>,
    /// What the connection's handshake came to, where there was one.
    pub(super) agreed: Option<Rc<Agreed>>,
    id: u32,
    /// The head it began with, until the exchange takes it.
    pub(super) opened: Option<Opened>,
    input: Vec<u8>,
    taken: usize,
    /// The gateway's own body that waits for the client's grant.
    output: Vec<u8>,
    sent: usize,
    /// Bytes of heads and bodies that came.
    pub(crate) received_bytes: u64,
    /// Bytes of bodies that were sent.
    pub(crate) sent_bytes: u64,
}

impl ClientStream {
    /// The stream of a request that has come.
    pub(crate) fn new(session: Rc<RefCell<Session>>, agreed: Option<Rc<Agreed>>, opened: Opened) -> Self {
        Self {
            session,
            agreed,
            id: opened.stream,
            received_bytes: opened.request.head.buffer().len() as u64,
            opened: Some(opened),
            input: Vec::new(),
            taken: 0,
            output: Vec::new(),
            sent: 0,
            sent_bytes: 0,
        }
    }

    /// Makes its head the exchange's.
    pub(super) fn head(&mut self, work: &mut Work) -> Result<(), NoHead> {
        let Some(mut opened) = self.opened.take() else { return Err(NoHead::Quiet) };
        let is_reset = self.session.borrow().is_reset(self.id);
        // What is known of the connection is none of the parser's.
        let earlier = &mut work.exchange.request;
        (opened.request.client, opened.request.session) = (earlier.client, earlier.session.take());
        std::mem::swap(earlier, &mut *opened.request);
        self.session.borrow().give_back(opened.request);
        work.info = opened.info.map_err(|malformed| NoHead::Failed(malformed.into()))?;
        // What came with the head may have undone it: it was given up, or its body is not as long as it said.
        if is_reset { Err(NoHead::Failed(Failure::ClientGone)) } else { Ok(()) }
    }

    pub(super) fn unread(&self) -> &[u8] {
        self.input.get(self.taken..).unwrap_or_default()
    }

    pub(super) fn unread_mut(&mut self) -> &mut [u8] {
        self.input.get_mut(self.taken..).unwrap_or_default()
    }

    /// Marks bytes as used, and lets the client send as many again.
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

    /// Whether the client has given the stream up; if not, the task is woken when it does.
    pub(super) fn has_gone(&self, context: &Context<'_>) -> bool {
        self.session.borrow_mut().watch(context, self.id)
    }

    /// Whether it was reset, by either side.
    pub(super) fn is_reset(&self) -> bool {
        self.session.borrow().is_reset(self.id)
    }

    pub(super) fn take_trailers(&self) -> Option<Head> {
        self.session.borrow_mut().take_trailers(self.id)
    }

    /// Sends a head.
    pub(super) fn send_head(&mut self, status: u16, head: &Head, length: Option<u64>, ends: bool) {
        let sent = self.session.borrow_mut().send_head(self.id, status, head, length, ends);
        self.sent_bytes += sent as u64;
    }

    /// Takes a body of the gateway's own, to be sent as the client grants it.
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
        Poll::Ready(Ok(()))
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

    /// Says that nothing more will be sent.
    pub(super) fn end(&self) {
        self.session.borrow_mut().send_end(self.id);
    }

    /// Resets a stream whose tunnel is over, unless both sides have ended it.
    pub(super) fn cut_off(&self) {
        self.session.borrow_mut().cut_off(self.id);
    }

    /// Resets the stream.
    pub(super) fn abort(&self) {
        self.session.borrow_mut().abort(self.id, ErrorCode::Internal);
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        self.session.borrow_mut().close(self.id, self.unread().len());
    }
}
