//! Header compression: heads as blocks of bytes.
//!
//! Source: RFC 7541. What is written uses the static table alone, so nothing has to be kept for it.

mod decoder;
mod encoder;
pub(crate) mod huffman;
pub(crate) mod integer;
mod static_table;
mod text;

pub(crate) use decoder::Decoder;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use decoder::TABLE_BYTES;
pub(crate) use encoder::{write_authority, write_field, write_method, write_path, write_scheme, write_status};
pub(crate) use text::text;

/// Why a block cannot be decoded. The connection cannot go on: both ends' tables differ from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HpackError {
    /// An integer without an end, or too large.
    #[error("malformed integer in a header block")]
    Integer,
    /// The block ends in the middle of a line.
    #[error("truncated header block")]
    Truncated,
    /// A Huffman code that does not end well.
    #[error("malformed text in a header block")]
    Text,
    /// An index that no table has.
    #[error("index outside of the tables")]
    Index,
    /// A table size above what was agreed, or out of place.
    #[error("table size out of bounds or out of place")]
    TableSize,
}
