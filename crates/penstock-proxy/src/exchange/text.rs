//! Bytes of a request as text: what conditions, templates and filters compare and show.

use std::borrow::Cow;

use super::percent_decoded;

/// A field's value as text: every byte is the character of that number (latin-1).
pub fn latin1_text(value: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(value) {
        Ok(text) if text.is_ascii() => text.into(),
        _ => value.iter().copied().map(char::from).collect::<String>().into(),
    }
}

/// A percent-encoded value as text; what is no UTF-8 becomes U+FFFD.
///
/// Shape: `plus_is_space` as in a query.
pub fn decoded_text(value: &[u8], plus_is_space: bool) -> Cow<'_, str> {
    match percent_decoded(value, plus_is_space) {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_value_is_read_as_latin_1_and_plain_text_is_borrowed() {
        assert!(matches!(latin1_text(b"plain"), Cow::Borrowed("plain")));
        assert_eq!(latin1_text(b"\xe9"), "\u{e9}");
        assert_eq!(latin1_text("\u{e9}".as_bytes()), "\u{c3}\u{a9}");
    }

    #[test]
    fn a_value_is_decoded_once_and_plain_text_is_borrowed() {
        assert!(matches!(decoded_text(b"plain", true), Cow::Borrowed("plain")));
        assert_eq!(decoded_text(b"a+b%20%252e", true), "a b %2e");
        assert_eq!(decoded_text(b"a+b", false), "a+b");
        assert_eq!(decoded_text(b"%c3%a9%ff", false), "\u{e9}\u{fffd}");
    }
}
