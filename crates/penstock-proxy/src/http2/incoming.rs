//! What each frame of the peer does.
//!
//! Source: RFC 9113, sections 5.1 and 6.

use super::error::{ErrorCode, Fault, Resets};
use super::frame::{ACK, END_HEADERS, END_STREAM, FrameHead, Kind, WITH_PRIORITY, without_padding, write_head};
use super::line::Line;
use super::request_head::{HeadReader, TrailersReader};
use super::session::{Block, BlockStart, Opened, Phase, Session};
use super::stream::Stream;
use super::window::{ReceiveWindow, SendWindow};
use crate::exchange::Version;
use crate::http1::Framing;

/// Frames that a header block may come in (B3, B4).
const MOST_BLOCK_FRAMES: u32 = 32;
/// Bytes of a block beyond what a head may have: compressed, a head of the largest size is smaller.
const PRIORITY_BYTES: usize = 5;

const fn connection(code: ErrorCode, reason: &'static str) -> Fault {
    Fault::Connection(code, reason)
}

/// What is known of a stream by its number.
enum Known {
    /// It is served.
    Open,
    /// It was, or was refused.
    Closed,
    /// We ended it before the peer did, which may not know of that yet.
    Forgiven,
    /// The peer has not begun it.
    Idle,
}

impl Session {
    /// Takes a frame.
    pub(super) fn frame(
        &mut self,
        frame: FrameHead,
        payload: &[u8],
        now_ms: u64,
        opened: &mut Vec<Opened>,
    ) -> Result<(), Fault> {
        if self.phase == Phase::FirstFrame {
            if frame.kind != Kind::Settings || frame.has(ACK) {
                return Err(connection(ErrorCode::Protocol, "http2_preface"));
            }
            self.phase = Phase::Open;
            if let Some(asking) = &mut self.asking {
                asking.is_heard = true;
            }
        }
        if self.block.is_some() && frame.kind != Kind::Continuation {
            return Err(connection(ErrorCode::Protocol, "http2_interrupted_block"));
        }
        Self::check_stream_number(frame)?;
        match frame.kind {
            Kind::Data => self.data(frame, payload),
            Kind::Headers => self.headers(frame, payload, now_ms, opened),
            Kind::Continuation => self.continuation(frame, payload, now_ms, opened),
            Kind::Priority => self.priority(frame, payload),
            Kind::ResetStream => self.reset_stream(frame, payload, now_ms),
            Kind::Settings => self.settings(frame, payload),
            Kind::Ping => self.ping(frame, payload),
            Kind::WindowUpdate => self.window_update(frame, payload),
            Kind::GoAway if payload.len() < 8 => Err(connection(ErrorCode::FrameSize, "http2_frame_size")),
            Kind::PushPromise => Err(connection(ErrorCode::Protocol, "http2_push_promise")),
            Kind::GoAway if self.asking.is_some() => {
                self.gone_away(payload);
                self.note_idle_frame()
            }
            Kind::GoAway | Kind::Unknown => self.note_idle_frame(),
        }
    }

    /// Some kinds speak of a stream, some of the connection.
    fn check_stream_number(frame: FrameHead) -> Result<(), Fault> {
        let is_of_connection = frame.stream == 0;
        let is_right = match frame.kind {
            Kind::Data | Kind::Headers | Kind::Priority | Kind::ResetStream | Kind::Continuation => !is_of_connection,
            Kind::Settings | Kind::Ping | Kind::GoAway => is_of_connection,
            Kind::WindowUpdate | Kind::PushPromise | Kind::Unknown => true,
        };
        if is_right { Ok(()) } else { Err(connection(ErrorCode::Protocol, "http2_stream_number")) }
    }

    fn known(&self, id: u32) -> Known {
        match self.streams.contains_key(&id) {
            true => Known::Open,
            false if id > self.last || id.is_multiple_of(2) => Known::Idle,
            // An endpoint may always speak of streams that we gave up before it heard of that.
            false if self.asking.is_some() || self.forgiven.contains(id) => Known::Forgiven,
            false => Known::Closed,
        }
    }

