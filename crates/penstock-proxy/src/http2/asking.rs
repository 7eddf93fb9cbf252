//! The gateway as a client: streams of its own, and what they are answered.
//!
//! Source: RFC 9113, sections 3.4, 5.1.1, 6.8 and 8.1.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use super::answer_head::AnswerReader;
use super::error::{ErrorCode, Fault};
use super::frame::{Kind, STREAM_BITS, write_head};
use super::hpack::{write_authority, write_field, write_method, write_path, write_scheme};
use super::outgoing::{HIGH_WATER, write_fields};
use super::session::{BlockStart, PREFACE, Phase, Session};
use super::settings::Limits;
use super::spares::Spares;
use crate::exchange::{Head, Name, Response};
use crate::http1::{Framing, HeadLimits, Malformed, ResponseInfo};

/// Interim heads that may wait; who sends more is given up by whoever takes them.
const MOST_HEADS: usize = 32;
/// Streams on one connection, whatever more the peer allows.
const MOST_STREAMS: u32 = 1_000;

/// What a ping carries (RFC 9113, section 6.7).
const PING_BYTES: usize = 8;

/// What a connection that asks keeps beyond one that answers.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// Whether no further stream is to be begun.
    is_retired: bool,
    /// Whether the peer has shown that it speaks HTTP/2.
    pub(super) is_heard: bool,
    /// When its last stream ended, in milliseconds of the thread's clock.
    idle_since_ms: u64,
    /// Heads and pieces of bodies that came.
    served: u64,
}

/// What one stream is answered.
#[derive(Debug, Default)]
pub(super) struct Answers {
    heads: VecDeque<(Response, ResponseInfo)>,
    is_head_request: bool,
    /// Whether the last head has come; behind it there are trailers only.
    pub(super) is_final: bool,
    wrong: Option<Malformed>,
    /// Whether the peer has said that it did nothing about the request.
    is_untouched: bool,
}

/// A request as a stream begins with it.
pub(crate) struct Ask<'a> {
    /// Its method.
    pub(crate) method: &'a [u8],
    /// Whether the connection is enciphered.
    pub(crate) is_enciphered: bool,
    /// The host, as the peer is to see it.
    pub(crate) authority: &'a [u8],
    /// The target, in parts.
    pub(crate) target: [&'a [u8]; 4],
    /// Its fields.
    pub(crate) head: &'a Head,
    /// The length of its body, where it is known and to be said.
    pub(crate) length: Option<u64>,
    /// Whether the client takes trailers.
    pub(crate) takes_trailers: bool,
    /// Whether there is no body.
    pub(crate) ends_stream: bool,
    /// Whether the answer has no body whatever it says.
    pub(crate) is_head_request: bool,
}

/// What comes of a request.
#[derive(Debug)]
pub(crate) enum Answered {
    /// A head, interim or the last.
    Head(ResponseInfo),
    /// Something that is no answer.
    Malformed(Malformed),
    /// The stream has ended without one; whether the peer has said that it did nothing about the request.
    Gone { is_untouched: bool },
}

impl Session {
    /// A fresh connection to an endpoint; the first bytes to be sent are ready.
    pub(crate) fn asking(limits: Limits, head_limits: HeadLimits) -> Self {
        let mut session = Self::new(limits, head_limits, Spares::default());
        session.phase = Phase::FirstFrame;
        session.output.splice(..0, PREFACE.iter().copied());
        session.asking = Some(Box::default());
        session
    }

    /// Whether another request may be sent.
    pub(crate) fn may_ask(&self) -> bool {
        let most = self.peer.most_streams.min(MOST_STREAMS) as usize;
        self.phase != Phase::Over
            && self.asking.as_ref().is_some_and(|asking| !asking.is_retired)
            // How many more it may be is not known before the peer has said so.
            && (self.is_heard() || self.streams.is_empty())
            && self.streams.len() < most
            && self.last < STREAM_BITS - 2
            && self.output.len() <= HIGH_WATER
    }

    /// Whether the peer has shown that it speaks HTTP/2.
    pub(crate) fn is_heard(&self) -> bool {
        self.asking.as_ref().is_some_and(|asking| asking.is_heard)
    }

    /// Begins a stream with a request; gives its number and the bytes of its block.
    pub(crate) fn ask(&mut self, ask: &Ask<'_>) -> (u32, usize) {
        let id = if self.last == 0 { 1 } else { self.last + 2 };
        self.last = id;
        let answers = Answers { is_head_request: ask.is_head_request, ..Answers::default() };
        let mut stream = self.fresh_stream(false, None);
        stream.answers = Some(Box::new(answers));
        self.streams.insert(id, stream);
        let mut block = std::mem::take(&mut self.scratch);
        block.clear();
        write_request(&mut block, ask);
        self.send_block(id, &block, ask.ends_stream);
        self.scratch = block;
        (id, self.scratch.len())
    }

