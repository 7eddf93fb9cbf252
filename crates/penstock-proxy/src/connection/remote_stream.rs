//! A stream of an HTTP/2 connection as the endpoint's side of an exchange.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::side::Stream;
use super::stream_ends::StreamEnds;
use crate::exchange::Response;
use crate::http2::{Answered, Ask, Session};

/// One stream that the gateway began.
pub(crate) struct RemoteStream {
    /// Where the answer's body comes from and the request's goes.
    pub(super) ends: StreamEnds,
    /// The connection to the endpoint, which is one of HTTP/2.
    session: Rc<RefCell<Session>>,
    id: u32,
}

impl RemoteStream {
    /// Begins a stream with a request.
    pub(super) fn begin(session: &Rc<RefCell<Session>>, ask: &Ask<'_>) -> Self {
        let (id, sent) = session.borrow_mut().ask(ask);
        let mut ends = StreamEnds::new(Rc::clone(session) as _, u64::from(id));
        ends.sent_bytes = sent as u64;
        Self { ends, session: Rc::clone(session), id }
    }

    /// Whether the endpoint has shown that it speaks HTTP/2.
    pub(super) fn is_heard(&self) -> bool {
        self.session.borrow().is_heard()
    }

    /// Takes the next head of the answer.
    pub(super) fn poll_head(&mut self, context: &Context<'_>, response: &mut Response) -> Poll<Answered> {
        let polled = self.session.borrow_mut().poll_answer(context, self.id, response);
        if let Poll::Ready(Answered::Head(_)) = &polled {
            self.ends.received_bytes += response.head.buffer().len() as u64;
        }
        polled
    }
}

impl Stream for RemoteStream {
    fn ends(&self) -> &StreamEnds {
        &self.ends
    }

    fn ends_mut(&mut self) -> &mut StreamEnds {
        &mut self.ends
    }
}