    fn data(&mut self, frame: FrameHead, payload: &[u8]) -> Result<(), Fault> {
        if matches!(self.known(frame.stream), Known::Idle) {
            return Err(connection(ErrorCode::Protocol, "http2_idle_stream"));
        }
        if !self.receive_window.receive(frame.length) {
            return Err(connection(ErrorCode::FlowControl, "http2_flow_control"));
        }
        let bytes = without_padding(frame, payload).ok_or(connection(ErrorCode::Protocol, "http2_padding"))?;
        let outcome = self.data_of_stream(frame, bytes);
        let is_kept = matches!(outcome, Ok(true));
        // What is not kept for the stream's task is used up at once.
        let used = if is_kept { frame.length - bytes.len() } else { frame.length };
        self.release(if is_kept { frame.stream } else { 0 }, used);
        if is_kept && (!bytes.is_empty() || frame.has(END_STREAM)) {
            self.patience.useful();
            self.note_served();
            return Ok(());
        }
        outcome?;
        self.note_idle_frame()
    }

    /// Gives the stream its bytes; says no where we have ended it and take none.
    fn data_of_stream(&mut self, frame: FrameHead, bytes: &[u8]) -> Result<bool, Fault> {
        let id = frame.stream;
        let is_forgiven = matches!(self.known(id), Known::Forgiven);
        let Some(stream) = self.streams.get_mut(&id) else {
            return if is_forgiven { Ok(false) } else { Err(Fault::Stream(id, ErrorCode::StreamClosed)) };
        };
        if stream.reset.is_some() && !stream.was_reset_by_peer {
            return Ok(false);
        }
        if stream.has_peer_ended || stream.was_reset_by_peer {
            return Err(Fault::Stream(id, ErrorCode::StreamClosed));
        }
        if stream.answers.as_ref().is_some_and(|answers| !answers.is_final) {
            return Err(Fault::Stream(id, ErrorCode::Protocol));
        }
        if !stream.receive_window.receive(frame.length) {
            return Err(Fault::Stream(id, ErrorCode::FlowControl));
        }
        if !stream.receive(bytes, frame.has(END_STREAM)) {
            return Err(Fault::Stream(id, ErrorCode::Protocol));
        }
        stream.wake();
        Ok(true)
    }

    fn headers(
        &mut self,
        frame: FrameHead,
        payload: &[u8],
        now_ms: u64,
        opened: &mut Vec<Opened>,
    ) -> Result<(), Fault> {
        let id = frame.stream;
        if id.is_multiple_of(2) {
            return Err(connection(ErrorCode::Protocol, "http2_stream_number"));
        }
        let mut bytes = without_padding(frame, payload).ok_or(connection(ErrorCode::Protocol, "http2_padding"))?;
        let mut fault = None;
        if frame.has(WITH_PRIORITY) {
            let (priority, rest) =
                bytes.split_at_checked(PRIORITY_BYTES).ok_or(connection(ErrorCode::FrameSize, "http2_frame_size"))?;
            bytes = rest;
            fault = depends_on_itself(id, priority).then_some(Fault::Stream(id, ErrorCode::Protocol));
        }
        match self.known(id) {
            Known::Idle if self.asking.is_some() => {
                return Err(connection(ErrorCode::Protocol, "http2_idle_stream"));
            }
            Known::Idle => self.last = id,
            Known::Forgiven => {}
            // RFC 9113, sections 5.1 and 5.1.1.
            Known::Closed if id == self.last => {
                return Err(connection(ErrorCode::StreamClosed, "http2_closed_stream"));
            }
            Known::Closed => return Err(connection(ErrorCode::Protocol, "http2_stream_number")),
            Known::Open => fault = fault.or(self.trailers_fault(id, frame)),
        }
        let start = BlockStart { stream: id, ends_stream: frame.has(END_STREAM), fault };
        if frame.has(END_HEADERS) {
            return self.end_block(start, bytes, now_ms, opened);
        }
        self.block = Some(Block { start, bytes: bytes.to_vec(), frames: 1 });
        Ok(())
    }

    /// What is wrong with a second head on a stream.
    fn trailers_fault(&self, id: u32, frame: FrameHead) -> Option<Fault> {
        let stream = self.streams.get(&id)?;
        if stream.has_peer_ended || stream.was_reset_by_peer {
            return Some(Fault::Stream(id, ErrorCode::StreamClosed));
        }
        let may_go_on = frame.has(END_STREAM) || stream.answers.as_ref().is_some_and(|answers| !answers.is_final);
        (!may_go_on).then_some(Fault::Stream(id, ErrorCode::Protocol))
    }

