//! Decodes header blocks, and keeps the table that the peer fills.

use std::collections::VecDeque;

use super::static_table::{STATIC, token};
use super::text::{Text, text};
use super::{HpackError, integer};
use crate::exchange::Name;
use crate::http2::line::Line;

/// Bytes that the peer's table may hold: the default, which we never change.
pub(crate) const TABLE_BYTES: usize = 4096;

/// A line that the peer put into its table: as a head holds it, with two bytes between name and value and two behind.
struct Entry {
    text: Box<[u8]>,
    name_bytes: usize,
    token: Name,
    /// Judged once, for the many times that the line will be named.
    is_sound: bool,
}

impl Entry {
    fn new(line: &Line<'_>) -> Self {
        let token = if line.token == Name::OTHER { Name::of(line.name) } else { line.token };
        let text = [line.name, b": ", line.value, b"\r\n"].concat().into();
        Self { text, name_bytes: line.name.len(), token, is_sound: line.is_sound(token) }
    }

    fn line(&self) -> Line<'_> {
        let (name, rest) = self.text.split_at_checked(self.name_bytes).unwrap_or_default();
        let value = rest.get(2..rest.len().saturating_sub(2)).unwrap_or_default();
        Line { token: self.token, name, value, sound: if self.is_sound { &self.text } else { &[] } }
    }
}

/// The state of a connection's decoding.
pub(crate) struct Decoder {
    /// The newest line first.
    table: VecDeque<Entry>,
    table_bytes: usize,
    most_bytes: usize,
    /// Texts that had to be decoded.
    scratch: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { table: VecDeque::new(), table_bytes: 0, most_bytes: TABLE_BYTES, scratch: Vec::new() }
    }
}

impl Decoder {
    /// Gives every line of a whole block, in order.
    ///
    /// # Errors
    /// The block cannot be decoded, and no later one can be.
    pub(crate) fn decode(&mut self, block: &[u8], mut found: impl FnMut(Line<'_>)) -> Result<(), HpackError> {
        let (mut rest, mut has_line) = (block, false);
        while let Some(first) = rest.first() {
            rest = match first {
                0x80.. => {
                    let (index, rest) = integer::read(rest, 7)?;
                    found(self.line(index)?);
                    rest
                }
                0x40.. => self.literal(rest, 6, true, &mut found)?,
                0x20.. if has_line => return Err(HpackError::TableSize),
                0x20.. => {
                    let (most, rest) = integer::read(rest, 5)?;
                    self.resize(most)?;
                    rest
                }
                // Without or never indexed: there is no difference for who forwards neither form.
                _ => self.literal(rest, 4, false, &mut found)?,
            };
            has_line |= !matches!(first, 0x20..0x40);
        }
        Ok(())
    }

    /// Size of the table, as the standard counts it.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn table_bytes(&self) -> usize {
        self.table_bytes
    }

    fn literal<'a>(
        &mut self,
        block: &'a [u8],
        prefix: u8,
        is_kept: bool,
        found: &mut impl FnMut(Line<'_>),
    ) -> Result<&'a [u8], HpackError> {
        let (index, rest) = integer::read(block, prefix)?;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let outcome = self.texts(index, rest, &mut scratch).map(|(name, value, token, rest)| {
            let line = Line::new(token, name.of(&scratch), value.of(&scratch));
            found(line);
            (is_kept.then(|| Entry::new(&line)), rest)
        });
        self.scratch = scratch;
        let (entry, rest) = outcome?;
        if let Some(entry) = entry {
            self.keep(entry);
        }
        Ok(rest)
    }

    /// Name, value and token of a literal line, and what follows it.
    #[allow(clippy::type_complexity, reason = "named once, taken apart at once")]
    fn texts<'a>(
        &self,
        index: usize,
        rest: &'a [u8],
        scratch: &mut Vec<u8>,
    ) -> Result<(Text<'a>, Text<'a>, Name, &'a [u8]), HpackError> {
        let (name, token, rest) = if index == 0 {
            let (name, rest) = text(rest, 7, scratch)?;
            (name, Name::OTHER, rest)
        } else {
            let known = self.line(index)?;
            let start = scratch.len();
            scratch.extend_from_slice(known.name);
            (Text::Decoded(start, scratch.len()), known.token, rest)
        };
        let (value, rest) = text(rest, 7, scratch)?;
        Ok((name, value, token, rest))
    }

    fn line(&self, index: usize) -> Result<Line<'_>, HpackError> {
        let index = index.checked_sub(1).ok_or(HpackError::Index)?;
        if let Some((name, value)) = STATIC.get(index) {
            return Ok(Line::new(token(index), name.as_bytes(), value.as_bytes()));
        }
        self.table.get(index - STATIC.len()).map(Entry::line).ok_or(HpackError::Index)
    }

    fn resize(&mut self, most: usize) -> Result<(), HpackError> {
        if most > TABLE_BYTES {
            return Err(HpackError::TableSize);
        }
        self.most_bytes = most;
        self.evict(0);
        Ok(())
    }

    fn keep(&mut self, entry: Entry) {
        let bytes = entry.line().size();
        self.evict(bytes);
        // One that is larger than the table only empties it.
        if bytes <= self.most_bytes {
            self.table_bytes += bytes;
            self.table.push_front(entry);
        }
    }

    /// Makes room for so many bytes.
    fn evict(&mut self, bytes: usize) {
        while self.table_bytes + bytes > self.most_bytes {
            let Some(oldest) = self.table.pop_back() else { break };
            self.table_bytes -= oldest.line().size();
        }
    }
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
