//! Integers with a prefix of some bits.
//!
//! Source: RFC 7541, section 5.1.

use super::HpackError;

/// Bytes behind the prefix; more say nothing that is allowed.
const MOST_BYTES: usize = 4;

/// Reads an integer whose first byte keeps its low `prefix` bits for it; gives it and what follows.
///
/// # Errors
/// It does not end, or is larger than any length here can be.
pub(crate) fn read(bytes: &[u8], prefix: u8) -> Result<(usize, &[u8]), HpackError> {
    let (first, mut rest) = bytes.split_first().ok_or(HpackError::Truncated)?;
    let most = (1_usize << prefix) - 1;
    let mut value = usize::from(*first) & most;
    if value < most {
        return Ok((value, rest));
    }
    for position in 0..MOST_BYTES {
        let (byte, behind) = rest.split_first().ok_or(HpackError::Truncated)?;
        rest = behind;
        value += usize::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            return Ok((value, rest));
        }
    }
    Err(HpackError::Integer)
}

/// Writes an integer behind the pattern that the first byte begins with.
#[inline]
pub(crate) fn write(out: &mut Vec<u8>, pattern: u8, prefix: u8, value: usize) {
    let most = (1_usize << prefix) - 1;
    if value < most {
        out.push(pattern | value as u8);
    } else {
        write_large(out, pattern, most, value);
    }
}

fn write_large(out: &mut Vec<u8>, pattern: u8, most: usize, value: usize) {
    out.push(pattern | most as u8);
    let mut rest = value - most;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_the_standard_are_read_and_written() {
        for (value, prefix, bytes) in [(10, 5, &[10][..]), (1337, 5, &[31, 154, 10]), (42, 8, &[42])] {
            assert_eq!(read(bytes, prefix), Ok((value, &[][..])));
            let mut out = Vec::new();
            write(&mut out, 0, prefix, value);
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn an_integer_that_does_not_end_is_refused() {
        assert_eq!(read(&[0x7f, 0x80, 0x80], 7), Err(HpackError::Truncated));
        assert_eq!(read(&[0x7f, 0xff, 0xff, 0xff, 0xff, 0x0f], 7), Err(HpackError::Integer));
        assert_eq!(read(&[], 7), Err(HpackError::Truncated));
    }
}
