//! A connection's state without its socket: bytes in, requests out; answers in, bytes out.

use std::collections::HashMap;
use std::task::Waker;

use foldhash::fast::RandomState;

use super::asking::Asking;
use super::error::{ErrorCode, Fault, Resets};
use super::forgiven::Forgiven;
use super::frame::{FrameHead, HEAD_BYTES, MOST_PAYLOAD, write_go_away, write_reset, write_window_update};
use super::hpack::Decoder;
use super::patience::Patience;
use super::settings::{Limits, PeerSettings};
use super::spares::Spares;
use super::stream::Stream;
use super::window::{ReceiveWindow, SendWindow};
use crate::exchange::Request;
use crate::http1::{HeadLimits, Malformed, RequestInfo};

/// What a client sends first (RFC 9113, section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The window of a connection before anything was said of it.
const FIRST_WINDOW: u32 = 65_535;
/// Bytes that may wait to be sent while the peer goes on asking: who does not read is not served (B9).
const MOST_UNSENT: usize = 256 << 10;

/// A request whose head has come.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Its stream.
    pub(crate) stream: u64,
    /// Its head; what can be told of it where it is malformed.
    pub(crate) request: Box<Request>,
    /// What the head says, or what is wrong with it.
    pub(crate) info: Result<RequestInfo, Malformed>,
    /// Whether it came before the handshake had ended, and may be somebody else's copy.
    pub(crate) is_early: bool,
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The preface is still to come.
    Preface,
    /// The first frame, which has to be settings, is still to come.
    FirstFrame,
    /// Frames of any kind.
    Open,
    /// Over: what is unsent is sent, then it is closed.
    Over,
}

/// What is known of a header block by its first frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockStart {
    pub(super) stream: u32,
    pub(super) ends_stream: bool,
    /// A fault of the stream that was seen before the block was whole.
    pub(super) fault: Option<Fault>,
}

/// A header block that has not ended.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) start: BlockStart,
    pub(super) bytes: Vec<u8>,
    pub(super) frames: u32,
}

/// The state of a connection.
pub(crate) struct Session {
    pub(super) limits: Limits,
    pub(super) head_limits: HeadLimits,
    pub(super) spares: Spares,
    pub(super) phase: Phase,
    pub(super) peer: PeerSettings,
    pub(super) decoder: Decoder,
    pub(super) streams: HashMap<u32, Stream, RandomState>,
    /// Streams that we ended and the peer may still speak of.
    pub(super) forgiven: Forgiven,
    /// The newest stream of the peer.
    pub(super) last: u32,
    /// The newest stream that is served, once no further one is.
    pub(super) last_served: u32,
    pub(super) block: Option<Block>,
    pub(super) send_window: SendWindow,
    pub(super) receive_window: ReceiveWindow,
    pub(super) patience: Patience,
    pub(super) output: Vec<u8>,
    /// Memory of the header blocks that are written.
    pub(super) scratch: Vec<u8>,
    /// Of a connection to an endpoint, where streams are ours.
    pub(super) asking: Option<Box<Asking>>,
    /// Streams that were reset since that was last asked.
    pub(super) resets: Option<Box<Resets>>,
    /// Wakes the task that sends.
    sender: Option<Waker>,
    /// Why it ended, in stable words.
    end: Option<(ErrorCode, &'static str)>,
}

impl Session {
    /// A fresh connection; the first bytes to be sent are ready.
    pub(crate) fn new(limits: Limits, head_limits: HeadLimits, spares: Spares) -> Self {
        let mut output = Vec::new();
        limits.write(&mut output);
        let more = limits.connection_window.saturating_sub(FIRST_WINDOW);
        if more > 0 {
            write_window_update(&mut output, 0, more);
        }
        Self {
            limits,
            head_limits,
            spares,
            phase: Phase::Preface,
            peer: PeerSettings::default(),
            decoder: Decoder::default(),
            streams: HashMap::default(),
            forgiven: Forgiven::default(),
            last: 0,
            last_served: u32::MAX,
            block: None,
            send_window: SendWindow::new(FIRST_WINDOW),
            receive_window: ReceiveWindow::new(limits.connection_window.max(FIRST_WINDOW)),
            patience: Patience::default(),
            output,
            scratch: Vec::new(),
            asking: None,
            resets: None,
            sender: None,
            end: None,
        }
    }

    /// Takes what came, and gives how much of it was used; requests are put behind `opened`.
    pub(crate) fn receive(&mut self, bytes: &[u8], now_ms: u64, opened: &mut Vec<Opened>) -> usize {
        let mut rest = bytes;
        while self.phase != Phase::Over {
            match self.step(rest, now_ms, opened) {
                Ok(0) | Err(Fault::Stream(..)) => break,
                Ok(used) => rest = rest.get(used..).unwrap_or_default(),
                Err(Fault::Connection(code, reason)) => self.end(code, reason),
            }
            if self.output.len() > MOST_UNSENT && self.asking.is_none() {
                self.end(ErrorCode::EnhanceYourCalm, "http2_unread_answers");
            }
        }
        if self.phase == Phase::Over { bytes.len() } else { bytes.len() - rest.len() }
    }

