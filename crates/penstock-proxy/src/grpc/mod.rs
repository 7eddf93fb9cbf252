//! gRPC: how a call is told from another request, what its status is, and how long it may take. No input or output.
//!
//! Source: gRPC over HTTP/2, as the gRPC project documents it (`PROTOCOL-HTTP2.md`).

mod call;
mod messages;
mod status;
mod timeout;
mod web_body;

pub use call::Call;
pub(crate) use call::{format_of, is_encoded, is_grpc};
pub use messages::MessageFault;
pub(crate) use messages::Messages;
pub(crate) use status::{STATUS_WORDS, Status, escaped};
pub(crate) use timeout::{parse_timeout, write_timeout};
pub(crate) use web_body::{WebBody, decoded};
