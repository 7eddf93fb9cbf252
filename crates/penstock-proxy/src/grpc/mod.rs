//! gRPC: how a call is told from another request, what its status is, and how long it may take. No input or output.
//!
//! Source: gRPC over HTTP/2, as the gRPC project documents it (`PROTOCOL-HTTP2.md`).

mod call;
mod status;
mod timeout;

pub use call::Call;
pub(crate) use call::is_grpc;
pub(crate) use status::{STATUS_WORDS, Status, escaped};
pub(crate) use timeout::{parse_timeout, write_timeout};
