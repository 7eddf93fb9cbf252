//! WebSocket (RFC 6455): handshakes judged and frames told apart, without input or output.

mod course;
mod frame;
mod handshake;
mod key;
mod limits;

pub(crate) use course::Course;
pub(crate) use frame::{Sender, Violation, close_frame, ping_frame};
pub(crate) use handshake::{asks_for_websocket, is_sound};
pub(crate) use key::{ACCEPT, add_key, answers_key};
pub use limits::Limits;
