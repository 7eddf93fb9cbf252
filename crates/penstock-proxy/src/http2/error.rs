//! What goes wrong in HTTP/2: with a stream, or with the connection.

/// Codes that both ends use (RFC 9113, section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the standard's")]
#[repr(u32)]
pub(crate) enum ErrorCode {
    NoError = 0,
    Protocol = 1,
    Internal = 2,
    FlowControl = 3,
    StreamClosed = 5,
    FrameSize = 6,
    RefusedStream = 7,
    Cancel = 8,
    Compression = 9,
    EnhanceYourCalm = 11,
}

/// A fault of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends.
    Connection(ErrorCode, &'static str),
    /// The stream is reset; others go on.
    Stream(u32, ErrorCode),
}
