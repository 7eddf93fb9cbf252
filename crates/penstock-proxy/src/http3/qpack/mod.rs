//! Header compression: heads as blocks of bytes.
//!
//! Source: RFC 9204. Neither side keeps a table: we offer none, and what is written uses the static one alone. So no
//! block waits for another, and none can name a line again and again that is not there.

mod decoder;
mod encoder;
mod static_table;

pub(crate) use decoder::decode;
pub(crate) use encoder::{write_field, write_prefix, write_status};