    fn continuation(
        &mut self,
        frame: FrameHead,
        payload: &[u8],
        now_ms: u64,
        opened: &mut Vec<Opened>,
    ) -> Result<(), Fault> {
        let most_bytes = self.head_limits.bytes;
        let block = self.block.as_mut().filter(|block| block.start.stream == frame.stream);
        let block = block.ok_or(connection(ErrorCode::Protocol, "http2_continuation"))?;
        block.frames += 1;
        if block.frames > MOST_BLOCK_FRAMES || block.bytes.len() + payload.len() > most_bytes {
            return Err(connection(ErrorCode::EnhanceYourCalm, "http2_endless_block"));
        }
        block.bytes.extend_from_slice(payload);
        match self.block.take_if(|_| frame.has(END_HEADERS)) {
            Some(block) => self.end_block(block.start, &block.bytes, now_ms, opened),
            None => Ok(()),
        }
    }

    /// A whole header block: a request, or trailers.
    fn end_block(
        &mut self,
        block: BlockStart,
        bytes: &[u8],
        now_ms: u64,
        opened: &mut Vec<Opened>,
    ) -> Result<(), Fault> {
        match self.streams.get(&block.stream).map(|stream| &stream.answers) {
            Some(Some(answers)) if !answers.is_final => return self.end_answer(block, bytes),
            Some(_) => return self.end_trailers(block, bytes),
            None if self.asking.is_some() => return self.decode(bytes, |_| {}),
            None => {}
        }
        let (mut request, limits) = (self.spares.take(), self.head_limits);
        let mut reader = HeadReader::new(&mut request, limits, Version::Http2);
        // It is decoded in any case: the blocks behind it build upon its lines.
        self.decode(bytes, |line| reader.take(&line))?;
        let info = reader.finish(block.ends_stream);
        if let Some(fault) = block.fault {
            return Err(fault);
        }
        let id = block.stream;
        if id > self.last_served {
            self.forgiven.add(id);
            return Ok(());
        }
        if matches!(self.known(id), Known::Forgiven) {
            return self.note_idle_frame();
        }
        if self.is_full() {
            self.reset(id, ErrorCode::RefusedStream);
            return self.note_reset(now_ms);
        }
        self.patience.useful();
        if info.is_err_and(|malformed| malformed.status() == 400) {
            // Nobody is left to be answered, but it is logged.
            opened.push(Opened { stream: u64::from(id), request, info, is_early: false });
            return Err(Fault::Stream(id, ErrorCode::Protocol));
        }
        let declared_left = match &info {
            Ok(info) => {
                if let Framing::Length(length) = info.framing {
                    Some(length)
                } else {
                    None
                }
            }
            Err(_) => None,
        };
        self.streams.insert(id, self.fresh_stream(block.ends_stream, declared_left));
        opened.push(Opened { stream: u64::from(id), request, info, is_early: false });
        Ok(())
    }

    /// Whether no further stream may be open. One that both sides have ended is not, though its task has yet to see it.
    fn is_full(&self) -> bool {
        let most = self.limits.streams as usize;
        let is_open = |stream: &&Stream| !(stream.has_ended && stream.has_peer_ended);
        self.streams.len() >= most && self.streams.values().filter(is_open).count() >= most
    }

    pub(super) fn fresh_stream(&self, has_peer_ended: bool, declared_left: Option<u64>) -> Stream {
        Stream {
            send_window: SendWindow::new(self.peer.initial_window),
            receive_window: ReceiveWindow::new(self.limits.stream_window),
            input: Vec::new(),
            declared_left,
            trailers: None,
            has_peer_ended,
            has_ended: false,
            reset: None,
            was_reset_by_peer: false,
            answers: None,
            waits_to_send: false,
            waker: None,
        }
    }

    fn end_trailers(&mut self, block: BlockStart, block_bytes: &[u8]) -> Result<(), Fault> {
        let (id, mut reader) = (block.stream, TrailersReader::new(self.head_limits));
        self.decode(block_bytes, |line| reader.take(&line))?;
        let trailers = reader.finish();
        if let Some(fault) = block.fault {
            return Err(fault);
        }
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        let Ok(trailers) = trailers else { return Err(Fault::Stream(id, ErrorCode::Protocol)) };
        if !stream.receive(&[], true) {
            return Err(Fault::Stream(id, ErrorCode::Protocol));
        }
        stream.trailers = Some(trailers);
        stream.wake();
        Ok(())
    }

