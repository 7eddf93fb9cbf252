//! Decodes header blocks.

use super::static_table::{line, token};
use crate::exchange::Name;
use crate::http2::{HpackError, Line, integer, text};

/// Gives every line of a whole block, in order. `scratch` is memory for texts that have to be decoded.
///
/// # Errors
/// The block cannot be decoded, or names a line of a table that there is not.
pub(crate) fn decode(block: &[u8], scratch: &mut Vec<u8>, mut found: impl FnMut(Line<'_>)) -> Result<(), HpackError> {
    let (required, rest) = integer::read(block, 8)?;
    // Lines that would have to come by the encoder's stream: it may send none.
    if required != 0 {
        return Err(HpackError::Index);
    }
    let (_, mut rest) = integer::read(rest, 7)?;
    while let Some(first) = rest.first() {
        scratch.clear();
        rest = match first {
            0xc0.. => {
                let (index, rest) = integer::read(rest, 6)?;
                let (name, value) = line(index).ok_or(HpackError::Index)?;
                found(Line::new(token(index), name.as_bytes(), value.as_bytes()));
                rest
            }
            0x50..0x60 | 0x70..0x80 => {
                let (index, rest) = integer::read(rest, 4)?;
                let (name, _) = line(index).ok_or(HpackError::Index)?;
                let (value, rest) = text(rest, 7, scratch)?;
                found(Line::new(token(index), name.as_bytes(), value.of(scratch)));
                rest
            }
            0x20..0x40 => {
                let (name, rest) = text(rest, 3, scratch)?;
                let (value, rest) = text(rest, 7, scratch)?;
                found(Line::new(Name::OTHER, name.of(scratch), value.of(scratch)));
                rest
            }
            // All others name lines of the table that is not there.
            _ => return Err(HpackError::Index),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(block: &[u8]) -> Result<Vec<String>, HpackError> {
        let mut found = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        decode(block, &mut Vec::new(), |line| found.push(format!("{}: {}", text(line.name), text(line.value))))?;
        Ok(found)
    }

    #[test]
    fn lines_of_every_form_are_read() {
        // RFC 9204, appendix B.1.
        let block = b"\x00\x00\x51\x0b/index.html";
        assert_eq!(lines(block).unwrap(), [":path: /index.html"]);
        assert_eq!(lines(b"\x00\x00\xd1\xd7\xc1").unwrap(), [":method: GET", ":scheme: https", ":path: /"]);
        assert_eq!(lines(b"\x00\x00\x27\x01x-custom\x03abc").unwrap(), ["x-custom: abc"]);
        // Never to be indexed, and in Huffman's code (RFC 7541, appendix C.4.1).
        let coded = b"\x00\x00\x70\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        assert_eq!(lines(coded).unwrap(), [":authority: www.example.com"]);
    }

    #[test]
    fn c5_lines_of_a_table_that_was_not_offered_are_refused() {
        for block in [
            &b"\x01\x00\x80"[..],
            b"\x02\x80\x10",
            b"\x00\x00\x80",
            b"\x00\x00\x10",
            b"\x00\x00\x40\x01a",
            b"\x00\x00\x00\x01a",
            b"\x00\x00\xff\x24",
        ] {
            assert_eq!(lines(block), Err(HpackError::Index), "{block:?}");
        }
    }

    #[test]
    fn a_block_that_is_cut_off_is_refused() {
        let block = b"\x00\x00\xd1\x51\x0b/index.html\x27\x01x-custom\x03abc";
        for length in [0, 1, 5, 10, 15, 17, 20, 26, 28] {
            assert_eq!(lines(&block[..length]), Err(HpackError::Truncated), "{length}");
        }
    }
}
