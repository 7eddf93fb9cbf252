//! Sockets with their buffers and deadlines: the rim where bytes come in and go out.

mod buffers;
mod clock;
mod deadline;
mod descriptors;
mod enciphered;
mod handshake_turns;
mod records;
mod socket;
mod tls;
mod upstream_tls;
#[allow(clippy::module_inception, reason = "the room is named after its main thing")]
mod wire;

pub(crate) use buffers::Buffers;
pub(crate) use clock::{Clock, begin_turn};
pub(crate) use deadline::{Deadline, Deadlines};
pub(crate) use descriptors::{Descriptors, is_none_left};
pub(crate) use handshake_turns::HandshakeTurns;
pub(crate) use socket::{Address, Socket};
pub(crate) use tls::{HandshakeFailure, TlsSocket};
pub(crate) use upstream_tls::{EndpointFault, UpstreamTls};
pub(crate) use wire::{Payload, Wire};
