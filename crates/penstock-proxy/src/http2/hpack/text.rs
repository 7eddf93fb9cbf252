//! Texts in header blocks: as they stand there, or in Huffman's code.
//!
//! Source: RFC 7541, section 5.2; RFC 9204, section 4.1.2.

use super::{HpackError, huffman, integer};

/// A text of a block: as it stands there, or decoded into the scratch buffer.
#[derive(Clone, Copy)]
pub(crate) enum Text<'a> {
    Plain(&'a [u8]),
    Decoded(usize, usize),
}

impl<'a> Text<'a> {
    /// Its bytes.
    #[inline]
    pub(crate) fn of<'b>(self, scratch: &'b [u8]) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Decoded(start, end) => scratch.get(start..end).unwrap_or_default(),
        }
    }
}

/// Reads a text whose length has a prefix of so many bits, and gives what is behind it.
///
/// # Errors
/// The block is cut off, or the code does not end well.
#[inline]
pub(crate) fn text<'a>(bytes: &'a [u8], prefix: u8, scratch: &mut Vec<u8>) -> Result<(Text<'a>, &'a [u8]), HpackError> {
    // The bit before the prefix says that the text is in code.
    let is_coded = bytes.first().is_some_and(|first| first & (1 << prefix) != 0);
    let (length, rest) = integer::read(bytes, prefix)?;
    let (text, rest) = rest.split_at_checked(length).ok_or(HpackError::Truncated)?;
    if !is_coded {
        return Ok((Text::Plain(text), rest));
    }
    let start = scratch.len();
    huffman::decode(text, scratch)?;
    Ok((Text::Decoded(start, scratch.len()), rest))
}
