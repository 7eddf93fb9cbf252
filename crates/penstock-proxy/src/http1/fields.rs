//! Field lines: the one parser of heads and trailers.
//!
//! Source: RFC 9112, section 5; RFC 9110, section 5.5. Nothing beyond the grammar is accepted:
//! no bare line feed, no folded line, no space before the colon.

use super::Malformed;
use crate::exchange::{Field, Name, Span};
use crate::scan::has_control;

/// Bytes that a token may hold (RFC 9110, section 5.6.2).
static TOKEN: [bool; 256] = token_bytes();

const fn token_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut index = 0;
    while index < others.len() {
        table[others[index] as usize] = true;
        index += 1;
    }
    table
}

/// Length of the token that the bytes begin with.
pub(super) fn token_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !TOKEN[usize::from(*byte)]).unwrap_or(bytes.len())
}

/// Whether a value may hold these bytes: no control but the tab.
pub(super) fn is_value(bytes: &[u8]) -> bool {
    !has_control(bytes) || bytes.iter().all(|byte| *byte == b'\t' || !has_control(&[*byte]))
}

/// Parses field lines from `at` up to and with the empty line that ends them, into spans of
/// `bytes`; gives the position behind it, or `None` while that line has not come.
///
/// # Errors
/// The first thing that is wrong, as soon as it can be seen.
pub(super) fn parse(
    bytes: &[u8],
    mut at: usize,
    most: usize,
    fields: &mut Vec<Field>,
) -> Result<Option<usize>, Malformed> {
    fields.clear();
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => return Ok(Some(at + 2)),
            [b'\r' | b'\n', ..] => return Err(Malformed::LineEnd),
            _ => {}
        }
        let Some((field, length)) = line(rest, at)? else { return Ok(None) };
        if fields.len() == most {
            return Err(Malformed::TooManyFields);
        }
        fields.push(Field { token: Name::of(field.name.of(bytes)), ..field });
        at += length;
    }
}

/// One line: its field, without token, and its length with the line end.
fn line(rest: &[u8], at: usize) -> Result<Option<(Field, usize)>, Malformed> {
    let name = token_length(rest);
    match rest.get(name) {
        Some(b':') if name > 0 => {}
        Some(_) => return Err(Malformed::FieldName),
        None => return Ok(None),
    }
    let Some(end) = line_end(rest, name + 1)? else { return Ok(None) };
    let value = rest.get(name + 1..end).unwrap_or_default();
    if !is_value(value) {
        return Err(if value.contains(&b'\n') { Malformed::LineEnd } else { Malformed::FieldValue });
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let before = value.iter().position(|byte| !is_space(byte)).unwrap_or(value.len());
    let after = value.iter().rposition(|byte| !is_space(byte)).map_or(before, |last| last + 1);
    let span = |start: usize, end: usize| Span { start: (at + start) as u32, end: (at + end) as u32 };
    let field = Field { token: Name::OTHER, name: span(0, name), value: span(name + 1 + before, name + 1 + after) };
    Ok(Some((field, end + 2)))
}

/// Position of the CR of the CR LF that ends the line; `None` while it has not come.
pub(super) fn line_end(bytes: &[u8], from: usize) -> Result<Option<usize>, Malformed> {
    let rest = bytes.get(from..).unwrap_or_default();
    let Some(end) = memchr::memchr(b'\r', rest) else {
        return if rest.contains(&b'\n') { Err(Malformed::LineEnd) } else { Ok(None) };
    };
    match rest.get(end + 1) {
        Some(b'\n') => Ok(Some(from + end)),
        Some(_) => Err(Malformed::FieldValue),
        None => Ok(None),
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
