//! What both ends agree on for a connection.
//!
//! Source: RFC 9113, section 6.5.

use super::error::{ErrorCode, Fault};
use super::frame::{Kind, MOST_PAYLOAD, write_head};
use super::window::MOST_WINDOW;

const ENABLE_PUSH: u16 = 2;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;
const MAX_HEADER_LIST_SIZE: u16 = 6;
const ENABLE_CONNECT_PROTOCOL: u16 = 8;

/// Limits that we set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Streams of the peer that may be open at once; 0: towards an endpoint, which opens none.
    pub(crate) streams: u32,
    /// Bytes of a body that may be under way on a stream.
    pub(crate) stream_window: u32,
    /// Bytes of all bodies that may be under way.
    pub(crate) connection_window: u32,
    /// Largest head, as the standard counts it.
    pub(crate) head_bytes: usize,
}

impl Limits {
    /// Writes them as the first frame; of streams that the peer may push there are none.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let streams = if self.streams == 0 { (ENABLE_PUSH, 0) } else { (MAX_CONCURRENT_STREAMS, self.streams) };
        let settings = [
            streams,
            (INITIAL_WINDOW_SIZE, self.stream_window),
            (MAX_HEADER_LIST_SIZE, self.head_bytes as u32),
            (ENABLE_CONNECT_PROTOCOL, u32::from(self.streams > 0)),
        ];
        write_head(out, settings.len() * 6, Kind::Settings, 0, 0);
        for (setting, value) in settings {
            out.extend_from_slice(&setting.to_be_bytes());
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

/// What the peer has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerSettings {
    /// Bytes that may be sent on a fresh stream.
    pub(crate) initial_window: u32,
    /// Largest payload of a frame.
    pub(crate) most_payload: usize,
    /// Streams of ours that may be open at once.
    pub(crate) most_streams: u32,
}

impl Default for PeerSettings {
    fn default() -> Self {
        Self { initial_window: 65_535, most_payload: MOST_PAYLOAD, most_streams: u32::MAX }
    }
}

impl PeerSettings {
    /// Takes over a frame of settings.
    ///
    /// # Errors
    /// The frame is cut off, or a value is out of its bounds.
    pub(crate) fn apply(&mut self, payload: &[u8]) -> Result<(), Fault> {
        let (settings, []) = payload.as_chunks::<6>() else {
            return Err(Fault::Connection(ErrorCode::FrameSize, "http2_frame_size"));
        };
        for [a, b, value @ ..] in settings {
            let (setting, value) = (u16::from_be_bytes([*a, *b]), u32::from_be_bytes(*value));
            match setting {
                ENABLE_PUSH | ENABLE_CONNECT_PROTOCOL if value > 1 => {
                    return Err(Fault::Connection(ErrorCode::Protocol, "http2_settings_value"));
                }
                INITIAL_WINDOW_SIZE if value > MOST_WINDOW => {
                    return Err(Fault::Connection(ErrorCode::FlowControl, "http2_settings_value"));
                }
                INITIAL_WINDOW_SIZE => self.initial_window = value,
                MAX_FRAME_SIZE if !(MOST_PAYLOAD as u32..1 << 24).contains(&value) => {
                    return Err(Fault::Connection(ErrorCode::Protocol, "http2_settings_value"));
                }
                // Larger frames would only let one stream stand in the way of others for longer.
                MAX_FRAME_SIZE => self.most_payload = MOST_PAYLOAD,
                MAX_CONCURRENT_STREAMS => self.most_streams = value,
                // What we write uses no table, and what is unknown is ignored.
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(settings: &[(u16, u32)]) -> Result<PeerSettings, Fault> {
        let mut payload = Vec::new();
        for (setting, value) in settings {
            payload.extend(setting.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        let mut peer = PeerSettings::default();
        peer.apply(&payload).map(|()| peer)
    }

    #[test]
    fn values_within_their_bounds_are_taken_and_unknown_settings_ignored() {
        let peer = applied(&[(2, 0), (4, 70_000), (5, 1 << 20), (6, 1), (99, 7), (4, 80_000)]).unwrap();
        assert_eq!(peer, PeerSettings { initial_window: 80_000, most_payload: MOST_PAYLOAD, most_streams: u32::MAX });
        assert_eq!(applied(&[(3, 7)]).unwrap().most_streams, 7);
    }

    #[test]
    fn values_out_of_their_bounds_end_the_connection() {
        for (setting, value, code) in [
            (2, 2, ErrorCode::Protocol),
            (4, 1 << 31, ErrorCode::FlowControl),
            (5, 16_383, ErrorCode::Protocol),
            (5, 1 << 24, ErrorCode::Protocol),
            (8, 2, ErrorCode::Protocol),
        ] {
            assert_eq!(applied(&[(setting, value)]), Err(Fault::Connection(code, "http2_settings_value")));
        }
        let cut_off = PeerSettings::default().apply(&[0; 7]);
        assert_eq!(cut_off, Err(Fault::Connection(ErrorCode::FrameSize, "http2_frame_size")));
    }
}