    pub(super) fn decode(&mut self, block: &[u8], found: impl FnMut(Line<'_>)) -> Result<(), Fault> {
        self.decoder.decode(block, found).map_err(|_| connection(ErrorCode::Compression, "http2_compression"))
    }

    fn priority(&mut self, frame: FrameHead, payload: &[u8]) -> Result<(), Fault> {
        if payload.len() != PRIORITY_BYTES {
            return Err(Fault::Stream(frame.stream, ErrorCode::FrameSize));
        }
        if depends_on_itself(frame.stream, payload) {
            return Err(Fault::Stream(frame.stream, ErrorCode::Protocol));
        }
        self.note_idle_frame()
    }

    fn reset_stream(&mut self, frame: FrameHead, payload: &[u8], now_ms: u64) -> Result<(), Fault> {
        let code = <[u8; 4]>::try_from(payload).map_err(|_| connection(ErrorCode::FrameSize, "http2_frame_size"))?;
        if matches!(self.known(frame.stream), Known::Idle) {
            return Err(connection(ErrorCode::Protocol, "http2_idle_stream"));
        }
        Resets::count(&mut self.resets.get_or_insert_default().by_peer, u32::from_be_bytes(code));
        if let Some(stream) = self.streams.get_mut(&frame.stream) {
            if stream.answers.is_some() && u32::from_be_bytes(code) == ErrorCode::RefusedStream as u32 {
                stream.refuse();
                return Ok(());
            }
            stream.was_reset_by_peer |= stream.reset.is_none();
            // An endpoint that has wholly answered may want no more of the request (RFC 9113, section 8.1).
            if stream.answers.is_none() || !stream.has_peer_ended {
                stream.reset.get_or_insert(ErrorCode::Cancel);
            }
            stream.wake();
        }
        self.note_reset(now_ms)
    }

    fn settings(&mut self, frame: FrameHead, payload: &[u8]) -> Result<(), Fault> {
        if frame.has(ACK) {
            return if payload.is_empty() {
                self.note_idle_frame()
            } else {
                Err(connection(ErrorCode::FrameSize, "http2_frame_size"))
            };
        }
        let before = i64::from(self.peer.initial_window);
        self.peer.apply(payload)?;
        let change = i64::from(self.peer.initial_window) - before;
        for stream in self.streams.values_mut() {
            if !stream.send_window.change(change) {
                return Err(connection(ErrorCode::FlowControl, "http2_flow_control"));
            }
        }
        write_head(&mut self.output, 0, Kind::Settings, ACK, 0);
        self.wake_sender();
        if change > 0 {
            self.wake_waiting();
        }
        self.note_idle_frame()
    }

    fn ping(&mut self, frame: FrameHead, payload: &[u8]) -> Result<(), Fault> {
        if payload.len() != 8 {
            return Err(connection(ErrorCode::FrameSize, "http2_frame_size"));
        }
        if !frame.has(ACK) {
            write_head(&mut self.output, payload.len(), Kind::Ping, ACK, 0);
            self.output.extend_from_slice(payload);
            self.wake_sender();
        }
        self.note_idle_frame()
    }

    fn window_update(&mut self, frame: FrameHead, payload: &[u8]) -> Result<(), Fault> {
        let bytes = <[u8; 4]>::try_from(payload).map_err(|_| connection(ErrorCode::FrameSize, "http2_frame_size"))?;
        let grant = u32::from_be_bytes(bytes) & super::frame::STREAM_BITS;
        let id = frame.stream;
        if id == 0 {
            if grant == 0 {
                return Err(connection(ErrorCode::Protocol, "http2_window_update"));
            }
            if !self.send_window.change(i64::from(grant)) {
                return Err(connection(ErrorCode::FlowControl, "http2_flow_control"));
            }
            self.wake_waiting();
            return self.note_idle_frame();
        }
        if matches!(self.known(id), Known::Idle) {
            return Err(connection(ErrorCode::Protocol, "http2_idle_stream"));
        }
        if grant == 0 {
            return Err(Fault::Stream(id, ErrorCode::Protocol));
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            if !stream.send_window.change(i64::from(grant)) {
                return Err(Fault::Stream(id, ErrorCode::FlowControl));
            }
            stream.waits_to_send = false;
            stream.wake();
        }
        self.note_idle_frame()
    }
}

fn depends_on_itself(id: u32, priority: &[u8]) -> bool {
    priority.first_chunk().is_some_and(|bytes| u32::from_be_bytes(*bytes) & super::frame::STREAM_BITS == id)
}
