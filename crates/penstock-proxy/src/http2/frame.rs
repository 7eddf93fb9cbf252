//! Frames: the head that each begins with, and those we send.
//!
//! Source: RFC 9113, sections 4 and 6.

use super::error::ErrorCode;

/// Bytes of a frame's head.
pub(crate) const HEAD_BYTES: usize = 9;
/// Largest payload that is taken, and sent to who allows no larger: the standard's least.
pub(crate) const MOST_PAYLOAD: usize = 16_384;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub(crate) enum Kind {
    Data,
    Headers,
    Priority,
    ResetStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    /// To be ignored.
    Unknown,
}

const KINDS: [Kind; 10] = [
    Kind::Data,
    Kind::Headers,
    Kind::Priority,
    Kind::ResetStream,
    Kind::Settings,
    Kind::PushPromise,
    Kind::Ping,
    Kind::GoAway,
    Kind::WindowUpdate,
    Kind::Continuation,
];

/// `END_STREAM`
pub(crate) const END_STREAM: u8 = 0x1;
/// `ACK`, of settings and pings.
pub(crate) const ACK: u8 = 0x1;
/// `END_HEADERS`
pub(crate) const END_HEADERS: u8 = 0x4;
/// `PADDED`
pub(crate) const PADDED: u8 = 0x8;
/// `PRIORITY`, of headers.
pub(crate) const WITH_PRIORITY: u8 = 0x20;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHead {
    /// Bytes of the payload.
    pub(crate) length: usize,
    /// What it is.
    pub(crate) kind: Kind,
    /// Flags; what they mean depends on the kind.
    pub(crate) flags: u8,
    /// The stream; 0: the connection.
    pub(crate) stream: u32,
}

impl FrameHead {
    /// The head at the start of the bytes; none while it has not wholly come.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, id @ ..] = *bytes.first_chunk::<HEAD_BYTES>()?;
        Some(Self {
            length: u32::from_be_bytes([0, a, b, c]) as usize,
            kind: KINDS.get(usize::from(kind)).copied().unwrap_or(Kind::Unknown),
            flags,
            stream: u32::from_be_bytes(id) & STREAM_BITS,
        })
    }

    /// Whether a flag is set.
    pub(crate) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The topmost bit is reserved.
pub(crate) const STREAM_BITS: u32 = u32::MAX >> 1;

/// Writes the head of a frame.
pub(crate) fn write_head(out: &mut Vec<u8>, length: usize, kind: Kind, flags: u8, stream: u32) {
    let [_, length @ ..] = (length as u32).to_be_bytes();
    let kind = KINDS.iter().position(|known| *known == kind).unwrap_or_default() as u8;
    out.extend_from_slice(&length);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
}

/// Writes a header block in as many frames as it takes.
pub(crate) fn write_block(out: &mut Vec<u8>, block: &[u8], stream: u32, ends_stream: bool, most_payload: usize) {
    let mut parts = block.chunks(most_payload.max(1)).peekable();
    let first = parts.next().unwrap_or_default();
    let end = |is_last: bool| if is_last { END_HEADERS } else { 0 };
    let flags = if ends_stream { END_STREAM } else { 0 };
    write_head(out, first.len(), Kind::Headers, flags | end(parts.peek().is_none()), stream);
    out.extend_from_slice(first);
    while let Some(part) = parts.next() {
        write_head(out, part.len(), Kind::Continuation, end(parts.peek().is_none()), stream);
        out.extend_from_slice(part);
    }
}

/// Writes a reset of a stream.
pub(crate) fn write_reset(out: &mut Vec<u8>, stream: u32, code: ErrorCode) {
    write_head(out, 4, Kind::ResetStream, 0, stream);
    out.extend_from_slice(&(code as u32).to_be_bytes());
}

/// Writes a grant of so many bytes.
pub(crate) fn write_window_update(out: &mut Vec<u8>, stream: u32, bytes: u32) {
    write_head(out, 4, Kind::WindowUpdate, 0, stream);
    out.extend_from_slice(&bytes.to_be_bytes());
}

/// Writes that no stream above `last` will be served.
pub(crate) fn write_go_away(out: &mut Vec<u8>, last: u32, code: ErrorCode) {
    write_head(out, 8, Kind::GoAway, 0, 0);
    out.extend_from_slice(&last.to_be_bytes());
    out.extend_from_slice(&(code as u32).to_be_bytes());
}

/// Takes padding, and the length of it, off a payload.
pub(crate) fn without_padding(frame: FrameHead, payload: &[u8]) -> Option<&[u8]> {
    if !frame.has(PADDED) {
        return Some(payload);
    }
    let (padding, rest) = payload.split_first()?;
    rest.get(..rest.len().checked_sub(usize::from(*padding))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let mut out = Vec::new();
        write_head(&mut out, 0x1_2345, Kind::WindowUpdate, 0x81, 7);
        let expected = FrameHead { length: 0x1_2345, kind: Kind::WindowUpdate, flags: 0x81, stream: 7 };
        assert_eq!(FrameHead::of(&out), Some(expected));
        assert_eq!(FrameHead::of(&out[..8]), None);
        assert_eq!(
            FrameHead::of(&[0, 0, 0, 99, 0, 0xff, 0, 0, 1]).map(|head| (head.kind, head.stream)),
            Some((Kind::Unknown, 0x7f00_0001))
        );
    }

    #[test]
    fn a_long_block_goes_on_in_further_frames() {
        let mut out = Vec::new();
        write_block(&mut out, &[1, 2, 3, 4, 5], 3, true, 2);
        let mut rest = &out[..];
        let mut frames = Vec::new();
        while let Some(head) = FrameHead::of(rest) {
            frames.push((head.kind, head.flags, rest[9..9 + head.length].to_vec()));
            rest = &rest[9 + head.length..];
        }
        let expected = [
            (Kind::Headers, END_STREAM, vec![1, 2]),
            (Kind::Continuation, 0, vec![3, 4]),
            (Kind::Continuation, END_HEADERS, vec![5]),
        ];
        assert_eq!(frames, expected);
    }

    #[test]
    fn padding_may_not_be_longer_than_what_is_there() {
        let frame = FrameHead { length: 0, kind: Kind::Data, flags: PADDED, stream: 1 };
        assert_eq!(without_padding(frame, &[2, b'a', b'b', 0, 0]), Some(&b"ab"[..]));
        assert_eq!(without_padding(frame, &[2, 0, 0]), Some(&b""[..]));
        assert_eq!(without_padding(frame, &[3, 0, 0]), None);
        assert_eq!(without_padding(frame, &[]), None);
    }
}
