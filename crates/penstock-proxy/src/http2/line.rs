//! One line of a header block, judged by itself.
//!
//! Source: RFC 9113, section 8.2.

use crate::exchange::{Head, Name};
use crate::http1::{Malformed, is_value, token_length};

/// Bytes that a line counts beyond its texts (RFC 7541, section 4.1).
const LINE_BYTES: usize = 32;

/// One line of a block, as it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Token of the name, where a table knew it; else it has to be looked up.
    pub(crate) token: Name,
    /// The name.
    pub(crate) name: &'a [u8],
    /// The value.
    pub(crate) value: &'a [u8],
    /// The whole line as a head holds it, where it was judged before and may be taken as it is; else empty.
    pub(crate) sound: &'a [u8],
}

impl<'a> Line<'a> {
    /// A line that nobody has judged.
    pub(crate) fn new(token: Name, name: &'a [u8], value: &'a [u8]) -> Self {
        Self { token, name, value, sound: &[] }
    }

    /// What it counts towards the size of a head, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.name.len() + self.value.len() + LINE_BYTES
    }

    /// Whether it is a field, and such that nothing more has to be asked of it.
    pub(crate) fn is_sound(&self, token: Name) -> bool {
        self.name.first() != Some(&b':') && self.check(token).is_ok() && !self.has_odd_name(token)
    }

    /// Adds it to a head, and says which field it is.
    ///
    /// # Errors
    /// It is no field, or the head has as many as it may have.
    pub(super) fn add_to(&self, head: &mut Head, most_fields: usize) -> Result<Name, Malformed> {
        if head.fields().len() >= most_fields {
            return Err(Malformed::TooManyFields);
        }
        if !self.sound.is_empty() {
            head.push_line(self.token, self.name.len(), self.sound);
            return Ok(self.token);
        }
        let token = if self.token == Name::OTHER { Name::of(self.name) } else { self.token };
        self.check(token)?;
        if self.has_odd_name(token) {
            head.note_odd_name();
        }
        head.push(token, self.name, self.value);
        Ok(token)
    }

    /// Judges a field by itself: its name's letters are small, and it is none of a single connection (B12-B14).
    pub(super) fn check(&self, token: Name) -> Result<(), Malformed> {
        if !is_name(token, self.name) {
            return Err(Malformed::FieldName);
        }
        let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
        if !is_value(self.value) || is_space(self.value.first()) || is_space(self.value.last()) {
            return Err(Malformed::FieldValue);
        }
        match token {
            Name::CONNECTION
            | Name::KEEP_ALIVE
            | Name::PROXY_CONNECTION
            | Name::TRANSFER_ENCODING
            | Name::UPGRADE
            | Name::HTTP2_SETTINGS => Err(Malformed::ConnectionField),
            Name::TE if self.value != b"trailers" => Err(Malformed::ConnectionField),
            _ => Ok(()),
        }
    }

    fn has_odd_name(&self, token: Name) -> bool {
        token == Name::OTHER && self.name.iter().any(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-')
    }
}

/// Whether it is a name in small letters: one that is known is the same byte for byte.
fn is_name(token: Name, name: &[u8]) -> bool {
    if token != Name::OTHER {
        return token.line_start().as_bytes().strip_suffix(b": ") == Some(name);
    }
    !name.is_empty() && token_length(name) == name.len() && !name.iter().any(u8::is_ascii_uppercase)
}