    /// Takes the preface or one frame; gives how long it is, or 0 while it has not wholly come.
    fn step(&mut self, bytes: &[u8], now_ms: u64, opened: &mut Vec<Opened>) -> Result<usize, Fault> {
        if self.phase == Phase::Preface {
            let common = bytes.len().min(PREFACE.len());
            if bytes.get(..common) != PREFACE.get(..common) {
                return Err(Fault::Connection(ErrorCode::Protocol, "http2_preface"));
            }
            if common < PREFACE.len() {
                return Ok(0);
            }
            self.phase = Phase::FirstFrame;
            return Ok(common);
        }
        let Some(frame) = FrameHead::of(bytes) else { return Ok(0) };
        if frame.length > MOST_PAYLOAD {
            return Err(Fault::Connection(ErrorCode::FrameSize, "http2_frame_size"));
        }
        let Some(payload) = bytes.get(HEAD_BYTES..HEAD_BYTES + frame.length) else { return Ok(0) };
        match self.frame(frame, payload, now_ms, opened) {
            Err(Fault::Stream(stream, code)) => self.fault(stream, code, now_ms)?,
            outcome => outcome?,
        }
        Ok(HEAD_BYTES + frame.length)
    }

    /// Resets a stream for a fault of the peer.
    fn fault(&mut self, stream: u32, code: ErrorCode, now_ms: u64) -> Result<(), Fault> {
        self.reset(stream, code);
        self.note_reset(now_ms)
    }

    /// Counts a stream that did not reach its end.
    pub(super) fn note_reset(&mut self, now_ms: u64) -> Result<(), Fault> {
        // An endpoint resets only what we began.
        if self.asking.is_some() || self.patience.reset(now_ms) {
            Ok(())
        } else {
            Err(Fault::Connection(ErrorCode::EnhanceYourCalm, "http2_too_many_resets"))
        }
    }

    /// Counts a frame that served nobody.
    pub(super) fn note_idle_frame(&mut self) -> Result<(), Fault> {
        if self.patience.idle_frame() {
            Ok(())
        } else {
            Err(Fault::Connection(ErrorCode::EnhanceYourCalm, "http2_too_many_frames"))
        }
    }

    /// Resets a stream.
    pub(crate) fn reset(&mut self, id: u32, code: ErrorCode) {
        write_reset(&mut self.output, id, code);
        Resets::count(&mut self.resets.get_or_insert_default().by_gateway, code as u32);
        match self.streams.get_mut(&id) {
            Some(stream) => {
                stream.reset.get_or_insert(code);
                stream.wake();
            }
            None => self.forgiven.add(id),
        }
        self.wake_sender();
    }

    /// Ends the connection and every stream of it.
    pub(crate) fn end(&mut self, code: ErrorCode, reason: &'static str) {
        if self.phase == Phase::Over {
            return;
        }
        self.phase = Phase::Over;
        self.end = Some((code, reason));
        let last_of_peer = if self.asking.is_some() { 0 } else { self.last };
        write_go_away(&mut self.output, last_of_peer, code);
        // What an endpoint has wholly answered stays an answer.
        for stream in self.streams.values_mut().filter(|one| one.answers.is_none() || !one.has_peer_ended) {
            stream.reset.get_or_insert(ErrorCode::Cancel);
            stream.wake();
        }
        self.wake_sender();
    }

    /// Says that no further stream will be served; with `at_once`, that those on their way are not either.
    pub(crate) fn go_away(&mut self, at_once: bool) {
        let last = if at_once { self.last } else { super::frame::STREAM_BITS };
        self.last_served = last;
        write_go_away(&mut self.output, last, ErrorCode::NoError);
        self.wake_sender();
    }

    /// Why the connection ended, once it has.
    pub(crate) fn ended(&self) -> Option<(ErrorCode, &'static str)> {
        self.end
    }

    /// Streams that were reset since the last call.
    pub(crate) fn take_resets(&mut self) -> Option<Box<Resets>> {
        self.resets.take()
    }

    /// Whether something has begun to come that is of no use before it is whole: the preface or a head.
    pub(crate) fn is_in_head(&self) -> bool {
        self.block.is_some() || matches!(self.phase, Phase::Preface | Phase::FirstFrame)
    }

    /// Streams that are served.
    pub(crate) fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// Makes the task the one that is woken when there is something to send.
    pub(crate) fn set_sender(&mut self, waker: &Waker) {
        match &mut self.sender {
            Some(known) => known.clone_from(waker),
            None => self.sender = Some(waker.clone()),
        }
    }

    /// What is to be sent; the caller takes what it can and leaves the rest.
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Wakes those that waited for room among what is to be sent.
    pub(crate) fn note_sent(&mut self) {
        self.wake_waiting();
    }

    pub(super) fn wake_sender(&self) {
        if let Some(waker) = &self.sender {
            waker.wake_by_ref();
        }
    }

    pub(super) fn wake_waiting(&mut self) {
        for stream in self.streams.values_mut().filter(|stream| stream.waits_to_send) {
            stream.waits_to_send = false;
            stream.wake();
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
