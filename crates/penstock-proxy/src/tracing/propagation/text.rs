//! Numbers of traces as texts.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Digits of a trace's number.
pub(super) const TRACE_DIGITS: usize = 32;
/// Digits of a span's.
pub(super) const SPAN_DIGITS: usize = 16;

/// The text of a trace's number.
pub(crate) fn trace_text(number: u128) -> [u8; TRACE_DIGITS] {
    let mut text = [0; TRACE_DIGITS];
    write(&mut text, &number.to_be_bytes());
    text
}

/// The text of a span's number.
pub(crate) fn span_text(number: u64) -> [u8; SPAN_DIGITS] {
    let mut text = [0; SPAN_DIGITS];
    write(&mut text, &number.to_be_bytes());
    text
}

fn write(text: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// A number in small hexadecimal digits; none where there is anything else, nothing, or more than fits.
pub(super) fn small_hexadecimal(text: &[u8]) -> Option<u128> {
    let are_digits = text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if are_digits { hexadecimal(text) } else { None }
}

/// The same in digits of either case.
pub(super) fn hexadecimal(text: &[u8]) -> Option<u128> {
    if text.is_empty() || text.len() > TRACE_DIGITS || !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    str::from_utf8(text).ok().and_then(|text| u128::from_str_radix(text, 16).ok())
}

/// The number of a trace, which is never 0.
pub(super) fn trace(number: Option<u128>) -> Option<u128> {
    number.filter(|number| *number != 0)
}

/// The number of a span, which is never 0 and has half as many digits.
pub(super) fn span(number: Option<u128>) -> Option<u64> {
    number.and_then(|number| u64::try_from(number).ok()).filter(|number| *number != 0)
}
