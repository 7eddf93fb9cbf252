//! Why a message was refused: stable words for logs and metrics, and the status to answer.

/// A message that is refused; nothing of it is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant's message says what it is")]
pub enum Malformed {
    #[error("malformed request or status line")]
    StartLine,
    #[error("unsupported HTTP version")]
    Version,
    #[error("invalid character in a field name")]
    FieldName,
    #[error("invalid character in a field value")]
    FieldValue,
    #[error("line does not end in CR LF")]
    LineEnd,
    #[error("head is too large")]
    HeadTooLarge,
    #[error("too many fields")]
    TooManyFields,
    #[error("request target is too long")]
    TargetTooLong,
    #[error("malformed request target")]
    Target,
    #[error("malformed path")]
    Path,
    #[error("missing, repeated or malformed Host")]
    Host,
    #[error("Content-Length is repeated or not a number")]
    ContentLength,
    #[error("both Content-Length and Transfer-Encoding")]
    BothLengths,
    #[error("malformed Transfer-Encoding")]
    TransferEncoding,
    #[error("unknown transfer coding")]
    UnknownCoding,
    #[error("underscore in a field name")]
    Underscore,
    #[error("unknown expectation")]
    Expectation,
    #[error("method not served by a gateway")]
    Method,
    #[error("malformed chunk")]
    Chunk,
    #[error("chunk extensions are too large")]
    ChunkExtensions,
    #[error("malformed trailer")]
    Trailer,
    #[error("missing, repeated, unknown or misplaced pseudo-field")]
    PseudoField,
    #[error("a field of one HTTP/1.1 connection in HTTP/2")]
    ConnectionField,
    #[error("no tunnel is opened for this protocol")]
    Protocol,
}

impl Malformed {
    /// Status that a client is told.
    pub fn status(self) -> u16 {
        match self {
            Self::HeadTooLarge | Self::TooManyFields => 431,
            Self::TargetTooLong => 414,
            Self::Version => 505,
            Self::UnknownCoding | Self::Method | Self::Protocol => 501,
            Self::Expectation => 417,
            Self::StartLine
            | Self::FieldName
            | Self::FieldValue
            | Self::LineEnd
            | Self::Target
            | Self::Path
            | Self::Host
            | Self::ContentLength
            | Self::BothLengths
            | Self::TransferEncoding
            | Self::Underscore
            | Self::Chunk
            | Self::ChunkExtensions
            | Self::Trailer
            | Self::PseudoField
            | Self::ConnectionField => 400,
        }
    }

    /// Stable reason code for the log and the counter.
    pub fn reason(self) -> &'static str {
        match self {
            Self::StartLine => "start_line",
            Self::Version => "version",
            Self::FieldName => "field_name",
            Self::FieldValue => "field_value",
            Self::LineEnd => "line_end",
            Self::HeadTooLarge => "head_too_large",
            Self::TooManyFields => "too_many_fields",
            Self::TargetTooLong => "target_too_long",
            Self::Target => "target",
            Self::Path => "path",
            Self::Host => "host",
            Self::ContentLength => "content_length",
            Self::BothLengths => "both_lengths",
            Self::TransferEncoding => "transfer_encoding",
            Self::UnknownCoding => "unknown_coding",
            Self::Underscore => "underscore",
            Self::Expectation => "expectation",
            Self::Method => "method",
            Self::Chunk => "chunk",
            Self::ChunkExtensions => "chunk_extensions",
            Self::Trailer => "trailer",
            Self::PseudoField => "pseudo_field",
            Self::ConnectionField => "connection_field",
            Self::Protocol => "protocol",
        }
    }
}
