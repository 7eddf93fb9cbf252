//! Moves a body from one wire to another with back-pressure: nothing is read while nothing can go.

use std::io;
use std::task::{Context, Poll, ready};

use super::body::Body;
use super::ends::{Sink, Source};
use super::framed::Framed;
use super::identify::starts;
use crate::exchange::{Head, Name};
use crate::grpc::{MessageFault, Messages, Status, WebBody};
use crate::http1::{Framing, Malformed};
use crate::wire::Buffers;

/// How a transfer failed.
#[derive(Debug)]
pub(crate) enum TransferError {
    /// The sender closed or reset before the end of the body.
    Truncated,
    /// The sender's framing is malformed.
    Malformed(Malformed),
    /// The body is larger than allowed.
    TooLarge,
    /// A message in it is refused.
    Message(MessageFault),
    /// The receiver takes no more.
    Sink,
}

/// One body on its way from a source to a sink.
#[derive(Debug, Default)]
pub(crate) struct Transfer {
    /// The body as it comes in.
    pub(crate) body: Body,
    /// The frames around what leaves.
    pub(crate) framed: Framed,
    /// Whether trailers may follow.
    pub(crate) passes_trailers: bool,
    /// Most payload bytes.
    pub(crate) limit: Option<u64>,
    /// Follows the messages in it, where they are limited.
    pub(crate) messages: Option<Messages>,
    /// How the body changes on its way to a client of gRPC-Web.
    pub(crate) web: Option<Box<WebBody>>,
    /// What the fields behind the body said of a call.
    pub(crate) grpc_status: Option<Status>,
    /// Whether everything has left.
    pub(crate) is_finished: bool,
}

impl Transfer {
    /// Begins a transfer and keeps the memory of the one before.
    pub(crate) fn begin(&mut self, framing: Framing, is_chunked: bool, limit: Option<u64>) {
        self.body.begin(framing);
        self.framed = Framed { is_chunked, ..Framed::default() };
        self.passes_trailers = false;
        self.limit = limit;
        (self.messages, self.web) = (None, None);
        self.grpc_status = None;
        self.is_finished = false;
    }

    /// Makes it ready for another receiver: a body that has wholly left leaves no second time.
    /// Says no where only a part has left, for the rest alone is nobody's body.
    pub(crate) fn restart(&mut self) -> bool {
        if self.body.is_done() {
            self.begin(Framing::None, false, None);
        }
        self.is_finished = false;
        self.body.received == 0
    }

    /// Whether it is the receiver that keeps it from going on.
    pub(crate) fn waits_for(&self, sink: &impl Sink) -> bool {
        self.body.ready() > 0 || !sink.is_flushed()
    }

    /// Moves what can be moved now; ready when the whole body has left.
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        source: &mut impl Source,
        sink: &mut impl Sink,
    ) -> Poll<Result<(), TransferError>> {
        loop {
            if self.is_finished {
                return Poll::Ready(Ok(()));
            }
            self.body.decode(source).map_err(TransferError::Malformed)?;
            if self.limit.is_some_and(|limit| self.body.received > limit) {
                return Poll::Ready(Err(TransferError::TooLarge));
            }
            if self.body.ready() > 0 {
                self.check_messages(source).map_err(TransferError::Message)?;
                ready!(self.poll_payload(context, buffers, source, sink)).map_err(|_| TransferError::Sink)?;
                source.release_input(buffers);
            } else if self.body.is_done() {
                self.write_end(buffers, source, sink).map_err(TransferError::Malformed)?;
                ready!(sink.poll_flush(context, buffers)).map_err(|_| TransferError::Sink)?;
                source.release_input(buffers);
                self.is_finished = true;
            } else {
                ready!(self.poll_more(context, buffers, source, sink))?;
            }
        }
    }

    fn poll_payload(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        source: &mut impl Source,
        sink: &mut impl Sink,
    ) -> Poll<io::Result<()>> {
        let ready = self.body.ready();
        let ends = self.body.is_ended() && !self.passes_trailers;
        let bytes = source.unread().get(..ready).unwrap_or_default();
        if let Some(web) = self.web.as_mut().filter(|web| web.is_text()) {
            let piece = web.next(bytes);
            let sent = ready!(sink.poll_payload(context, buffers, &mut self.framed, piece, false))?;
            let taken = web.sent(sent);
            self.body.take(source, taken);
            return Poll::Ready(Ok(()));
        }
        let sent = ready!(sink.poll_payload(context, buffers, &mut self.framed, bytes, ends))?;
        if let Some(messages) = &mut self.messages {
            // They were judged before.
            let _ = messages.follow(bytes.get(..sent).unwrap_or_default());
        }
        self.body.take(source, sent);
        Poll::Ready(Ok(()))
    }

    /// Judges messages before anything of them is sent.
    fn check_messages(&self, source: &impl Source) -> Result<(), MessageFault> {
        let Some(mut messages) = self.messages else { return Ok(()) };
        messages.follow(source.unread().get(..self.body.ready()).unwrap_or_default())
    }

    fn poll_more(
        &mut self,
        context: &mut Context<'_>,
        buffers: &Buffers,
        source: &mut impl Source,
        sink: &mut impl Sink,
    ) -> Poll<Result<(), TransferError>> {
        if !sink.is_flushed() {
            ready!(sink.poll_flush(context, buffers)).map_err(|_| TransferError::Sink)?;
        }
        match ready!(source.poll_fill(context, buffers)) {
            Ok(0) if !self.body.close() => Poll::Ready(Err(TransferError::Truncated)),
            Ok(_) => Poll::Ready(Ok(())),
            Err(_) => Poll::Ready(Err(TransferError::Truncated)),
        }
    }

    fn write_end(
        &mut self,
        buffers: &Buffers,
        source: &mut impl Source,
        sink: &mut impl Sink,
    ) -> Result<(), Malformed> {
        if self.framed.has_ended {
            return Ok(());
        }
        let mut trailers = None;
        if self.passes_trailers {
            trailers = source.take_trailers();
            if trailers.is_none() {
                let mut head = Head::default();
                trailers = self.body.trailers(&mut head)?.then_some(head);
            }
        }
        if let Some(trailers) = &mut trailers {
            trailers.retain(|token, name, _| may_trail(token, name));
            self.grpc_status = Status::in_head(trailers);
        }
        match (&self.web, &trailers) {
            (Some(web), Some(trailers)) => sink.write_last(buffers, &mut self.framed, &web.end(trailers)),
            _ => sink.write_end(buffers, &mut self.framed, trailers.as_ref()),
        }
        Ok(())
    }
}

/// Whether a trailer may pass: framing, authentication, routing and forwarding fields may not (A19).
fn may_trail(token: Name, name: &[u8]) -> bool {
    let is_refused = matches!(
        token,
        Name::AUTHORIZATION
            | Name::CONTENT_LENGTH
            | Name::CONTENT_TYPE
            | Name::COOKIE
            | Name::FORWARDED
            | Name::HOST
            | Name::PROXY_AUTHENTICATE
            | Name::PROXY_AUTHORIZATION
            | Name::SET_COOKIE
            | Name::TRAILER
            | Name::TRANSFER_ENCODING
    );
    !is_refused && !is_forwarding(name) && !name.contains(&b'_')
}

fn is_forwarding(name: &[u8]) -> bool {
    [&b"x-forwarded-"[..], b"x-real-ip", b"x-penstock-", b"x-request-id"].iter().any(|prefix| starts(name, prefix))
}
