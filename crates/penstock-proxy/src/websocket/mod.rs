//! WebSocket (RFC 6455): handshakes judged and frames told apart, without input or output.

mod course;
mod frame;
mod handshake;
mod limits;

pub(crate) use course::Course;
pub(crate) use frame::{Sender, Violation, close_frame, ping_frame};
pub(crate) use handshake::{asks_for_websocket, is_sound};
pub use limits::Limits;
