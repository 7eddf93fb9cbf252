//! A batch as a call of gRPC, which is not streamed.

use std::io;
use std::task::{Context, Poll, Waker};

use super::collector::{Collector, Intake};
use super::exporter::Delivery;
use super::link::Link;
use super::partial_success::rejected;
use crate::exchange::{Head, Response};
use crate::http1::HeadLimits;
use crate::http2::{Answered, Ask, Input, Limits, Session};

/// Largest head of an answer, and the most fields in one.
const HEAD_LIMITS: HeadLimits = HeadLimits { bytes: 16 << 10, fields: 64, target_bytes: 0 };
/// What a collector may send: its answers are of a few bytes.
const LIMITS: Limits =
    Limits { streams: 0, stream_window: 64 << 10, connection_window: 64 << 10, head_bytes: HEAD_LIMITS.bytes };
/// Bytes before a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;
/// Most bytes taken of one answer.
const MOST_ANSWER: usize = 64 << 10;

/// Calls, and says what came of it and whether the connection can carry another call.
///
/// # Errors
/// No answer came in time, or none that could be understood.
pub(super) fn call(
    link: &mut Link,
    collector: &Collector,
    intake: Intake,
    body: &[u8],
) -> io::Result<(Delivery, bool)> {
    let mut session = link.session.take().unwrap_or_else(|| Session::asking(LIMITS, HEAD_LIMITS));
    if !session.may_ask() {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    let head = head(collector, intake);
    let (id, _) = session.ask(&Ask {
        method: b"POST",
        is_enciphered: collector.tls.is_some(),
        authority: collector.plan.host.as_bytes(),
        target: [collector.plan.path.as_bytes(), intake.path.as_bytes(), b"", b""],
        head: &head,
        length: None,
        takes_trailers: true,
        ends_stream: false,
        is_head_request: false,
    });
    let mut exchange = Exchange { link, session: &mut session, id, message: message(body), sent: 0, came: Vec::new() };
    let delivery = exchange.run()?;
    session.close(id, 0);
    link.send(session.output())?;
    session.output().clear();
    session.note_sent();
    let is_kept = session.may_ask();
    link.session = Some(session);
    Ok((delivery, is_kept))
}

fn head(collector: &Collector, intake: Intake) -> Head {
    let mut head = Head::default();
    head.add(b"content-type", intake.content_type.as_bytes());
    head.add(b"user-agent", b"penstock");
    for (name, value) in collector.head.iter() {
        head.add(name, value);
    }
    head
}

/// A body as a message that is not compressed.
fn message(body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(body.len() + PREFIX_BYTES);
    message.push(0);
    message.extend_from_slice(&(body.len() as u32).to_be_bytes());
    message.extend_from_slice(body);
    message
}

/// One call under way.
struct Exchange<'a> {
    link: &'a mut Link,
    session: &'a mut Session,
    id: u32,
    message: Vec<u8>,
    sent: usize,
    came: Vec<u8>,
}

impl Exchange<'_> {
    /// Sends and receives by turns until the call has ended.
    fn run(&mut self) -> io::Result<Delivery> {
        let (mut response, mut status, mut answer) = (Response::default(), 0, Vec::new());
        loop {
            self.send()?;
            if let Poll::Ready(answered) = self.poll_answer(&mut response) {
                match answered {
                    Answered::Head(_) => status = response.status,
                    Answered::Malformed(_) => return Ok(Delivery::Refused),
                    Answered::Gone { .. } => return Ok(Delivery::Later(None)),
                }
                continue;
            }
            if status >= 200 {
                match self.poll_end(&mut answer) {
                    Some(true) => {
                        let trailers = self.session.take_trailers(self.id);
                        return Ok(judged(status, (&response.head, trailers.as_ref()), &answer));
                    }
                    Some(false) => return Ok(Delivery::Later(None)),
                    None => {}
                }
            }
            self.link.receive(&mut self.came)?;
            let used = self.session.receive(&self.came, 0, &mut Vec::new());
            self.came.drain(..used);
            if self.session.ended().is_some() {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }

    /// Sends what the collector grants.
    fn send(&mut self) -> io::Result<()> {
        loop {
            let rest = self.message.get(self.sent..).unwrap_or_default();
            if !rest.is_empty()
                && let Poll::Ready(Some(count)) = self.session.poll_data(&context(), self.id, rest, true)
            {
                self.sent += count;
            }
            if self.session.output().is_empty() {
                return Ok(());
            }
            self.link.send(self.session.output())?;
            self.session.output().clear();
            self.session.note_sent();
        }
    }

    fn poll_answer(&mut self, response: &mut Response) -> Poll<Answered> {
        if response.status < 200 { self.session.poll_answer(&context(), self.id, response) } else { Poll::Pending }
    }

    /// Whether the answer has ended well; none: there is more to come.
    fn poll_end(&mut self, answer: &mut Vec<u8>) -> Option<bool> {
        loop {
            let before = answer.len();
            match self.session.poll_input(&context(), self.id, answer) {
                Poll::Pending => return None,
                Poll::Ready(Input::Ended) => return Some(true),
                Poll::Ready(Input::Reset) => return Some(false),
                Poll::Ready(Input::Bytes) => {
                    if answer.len() > MOST_ANSWER {
                        return Some(false);
                    }
                    self.session.release(self.id, answer.len() - before);
                }
            }
        }
    }
}

/// Of a thread that asks again by itself.
fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Source: OpenTelemetry protocol specification, section "OTLP/gRPC response"; gRPC over HTTP/2, "Responses".
fn judged(status: u16, (head, trailers): (&Head, Option<&Head>), answer: &[u8]) -> Delivery {
    if status != 200 {
        let is_passing = matches!(status, 429 | 502..=504);
        return if is_passing { Delivery::Later(None) } else { Delivery::Refused };
    }
    // A call that failed at once has no body, and says so in its only head.
    let code = trailers.and_then(|trailers| trailers.get(b"grpc-status")).or_else(|| head.get(b"grpc-status"));
    match code {
        // A message that is compressed was not asked for.
        Some(b"0") => Delivery::Taken { rejected: answer.get(PREFIX_BYTES..).map_or(0, rejected) },
        // Cancelled, deadline exceeded, resources exhausted, aborted, out of range, unavailable, data loss.
        Some(b"1" | b"4" | b"8" | b"10" | b"11" | b"14" | b"15") => Delivery::Later(None),
        _ => Delivery::Refused,
    }
}
