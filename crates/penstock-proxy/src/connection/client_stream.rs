//! A stream of a connection that carries many, as the client's side of an exchange.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Context;

use super::serve::NoHead;
use super::side::Stream;
use super::stream_ends::StreamEnds;
use super::streams::Streams;
use super::work::Work;
use crate::exchange::Head;
use crate::failure::Failure;
use crate::http2::{ErrorCode, Opened};
use crate::tls::Agreed;

/// One stream that a client began.
pub(crate) struct ClientStream {
    /// Where its body comes from and the answer's goes.
    pub(super) ends: StreamEnds,
    /// What the connection's handshake came to, where there was one.
    pub(super) agreed: Option<Rc<Agreed>>,
    /// The head it began with, until the exchange takes it.
    pub(super) opened: Option<Opened>,
}

impl ClientStream {
    /// The stream of a request that has come.
    pub(crate) fn new(session: Rc<RefCell<dyn Streams>>, agreed: Option<Rc<Agreed>>, opened: Opened) -> Self {
        let mut ends = StreamEnds::new(session, opened.stream);
        ends.received_bytes = opened.request.head.buffer().len() as u64;
        Self { ends, agreed, opened: Some(opened) }
    }

    /// No stream at all: what stands for a connection that has no wire to itself.
    pub(super) fn nothing(session: Rc<RefCell<dyn Streams>>) -> Self {
        Self { ends: StreamEnds::new(session, u64::MAX), agreed: None, opened: None }
    }

    /// Makes its head the exchange's.
    pub(super) fn head(&mut self, work: &mut Work) -> Result<(), NoHead> {
        let Some(mut opened) = self.opened.take() else { return Err(NoHead::Quiet) };
        let is_reset = self.ends.session.borrow().is_reset(self.ends.id);
        work.is_early = opened.is_early;
        // What is known of the connection is none of the parser's.
        let earlier = &mut work.exchange.request;
        (opened.request.client, opened.request.session) = (earlier.client, earlier.session.take());
        std::mem::swap(earlier, &mut *opened.request);
        self.ends.session.borrow().give_back(opened.request);
        work.info = opened.info.map_err(|malformed| NoHead::Failed(malformed.into()))?;
        // What came with the head may have undone it: it was given up, or its body is not as long as it said.
        if is_reset { Err(NoHead::Failed(Failure::ClientGone)) } else { Ok(()) }
    }

    /// Whether the client has given the stream up; if not, the task is woken when it does.
    pub(super) fn has_gone(&self, context: &Context<'_>) -> bool {
        self.ends.session.borrow_mut().watch(context, self.ends.id)
    }

    /// Whether it was reset, by either side.
    pub(super) fn is_reset(&self) -> bool {
        self.ends.session.borrow().is_reset(self.ends.id)
    }

    /// Sends a head.
    pub(super) fn send_head(&mut self, status: u16, head: &Head, length: Option<u64>, ends: bool) {
        let sent = self.ends.session.borrow_mut().send_head(self.ends.id, status, head, length, ends);
        self.ends.sent_bytes += sent as u64;
    }

    /// Resets a stream whose tunnel is over, unless both sides have ended it.
    pub(super) fn cut_off(&self, code: ErrorCode) {
        self.ends.session.borrow_mut().cut_off(self.ends.id, code);
    }

    /// Resets the stream.
    pub(super) fn abort(&self) {
        self.ends.session.borrow_mut().abort(self.ends.id);
    }
}

impl Stream for ClientStream {
    fn ends(&self) -> &StreamEnds {
        &self.ends
    }

    fn ends_mut(&mut self) -> &mut StreamEnds {
        &mut self.ends
    }
}
