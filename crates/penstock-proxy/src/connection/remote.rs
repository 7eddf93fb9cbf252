//! The endpoint's side of an exchange.

use super::remote_stream::RemoteStream;
use super::side::Side;

/// Where a request goes and where its answer comes from.
pub(crate) type Remote = Side<RemoteStream>;

impl Remote {
    /// Makes what was sent so far pass for no whole request.
    pub(crate) fn abort(&self) {
        match self {
            Self::Wire(wire) => wire.socket().reset_on_close(),
            // One that has not ended is reset when it is dropped.
            Self::Stream(_) => {}
        }
    }
}
