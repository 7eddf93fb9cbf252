//! Field lines: the one parser of heads and trailers.
//!
//! Source: RFC 9112, section 5; RFC 9110, section 5.5. Nothing beyond the grammar is accepted:
//! no bare line feed, no folded line, no space before the colon.

use super::Malformed;
use crate::exchange::{Field, Head, Name, Span};
use crate::scan::{first_control, has_control, position_near};

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

/// Bytes of names that raise no question: letters, digits and dashes.
static PLAIN: [bool; 256] = plain_bytes();

const fn plain_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte == b'-' as usize;
        byte += 1;
    }
    table
}

/// Length of the token that the bytes begin with.
pub(crate) fn token_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !TOKEN[usize::from(*byte)]).unwrap_or(bytes.len())
}

/// Whether a value may hold these bytes: no control but the tab.
pub(crate) fn is_value(bytes: &[u8]) -> bool {
    !has_control(bytes) || bytes.iter().all(|byte| *byte == b'\t' || !has_control(&[*byte]))
}

/// Parses field lines from `at` up to and with the empty line that ends them, into spans of
/// `bytes`; gives the position behind it, or `None` while that line has not come.
///
/// # Errors
/// The first thing that is wrong, as soon as it can be seen.
pub(super) fn parse(bytes: &[u8], mut at: usize, most: usize, head: &mut Head) -> Result<Option<usize>, Malformed> {
    head.begin();
    loop {
        let (field, end) = match plain_line(bytes, at) {
            Some(found) => found,
            None => match any_line(bytes, at)? {
                Line::Field(field, end) => {
                    head.note_odd_name();
                    (field, end)
                }
                Line::Empty => return Ok(Some(at + 2)),
                Line::Incomplete => return Ok(None),
            },
        };
        if head.fields().len() == most {
            return Err(Malformed::TooManyFields);
        }
        head.found(field);
        at = end;
    }
}

/// A complete line just as it would be written, without a tab, and the position behind it.
///
/// Whatever it does not take is for [`any_line`] to judge.
#[inline]
fn plain_line(bytes: &[u8], at: usize) -> Option<(Field, usize)> {
    let line = bytes.get(at..)?;
    let name = position_near(line, b':')?;
    let token = Name::of_start(line, name);
    if token == Name::OTHER && (name == 0 || !line.get(..name)?.iter().all(|byte| PLAIN[usize::from(*byte)])) {
        return None;
    }
    let [b':', b' ', behind @ ..] = line.get(name..)? else { return None };
    let length = first_control(behind)?;
    let (value, [b'\r', b'\n', ..]) = behind.split_at_checked(length)? else { return None };
    if let ([b' ', ..], _) | (_, [.., b' ']) = (value, value) {
        return None;
    }
    let start = at as u32;
    let value_start = start + name as u32 + 2;
    let value_end = value_start + length as u32;
    let field = Field {
        token,
        is_canonical: true,
        name: Span { start, end: value_start - 2 },
        value: Span { start: value_start, end: value_end },
    };
    Some((field, value_end as usize + 2))
}

/// What begins at a position.
enum Line {
    /// A field, and the position behind it.
    Field(Field, usize),
    /// The end of the fields.
    Empty,
    /// Too little to say.
    Incomplete,
}

/// Judges any line, however odd.
fn any_line(bytes: &[u8], at: usize) -> Result<Line, Malformed> {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest {
        [] | [b'\r'] => return Ok(Line::Incomplete),
        [b'\r', b'\n', ..] => return Ok(Line::Empty),
        [b'\r' | b'\n', ..] => return Err(Malformed::LineEnd),
        _ => {}
    }
    let name = token_length(rest);
    match rest.get(name) {
        Some(b':') if name > 0 => {}
        Some(_) => return Err(Malformed::FieldName),
        None => return Ok(Line::Incomplete),
    }
    let Some(end) = line_end(rest, name + 1)? else { return Ok(Line::Incomplete) };
    let value = rest.get(name + 1..end).unwrap_or_default();
    if !is_value(value) {
        return Err(if value.contains(&b'\n') { Malformed::LineEnd } else { Malformed::FieldValue });
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let before = value.iter().position(|byte| !is_space(byte)).unwrap_or(value.len());
    let after = value.iter().rposition(|byte| !is_space(byte)).map_or(before, |last| last + 1);
    let span = |start: usize, end: usize| Span { start: (at + start) as u32, end: (at + end) as u32 };
    let field = Field {
        token: Name::of_start(rest, name),
        is_canonical: before == 1 && after == value.len() && value.first() == Some(&b' '),
        name: span(0, name),
        value: span(name + 1 + before, name + 1 + after),
    };
    Ok(Line::Field(field, at + end + 2))
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
        None if rest.get(..end).is_some_and(|line| line.contains(&b'\n')) => Err(Malformed::LineEnd),
        None => Ok(None),
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
