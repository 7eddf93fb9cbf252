//! The peer's streams of one direction: settings and notices, and those of header compression.
//!
//! Source: RFC 9114, sections 6.2 and 7.2; RFC 9204, section 4.

use quinn_proto::{ReadError, StreamId};

use super::error::{Code, Fault};
use super::frame::{
    CANCEL_PUSH, DATA, FrameReader, GO_AWAY, HEADERS, MAX_PUSH_ID, PUSH_PROMISE, Piece, SETTINGS, is_of_http2,
    read_number,
};
use super::session::{CONTROL, Session};

const PUSH: u64 = 0x1;
const ENCODER: u64 = 0x2;
const DECODER: u64 = 0x3;
/// Settings of HTTP/2 that mean nothing here (RFC 9114, section 7.2.4.1).
const OF_HTTP2: [u64; 4] = [0x2, 0x3, 0x4, 0x5];
/// Whether extended CONNECT, and datagrams, are spoken: yes or no.
const SWITCHES: [u64; 2] = [0x8, 0x33];
/// Bytes of a frame that have to be kept until it is whole.
const MOST_KEPT: u64 = 4 << 10;
/// Bytes read at once.
const MOST_READ: usize = 16 << 10;

const fn connection(code: Code, reason: &'static str) -> Fault {
    Fault::Connection(code, reason)
}

/// What has been seen of the peer's streams.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    control: bool,
    encoder: bool,
    decoder: bool,
    has_settings: bool,
    /// The largest push that we might make, and the smallest that it no longer takes.
    most_push: u64,
    last_push: Option<u64>,
}

/// A stream of one direction, by what it is for.
#[derive(Debug)]
pub(super) enum Incoming {
    /// Its kind has not wholly come.
    Unknown(Vec<u8>),
    Control {
        frames: FrameReader,
        payload: Vec<u8>,
    },
    Encoder,
    /// In the middle of a number, or not.
    Decoder {
        in_number: bool,
    },
}

impl Default for Incoming {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

impl Session {
    /// Reads what came in a stream of one direction.
    pub(super) fn read_incoming(&mut self, id: StreamId) -> Result<(), Fault> {
        let Some(mut stream) = self.incoming.remove(&id.into()) else { return Ok(()) };
        loop {
            let read = match self.quic.recv_stream(id).read(true) {
                Ok(mut chunks) => chunks.next(MOST_READ),
                Err(_) => return Ok(()),
            };
            match read {
                Ok(Some(chunk)) => {
                    if !self.take_incoming(&mut stream, &chunk.bytes)? {
                        // Of a kind that means nothing to us: it may send what it likes, and nobody listens.
                        let _ = self.quic.recv_stream(id).stop(Code::StreamCreation.into());
                        return self.note_idle_frame();
                    }
                }
                Err(ReadError::Blocked) => break,
                Ok(None) | Err(ReadError::Reset(_)) => return self.end_incoming(&stream),
            }
        }
        self.incoming.insert(id.into(), stream);
        self.wake_sender();
        Ok(())
    }

    fn end_incoming(&mut self, stream: &Incoming) -> Result<(), Fault> {
        match stream {
            Incoming::Unknown(_) => self.note_idle_frame(),
            _ => Err(connection(Code::ClosedCriticalStream, "http3_closed_critical_stream")),
        }
    }

    /// Takes bytes; says no where the stream is of no kind that is known.
    fn take_incoming(&mut self, stream: &mut Incoming, bytes: &[u8]) -> Result<bool, Fault> {
        match stream {
            Incoming::Unknown(begun) => {
                begun.extend_from_slice(bytes);
                let begun = std::mem::take(begun);
                let Some((kind, rest)) = read_number(&begun) else {
                    *stream = Incoming::Unknown(begun);
                    return Ok(true);
                };
                let Some(known) = self.begin_incoming(kind)? else { return Ok(false) };
                *stream = known;
                if rest.is_empty() { Ok(true) } else { self.take_incoming(stream, rest) }
            }
            Incoming::Control { frames, payload } => self.take_control(frames, payload, bytes).map(|()| true),
            // With a table of no size there is nothing to say but that this is its size.
            Incoming::Encoder if bytes.iter().all(|byte| *byte == 0x20) => Ok(true),
            Incoming::Encoder => Err(connection(Code::EncoderStream, "http3_encoder_stream")),
            Incoming::Decoder { in_number } => take_decoder(in_number, bytes).map(|()| true),
        }
    }

