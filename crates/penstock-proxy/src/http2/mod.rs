//! HTTP/2 towards clients and endpoints: frames, header blocks, streams and their limits. What HTTP/3 has in common
//! with it is here.
//!
//! Source: RFC 9113.

mod answer_head;
mod asking;
mod error;
mod forgiven;
mod frame;
mod hpack;
mod incoming;
mod line;
mod outgoing;
mod patience;
mod request_head;
mod session;
mod settings;
mod spares;
mod stream;
mod window;

pub(crate) use asking::{Answered, Ask};
pub(crate) use error::{CODE_WORDS, ErrorCode, Resets};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use frame::{FrameHead, HEAD_BYTES};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use hpack::{Decoder, TABLE_BYTES, write_field};
pub(crate) use hpack::{HpackError, integer, text};
pub(crate) use line::Line;
pub(crate) use outgoing::{Input, passed_on};
pub(crate) use patience::Patience;
pub(crate) use request_head::{HeadReader, TrailersReader};
pub(crate) use session::{Opened, Session};
pub(crate) use settings::Limits;
pub(crate) use spares::Spares;
