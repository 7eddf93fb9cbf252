//! QUIC: the sockets of datagrams, the connections on them, and what all workers agree on about both.
//!
//! Source: RFC 9000. The protocol itself is a library's, which does no input or output.

mod accept;
mod endpoint;
mod identifiers;
mod keys;
mod receive;
mod socket;
mod terms;

pub(crate) use accept::{Fresh, HURRIED_MS};
pub(crate) use endpoint::Endpoint;
pub(crate) use keys::Keys;
pub(crate) use receive::receive;
pub(crate) use socket::Sending;
pub(crate) use terms::Terms;
