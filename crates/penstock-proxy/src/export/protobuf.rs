//! Messages of protocol buffers, written field by field.
//!
//! Source: Protocol Buffers, "Encoding".

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;
const FIXED32: u32 = 5;

/// A field that is a number.
pub(crate) fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    tag(out, field, VARINT);
    varint(out, value);
}

/// A field that is a number of eight bytes.
pub(crate) fn fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    tag(out, field, FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

/// A field that is a number of four bytes.
pub(crate) fn fixed32(out: &mut Vec<u8>, field: u32, value: u32) {
    tag(out, field, FIXED32);
    out.extend_from_slice(&value.to_le_bytes());
}

/// A field of bytes.
pub(crate) fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    tag(out, field, LENGTH);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// A field of text; what is not UTF-8 in it is replaced, for whoever reads it takes nothing else.
pub(crate) fn text(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    match str::from_utf8(value) {
        Ok(_) => bytes(out, field, value),
        Err(_) => bytes(out, field, String::from_utf8_lossy(value).as_bytes()),
    }
}

/// A field that is a message of its own.
pub(crate) fn message(out: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    tag(out, field, LENGTH);
    let start = out.len();
    // Most messages are short: their length is one byte.
    out.push(0);
    write(out);
    let length = (out.len() - start - 1) as u64;
    let (mut digits, count) = varint_bytes(length);
    if count > 1 {
        out.splice(start..=start, digits.iter().take(count).copied());
    } else if let Some(place) = out.get_mut(start) {
        std::mem::swap(place, &mut digits[0]);
    }
}

fn tag(out: &mut Vec<u8>, field: u32, kind: u32) {
    varint(out, u64::from(field << 3 | kind));
}

fn varint(out: &mut Vec<u8>, value: u64) {
    let (digits, count) = varint_bytes(value);
    out.extend(digits.iter().take(count));
}

fn varint_bytes(mut value: u64) -> ([u8; 10], usize) {
    let (mut digits, mut count) = ([0; 10], 0);
    for digit in &mut digits {
        count += 1;
        *digit = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            break;
        }
        *digit |= 0x80;
    }
    (digits, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(write: impl FnOnce(&mut Vec<u8>), expected: &[u8]) {
        let mut out = vec![b'!'];
        write(&mut out);
        assert_eq!(out[1..], *expected);
    }

    #[test]
    fn fields_are_written_as_the_standard_has_them() {
        check(|out| number(out, 1, 150), &[0x08, 0x96, 0x01]);
        check(|out| number(out, 16, 0), &[0x80, 0x01, 0x00]);
        check(|out| number(out, 1, u64::MAX), &[8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
        check(|out| bytes(out, 2, b"testing"), b"\x12\x07testing");
        check(|out| text(out, 2, b"a\xff"), b"\x12\x04a\xef\xbf\xbd");
        check(|out| fixed64(out, 1, 1), &[9, 1, 0, 0, 0, 0, 0, 0, 0]);
        check(|out| fixed32(out, 1, 1), &[13, 1, 0, 0, 0]);
        check(|out| message(out, 3, |out| number(out, 1, 150)), &[0x1a, 0x03, 0x08, 0x96, 0x01]);
    }

    #[test]
    fn a_message_of_any_length_says_how_long_it_is() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 2_100_000] {
            let mut expected = Vec::new();
            bytes(&mut expected, 1, &vec![7; length]);
            check(|out| message(out, 1, |out| out.resize(out.len() + length, 7)), &expected);
        }
    }
}
