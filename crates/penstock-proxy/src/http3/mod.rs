//! HTTP/3 towards clients: frames, header blocks, streams and their limits, upon a connection of QUIC.
//!
//! Source: RFC 9114. Requests are judged by what HTTP/2 judges them by.

mod control;
mod error;
mod frame;
mod incoming;
mod outgoing;
mod qpack;
mod session;
mod stream;
mod turns;

pub(crate) use error::Code;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use frame::{FrameReader, Piece};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use qpack::{decode, write_field, write_prefix};
pub(crate) use session::{End, Limits, Session};
