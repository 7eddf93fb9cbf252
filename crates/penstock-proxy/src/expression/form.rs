//! How a value is written into what a template makes.

use super::fact::Fact;
use super::operand::Operand;
use crate::exchange::Facts;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// What a template's text becomes part of. In every form line ends, NUL and the other
/// control characters of a value are percent-encoded (A38): a value never makes a new
/// header or a new line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text: UTF-8.
    Text,
    /// A header's value: latin-1, so that a copied header keeps its bytes; characters
    /// beyond are percent-encoded UTF-8.
    Header,
    /// A URL: `request.path` and `request.params` as they stand in the request's path,
    /// every other value percent-encoded, slashes too (D16): a value adds no segment.
    Url,
}

impl Form {
    /// Writes an operand. In a URL `fact` names where it comes from.
    pub(super) fn write(self, operand: &Operand<'_>, fact: Option<(&Fact, Facts<'_>)>, out: &mut Vec<u8>) {
        if self == Self::Url
            && let Some(encoded) = fact.and_then(|(fact, facts)| fact.encoded(facts))
        {
            return out.extend_from_slice(encoded.as_bytes());
        }
        match operand {
            Operand::Undefined | Operand::List(_) => {}
            Operand::Bool(true) => out.extend_from_slice(b"True"),
            Operand::Bool(false) => out.extend_from_slice(b"False"),
            Operand::Int(number) => write_number(*number, out),
            Operand::Text(text) => self.write_value(text.as_str(), out),
        }
    }

    /// Writes a text of the template itself: its line ends stay.
    pub(super) fn write_literal(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::Header if !text.is_ascii() => write_latin1(text, out),
            _ => out.extend_from_slice(text.as_bytes()),
        }
    }

    fn write_value(self, text: &str, out: &mut Vec<u8>) {
        if self != Self::Url && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return out.extend_from_slice(text.as_bytes());
        }
        match self {
            Self::Text => write_escaping(text, out, |character| !character.is_ascii_control() || character == '\t'),
            Self::Header => write_latin1(text, out),
            Self::Url => write_escaping(text, out, |character| {
                character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_' | '~')
            }),
        }
    }
}

fn write_latin1(text: &str, out: &mut Vec<u8>) {
    for character in text.chars() {
        match u8::try_from(character) {
            Ok(byte) if !byte.is_ascii_control() || byte == b'\t' => out.push(byte),
            _ => write_escaped(character, out),
        }
    }
}

fn write_escaping(text: &str, out: &mut Vec<u8>, is_plain: impl Fn(char) -> bool) {
    for character in text.chars() {
        if is_plain(character) {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            write_escaped(character, out);
        }
    }
}

fn write_escaped(character: char, out: &mut Vec<u8>) {
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        let digit = |value: u8| HEX.get(usize::from(value & 15)).copied().unwrap_or(b'0');
        out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte)]);
    }
}

fn write_number(number: i64, out: &mut Vec<u8>) {
    // Writing to a `Vec` does not fail.
    let _ = std::io::Write::write_fmt(out, format_args!("{number}"));
}
