//! What goes wrong in HTTP/3: with a stream, or with the connection.

use quinn_proto::VarInt;

use crate::http2::ErrorCode;

/// Codes that both ends use (RFC 9114, section 8.1; RFC 9204, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the standards'")]
#[repr(u32)]
pub(crate) enum Code {
    NoError = 0x100,
    Internal = 0x102,
    StreamCreation = 0x103,
    ClosedCriticalStream = 0x104,
    FrameUnexpected = 0x105,
    FrameError = 0x106,
    ExcessiveLoad = 0x107,
    Id = 0x108,
    Settings = 0x109,
    MissingSettings = 0x10a,
    RequestRejected = 0x10b,
    RequestCancelled = 0x10c,
    RequestIncomplete = 0x10d,
    Message = 0x10e,
    Connect = 0x10f,
    Decompression = 0x200,
    EncoderStream = 0x201,
    DecoderStream = 0x202,
}

impl From<Code> for VarInt {
    fn from(code: Code) -> Self {
        Self::from_u32(code as u32)
    }
}

/// A fault of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection ends, for a reason in stable words.
    Connection(Code, &'static str),
    /// The stream is reset; others go on.
    Stream(Code),
}

/// The code of HTTP/2 under which a stream that was reset is counted.
pub(super) fn counted_as(code: u64) -> ErrorCode {
    match code {
        0x100 => ErrorCode::NoError,
        0x102 => ErrorCode::Internal,
        0x104 => ErrorCode::StreamClosed,
        0x107 => ErrorCode::EnhanceYourCalm,
        0x10b => ErrorCode::RefusedStream,
        0x10c => ErrorCode::Cancel,
        0x10f => ErrorCode::Connect,
        0x200..=0x202 => ErrorCode::Compression,
        _ => ErrorCode::Protocol,
    }
}