    fn begin_incoming(&mut self, kind: u64) -> Result<Option<Incoming>, Fault> {
        let (has_one, stream) = match kind {
            CONTROL => {
                (&mut self.kinds.control, Incoming::Control { frames: FrameReader::default(), payload: Vec::new() })
            }
            ENCODER => (&mut self.kinds.encoder, Incoming::Encoder),
            DECODER => (&mut self.kinds.decoder, Incoming::Decoder { in_number: false }),
            PUSH => return Err(connection(Code::StreamCreation, "http3_stream_creation")),
            _ => return Ok(None),
        };
        if std::mem::replace(has_one, true) {
            return Err(connection(Code::StreamCreation, "http3_stream_creation"));
        }
        Ok(Some(stream))
    }

    fn take_control(&mut self, frames: &mut FrameReader, payload: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Fault> {
        let mut rest = bytes;
        while let Some(piece) = frames.next(&mut rest) {
            match piece {
                Piece::Begin { kind, length } => self.begin_control(kind, length)?,
                Piece::Payload { kind: SETTINGS | GO_AWAY | MAX_PUSH_ID | CANCEL_PUSH, bytes, ends: false } => {
                    payload.extend_from_slice(bytes);
                }
                Piece::Payload { kind: kind @ (SETTINGS | GO_AWAY | MAX_PUSH_ID | CANCEL_PUSH), bytes, .. } => {
                    payload.extend_from_slice(bytes);
                    self.end_control(kind, payload)?;
                    payload.clear();
                }
                Piece::Payload { .. } => {}
            }
        }
        Ok(())
    }

    fn begin_control(&mut self, kind: u64, length: u64) -> Result<(), Fault> {
        if !self.kinds.has_settings && kind != SETTINGS {
            return Err(connection(Code::MissingSettings, "http3_missing_settings"));
        }
        match kind {
            SETTINGS if std::mem::replace(&mut self.kinds.has_settings, true) => {
                Err(connection(Code::FrameUnexpected, "http3_frame_unexpected"))
            }
            DATA | HEADERS | PUSH_PROMISE => Err(connection(Code::FrameUnexpected, "http3_frame_unexpected")),
            _ if is_of_http2(kind) => Err(connection(Code::FrameUnexpected, "http3_frame_unexpected")),
            SETTINGS | GO_AWAY | MAX_PUSH_ID | CANCEL_PUSH if length > MOST_KEPT => {
                Err(connection(Code::ExcessiveLoad, "http3_frame_size"))
            }
            _ => self.note_idle_frame(),
        }
    }

    fn end_control(&mut self, kind: u64, payload: &[u8]) -> Result<(), Fault> {
        if kind == SETTINGS {
            return check_settings(payload);
        }
        let number = read_number(payload).filter(|(_, rest)| rest.is_empty());
        let (number, _) = number.ok_or(connection(Code::FrameError, "http3_frame_size"))?;
        let kinds = &mut self.kinds;
        let is_right = match kind {
            GO_AWAY => kinds.last_push.replace(number).is_none_or(|earlier| number <= earlier),
            MAX_PUSH_ID => std::mem::replace(&mut kinds.most_push, number) <= number,
            // We promise nothing, so there is nothing to call off.
            _ => false,
        };
        if is_right { Ok(()) } else { Err(connection(Code::Id, "http3_push_number")) }
    }
}

fn check_settings(payload: &[u8]) -> Result<(), Fault> {
    let (mut rest, mut seen) = (payload, Vec::new());
    while !rest.is_empty() {
        let pair = read_number(rest).and_then(|(setting, rest)| Some((setting, read_number(rest)?)));
        let (setting, (value, behind)) = pair.ok_or(connection(Code::FrameError, "http3_frame_size"))?;
        let is_wrong =
            OF_HTTP2.contains(&setting) || seen.contains(&setting) || SWITCHES.contains(&setting) && value > 1;
        if is_wrong {
            return Err(connection(Code::Settings, "http3_settings"));
        }
        // As many as the frame can hold would take long to look through.
        if seen.len() < 64 {
            seen.push(setting);
        }
        rest = behind;
    }
    Ok(())
}

/// Takes what the peer says of our header blocks: that it drops one is all that it can have to say.
fn take_decoder(in_number: &mut bool, bytes: &[u8]) -> Result<(), Fault> {
    for byte in bytes {
        *in_number = match byte {
            _ if *in_number => byte & 0x80 != 0,
            0x7f => true,
            0x40..0x7f => false,
            _ => return Err(connection(Code::DecoderStream, "http3_decoder_stream")),
        };
    }
    Ok(())
}
