//! HTTP/1.1 codec without I/O: bytes in, heads and body framing out; serialiser.
//!
//! Source: RFC 9112. Parsing is strict: what is ambiguous is refused, never repaired.

mod chunked;
mod connection;
mod fields;
mod framing;
mod malformed;
mod request_head;
mod response_head;
mod serialise;

pub use chunked::{ChunkedDecoder, Decoded};
pub use connection::ConnectionOptions;
pub(crate) use fields::{is_value, token_length};
pub use framing::Framing;
pub(crate) use framing::content_length;
pub use malformed::Malformed;
pub(crate) use request_head::begins_request;
pub use request_head::{Connects, HeadLimits, RequestInfo, head_may_be_complete, parse_request};
pub use response_head::{ResponseInfo, parse_response};
pub(crate) use serialise::OF_ONE_HOP;
pub use serialise::{
    reason_phrase, write_chunk_start, write_fields, write_number, write_request_line, write_status_line,
};
