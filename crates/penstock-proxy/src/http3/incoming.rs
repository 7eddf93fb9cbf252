//! What comes in the streams of requests.
//!
//! Source: RFC 9114, sections 4.1 and 7.2.

use quinn_proto::{Chunk, ReadError};

use super::error::{Code, Fault};
use super::frame::{CANCEL_PUSH, DATA, GO_AWAY, HEADERS, MAX_PUSH_ID, PUSH_PROMISE, Piece, SETTINGS, is_of_http2};
use super::qpack;
use super::session::Session;
use super::stream::{Phase, Stream};
use crate::exchange::Version;
use crate::http1::{Framing, Malformed};
use crate::http2::{HeadReader, Opened, TrailersReader};

/// Bytes of a body that are taken from the connection before its task asks for them.
const MOST_INPUT: usize = 16 << 10;
/// Bytes read at once.
const MOST_READ: usize = 16 << 10;

const fn connection(code: Code, reason: &'static str) -> Fault {
    Fault::Connection(code, reason)
}

impl Session {
    /// Takes what came in a stream; a fault of the stream alone resets it.
    pub(super) fn readable(&mut self, id: u64, opened: &mut Vec<Opened>) -> Result<(), Fault> {
        let outcome = self.read(id, Some(opened));
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.wake();
        }
        match outcome {
            Err(Fault::Stream(code)) => {
                self.drop_faulty(id, code);
                self.note_reset()
            }
            outcome => outcome,
        }
    }

    /// Resets a stream for a fault; one that nobody serves yet is forgotten.
    fn drop_faulty(&mut self, id: u64, code: Code) {
        self.reset(id, code);
        if self.streams.get(&id).is_some_and(|stream| !stream.is_opened) {
            self.streams.remove(&id);
        }
    }

    /// Reads for the task that serves the stream, which is told of a fault as of a reset.
    pub(super) fn read_more(&mut self, id: u64) {
        match self.read(id, None) {
            Ok(()) => {}
            Err(Fault::Stream(code)) => self.reset(id, code),
            Err(Fault::Connection(code, reason)) => self.end(code, reason),
        }
    }

    /// Reads until so much waits for the task that nothing more is asked of the peer.
    fn read(&mut self, id: u64, mut opened: Option<&mut Vec<Opened>>) -> Result<(), Fault> {
        loop {
            let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
            if stream.is_reset || stream.has_peer_ended {
                return Ok(());
            }
            if stream.input.len() >= MOST_INPUT {
                // A head may come with more of its body than is taken: it is served all the same, or nobody would ask for the rest.
                self.open(id, &mut opened)?;
                return self.look_for_reset(id);
            }
            match self.next_chunk(id) {
                Some(Ok(chunk)) => {
                    self.received_bytes += chunk.bytes.len() as u64;
                    let Some(mut stream) = self.streams.remove(&id) else { return Ok(()) };
                    let outcome = self.take_frames(&mut stream, &chunk.bytes);
                    self.streams.insert(id, stream);
                    outcome?;
                }
                Some(Err(ReadError::Reset(code))) => return self.give_up(id, code.into_inner()),
                Some(Err(ReadError::Blocked)) => {
                    self.open(id, &mut opened)?;
                    return Ok(());
                }
                None => {
                    self.end_of_stream(id)?;
                    return self.open(id, &mut opened);
                }
            }
        }
    }

    /// The next bytes of a stream; none: it has ended.
    fn next_chunk(&mut self, id: u64) -> Option<Result<Chunk, ReadError>> {
        let mut stream = self.quic.recv_stream(Self::stream_id(id));
        let Ok(mut chunks) = stream.read(true) else { return None };
        let next = chunks.next(MOST_READ).transpose();
        if chunks.finalize().should_transmit() {
            self.wake_sender();
        }
        next
    }

    /// Notices a client that has gone though nothing more is read.
    fn look_for_reset(&mut self, id: u64) -> Result<(), Fault> {
        match self.quic.recv_stream(Self::stream_id(id)).received_reset() {
            Ok(Some(code)) => self.give_up(id, code.into_inner()),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// The peer has given its side of a stream up.
    fn give_up(&mut self, id: u64, code: u64) -> Result<(), Fault> {
        self.note_peer_reset(id, code);
        let _ = self.quic.send_stream(Self::stream_id(id)).reset(Code::RequestCancelled.into());
        if self.streams.get(&id).is_some_and(|stream| !stream.is_opened) {
            self.streams.remove(&id);
        }
        self.note_reset()
    }

    fn take_frames(&mut self, stream: &mut Stream, bytes: &[u8]) -> Result<(), Fault> {
        let mut rest = bytes;
        while let Some(piece) = stream.frames.next(&mut rest) {
            match piece {
                Piece::Begin { kind, length } => self.begin_frame(stream, kind, length)?,
                Piece::Payload { kind: DATA, bytes, .. } => {
                    if !stream.receive(bytes) {
                        return Err(Fault::Stream(Code::Message));
                    }
                }
                Piece::Payload { kind: HEADERS, bytes, ends } => {
                    self.take_block(stream, bytes);
                    if ends {
                        self.end_block(stream)?;
                    }
                }
                Piece::Payload { .. } => {}
            }
        }
        Ok(())
    }

    fn begin_frame(&mut self, stream: &mut Stream, kind: u64, length: u64) -> Result<(), Fault> {
        let is_begun = stream.phase == Phase::Body;
        match kind {
            DATA if is_begun && length > 0 => self.patience.useful(),
            DATA if is_begun => self.note_idle_frame()?,
            HEADERS if stream.phase != Phase::Trailers => {}
            DATA | HEADERS | CANCEL_PUSH | SETTINGS | PUSH_PROMISE | GO_AWAY | MAX_PUSH_ID => {
                return Err(connection(Code::FrameUnexpected, "http3_frame_unexpected"));
            }
            _ if is_of_http2(kind) => return Err(connection(Code::FrameUnexpected, "http3_frame_unexpected")),
            // Of no meaning, and there may be any number of them.
            _ => self.note_idle_frame()?,
        }
        Ok(())
    }

    /// Keeps a part of a header block. One that is too large need not be known: it is decoded for nobody else.
    fn take_block(&self, stream: &mut Stream, bytes: &[u8]) {
        if stream.block.len() <= self.limits.head.bytes {
            stream.block.extend_from_slice(bytes);
        }
    }

    fn end_block(&mut self, stream: &mut Stream) -> Result<(), Fault> {
        let block = std::mem::take(&mut stream.block);
        if stream.phase == Phase::Head {
            (stream.phase, stream.head) = (Phase::Body, Some(block));
            return Ok(());
        }
        stream.phase = Phase::Trailers;
        let mut reader = TrailersReader::new(self.limits.head);
        let is_large = block.len() > self.limits.head.bytes;
        qpack::decode(&block, &mut self.scratch, |line| reader.take(&line))
            .map_err(|_| connection(Code::Decompression, "http3_decompression"))?;
        let trailers = reader.finish().ok().filter(|_| !is_large).ok_or(Fault::Stream(Code::Message))?;
        stream.trailers = Some(trailers);
        Ok(())
    }

    /// The peer sends no more.
    fn end_of_stream(&mut self, id: u64) -> Result<(), Fault> {
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        stream.has_peer_ended = true;
        if !stream.frames.is_between() {
            return Err(connection(Code::FrameError, "http3_frame_size"));
        }
        if stream.phase == Phase::Head {
            return Err(Fault::Stream(Code::RequestIncomplete));
        }
        if stream.declared_left.is_some_and(|left| left > 0) {
            return Err(Fault::Stream(Code::Message));
        }
        Ok(())
    }

    /// Makes a request of a head that has wholly come.
    fn open(&mut self, id: u64, opened: &mut Option<&mut Vec<Opened>>) -> Result<(), Fault> {
        let (Some(opened), Some(stream)) = (opened, self.streams.get_mut(&id)) else { return Ok(()) };
        let Some(block) = stream.head.take() else { return Ok(()) };
        stream.is_opened = true;
        let is_early = stream.is_early;
        let ends = stream.has_peer_ended && stream.input.is_empty();
        let mut request = self.spares.take();
        let mut reader = HeadReader::new(&mut request, self.limits.head, Version::Http3);
        let is_large = block.len() > self.limits.head.bytes;
        if !is_large {
            qpack::decode(&block, &mut self.scratch, |line| reader.take(&line))
                .map_err(|_| connection(Code::Decompression, "http3_decompression"))?;
        }
        let info = if is_large { Err(Malformed::HeadTooLarge) } else { reader.finish(ends) };
        self.patience.useful();
        opened.push(Opened { stream: id, request, info, is_early });
        if info.is_err_and(|malformed| malformed.status() == 400) {
            // Nobody is left to be answered, but it is logged.
            self.reset(id, Code::Message);
            self.streams.remove(&id);
            return Err(Fault::Stream(Code::Message));
        }
        self.expect_length(id, info.map_or(Framing::None, |info| info.framing))
    }

    /// Holds the body to the length that its head declares (B15).
    fn expect_length(&mut self, id: u64, framing: Framing) -> Result<(), Fault> {
        let Framing::Length(length) = framing else { return Ok(()) };
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        let left = length.checked_sub(stream.input.len() as u64);
        stream.declared_left = left;
        let is_true = left.is_some_and(|left| left == 0 || !stream.has_peer_ended);
        if is_true { Ok(()) } else { Err(Fault::Stream(Code::Message)) }
    }
}
