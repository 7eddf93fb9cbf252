//! The client's side of an exchange.

use std::sync::Arc;
use std::task::Context;

use super::client_stream::ClientStream;
use super::side::Side;
use crate::exchange::{Head, Name, Session, Version};
use crate::http1::{write_fields, write_status_line};
use crate::proxy_header::Addresses;
use crate::wire::{Buffers, TlsSocket, Wire};

/// Where a request came from and where its answer goes.
pub(crate) type Client = Side<ClientStream>;

impl Client {
    /// Whether no more can be read before something is used.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Wire(wire) => wire.is_full(),
            Self::Stream(_) => false,
        }
    }

    /// Makes what was sent so far pass for no whole answer.
    pub(crate) fn abort(&mut self) {
        match self {
            Self::Wire(wire) => wire.socket().reset_on_close(),
            Self::Stream(stream) => stream.abort(),
        }
    }

    /// Whether it has given its stream up; if not, the task is woken when it does. A connection shows that by itself.
    pub(crate) fn has_gone(&self, context: &Context<'_>) -> bool {
        match self {
            Self::Wire(_) => false,
            Self::Stream(stream) => stream.has_gone(context),
        }
    }

    /// The session of a connection that has one to itself.
    pub(crate) fn session(&self) -> Option<&TlsSocket> {
        match self {
            Self::Wire(wire) => wire.socket().session(),
            Self::Stream(_) => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn session_mut(&mut self) -> Option<&mut TlsSocket> {
        match self {
            Self::Wire(wire) => wire.socket_mut().session_mut(),
            Self::Stream(_) => None,
        }
    }

    /// What conditions and templates see of the connection, where it is enciphered.
    pub(crate) fn facts(&self) -> Option<Arc<Session>> {
        match self {
            Self::Wire(wire) => wire.socket().session().and_then(TlsSocket::facts),
            Self::Stream(stream) => stream.agreed.as_ref().and_then(|agreed| agreed.facts.clone()),
        }
    }

    /// Whether a request for a host came by a connection that was made for another certificate.
    pub(crate) fn is_misdirected(&self, host: &str) -> bool {
        match self {
            Self::Wire(wire) => wire.socket().session().is_some_and(|session| session.is_misdirected(host)),
            Self::Stream(stream) => stream.agreed.as_ref().is_some_and(|agreed| agreed.is_misdirected(host)),
        }
    }

    /// Both ends of a connection.
    pub(crate) fn addresses(&self) -> Option<Addresses> {
        match self {
            Self::Wire(wire) => wire.socket().addresses(),
            Self::Stream(_) => None,
        }
    }

    /// The connection, where the exchange has one to itself.
    pub(crate) fn wire(&mut self) -> Option<&mut Wire> {
        match self {
            Self::Wire(wire) => Some(wire),
            Self::Stream(_) => None,
        }
    }

    /// Sends the head of an interim answer, at the next opportunity.
    pub(crate) fn send_interim(&mut self, buffers: &Buffers, status: u16, head: &Head) {
        match self {
            Self::Wire(wire) => {
                let output = wire.output(buffers);
                write_status_line(output, Version::Http11, status);
                write_fields(output, head, Name::OTHER);
                output.extend_from_slice(b"\r\n");
            }
            Self::Stream(stream) => stream.send_head(status, head, None, false),
        }
    }
}