    /// Takes the next head of an answer.
    pub(crate) fn poll_answer(&mut self, context: &Context<'_>, id: u32, response: &mut Response) -> Poll<Answered> {
        let Some(stream) = self.streams.get_mut(&id) else {
            return Poll::Ready(Answered::Gone { is_untouched: false });
        };
        if let Some(answers) = &mut stream.answers {
            if let Some((mut head, info)) = answers.heads.pop_front() {
                std::mem::swap(&mut head, response);
                return Poll::Ready(Answered::Head(info));
            }
            if let Some(wrong) = answers.wrong {
                return Poll::Ready(Answered::Malformed(wrong));
            }
            if stream.reset.is_some() {
                return Poll::Ready(Answered::Gone { is_untouched: answers.is_untouched });
            }
        }
        stream.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Begins no further stream, and ends once the last has.
    pub(crate) fn retire(&mut self) {
        if let Some(asking) = &mut self.asking {
            asking.is_retired = true;
            self.wake_sender();
        }
    }

    /// Whether nothing more will be asked and everything has been answered.
    pub(crate) fn is_spent(&self) -> bool {
        self.streams.is_empty() && self.asking.as_ref().is_some_and(|asking| asking.is_retired)
    }

    /// Whether it has had no stream since this moment.
    pub(crate) fn is_idle_since(&self, moment_ms: u64) -> bool {
        self.streams.is_empty() && self.asking.as_ref().is_some_and(|asking| asking.idle_since_ms < moment_ms)
    }

    /// Asks the peer whether it is there.
    pub(crate) fn ask_presence(&mut self) {
        write_head(&mut self.output, PING_BYTES, Kind::Ping, 0, 0);
        self.output.extend_from_slice(&[0; PING_BYTES]);
    }

    /// A number that changes with everything that comes of answers.
    pub(crate) fn served(&self) -> u64 {
        self.asking.as_ref().map_or(0, |asking| asking.served)
    }

    /// Notes that something of an answer came.
    pub(super) fn note_served(&mut self) {
        if let Some(asking) = &mut self.asking {
            asking.served = asking.served.wrapping_add(1);
        }
    }

    /// Notes that it is in use now.
    pub(crate) fn note_use(&mut self, now_ms: u64) {
        if let Some(asking) = &mut self.asking {
            asking.idle_since_ms = now_ms;
        }
    }

    /// A whole header block on one of our own streams: a head, unless the last has come.
    pub(super) fn end_answer(&mut self, block: BlockStart, bytes: &[u8]) -> Result<(), Fault> {
        self.note_served();
        let (mut response, limits) = (Response::default(), self.head_limits);
        let mut reader = AnswerReader::new(&mut response, limits);
        self.decode(bytes, |line| reader.take(&line))?;
        let Some(stream) = self.streams.get_mut(&block.stream) else { return Ok(()) };
        let Some(answers) = &mut stream.answers else { return Ok(()) };
        let found = reader.finish(block.ends_stream, answers.is_head_request);
        let found = match found {
            Ok(_) if answers.heads.len() >= MOST_HEADS => Err(Malformed::TooManyFields),
            found => found,
        };
        let info = found.map_err(|wrong| {
            answers.wrong = Some(wrong);
            Fault::Stream(block.stream, ErrorCode::Protocol)
        })?;
        if let Some(fault) = block.fault {
            return Err(fault);
        }
        answers.is_final = response.status >= 200;
        if answers.is_final {
            stream.declared_left = match info.framing {
                Framing::Length(length) => Some(length),
                Framing::None => Some(0),
                Framing::Chunked | Framing::UntilClose | Framing::Stream => None,
            };
        }
        answers.heads.push_back((response, info));
        stream.has_peer_ended = block.ends_stream;
        stream.wake();
        Ok(())
    }

    /// The peer serves no stream beyond the last that it names.
    pub(super) fn gone_away(&mut self, payload: &[u8]) {
        let Some(last) = payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes) & STREAM_BITS) else { return };
        self.retire();
        for (id, stream) in &mut self.streams {
            if *id > last && !stream.has_peer_ended {
                stream.refuse();
            }
        }
    }
}

impl super::stream::Stream {
    /// Ends a stream of our own about which the peer did nothing.
    pub(super) fn refuse(&mut self) {
        if let Some(answers) = &mut self.answers {
            answers.is_untouched = answers.heads.is_empty() && !answers.is_final;
        }
        self.was_reset_by_peer = true;
        self.reset.get_or_insert(ErrorCode::RefusedStream);
        self.wake();
    }
}

fn write_request(block: &mut Vec<u8>, ask: &Ask<'_>) {
    write_method(block, ask.method);
    write_scheme(block, ask.is_enciphered);
    write_authority(block, ask.authority);
    write_path(block, &ask.target);
    write_fields(block, ask.head, Name::HOST);
    if ask.takes_trailers {
        write_field(block, Name::OTHER, b"te", b"trailers");
    }
    if let Some(length) = ask.length {
        let mut digits = itoa::Buffer::new();
        write_field(block, Name::CONTENT_LENGTH, b"content-length", digits.format(length).as_bytes());
    }
}

#[cfg(test)]
#[path = "asking_tests.rs"]
mod tests;
