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
    Connect = 10,
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

/// The words for codes, by their number; the last is for those that the standard does not know.
pub(crate) const CODE_WORDS: [&str; 15] = [
    "no_error",
    "protocol_error",
    "internal_error",
    "flow_control_error",
    "settings_timeout",
    "stream_closed",
    "frame_size_error",
    "refused_stream",
    "cancel",
    "compression_error",
    "connect_error",
    "enhance_your_calm",
    "inadequate_security",
    "http_1_1_required",
    "unknown",
];

/// Streams that were reset, by the number of the code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Resets {
    /// By the client, or by the endpoint.
    pub(crate) by_peer: [u32; CODE_WORDS.len()],
    /// By the gateway.
    pub(crate) by_gateway: [u32; CODE_WORDS.len()],
}

impl Resets {
    /// Counts one in the given half.
    pub(crate) fn count(half: &mut [u32; CODE_WORDS.len()], code: u32) {
        let index = usize::try_from(code).unwrap_or(usize::MAX).min(CODE_WORDS.len() - 1);
        if let Some(count) = half.get_mut(index) {
            *count += 1;
        }
    }
}
