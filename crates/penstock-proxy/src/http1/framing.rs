//! Where a body ends: the one place that reads `Content-Length` and `Transfer-Encoding`.
//!
//! Source: RFC 9112, section 6.

use super::Malformed;
use crate::exchange::{Head, Name, Version};

/// How a body is delimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    #[default]
    None,
    /// This many bytes.
    Length(u64),
    /// Chunks, then trailers.
    Chunked,
    /// Until the sender closes; answers only.
    UntilClose,
    /// Until the sender's stream ends; HTTP/2 alone.
    Stream,
}

/// The lengths that a head declares.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Declared {
    pub(super) length: Option<u64>,
    pub(super) is_chunked: bool,
}

/// Reads the framing fields of a head.
///
/// A repeated `Content-Length` is refused even where the values agree: the two ends of a
/// proxy chain disagree about it too often.
pub(super) fn declared(head: &Head, version: Version) -> Result<Declared, Malformed> {
    let mut declared = Declared::default();
    if !head.may_have(Name::CONTENT_LENGTH.bit() | Name::TRANSFER_ENCODING.bit()) {
        return Ok(declared);
    }
    for field in head.fields() {
        if field.token == Name::CONTENT_LENGTH {
            if declared.length.is_some() {
                return Err(Malformed::ContentLength);
            }
            declared.length = Some(content_length(head.bytes(field.value))?);
        } else if field.token == Name::TRANSFER_ENCODING {
            if declared.is_chunked {
                return Err(Malformed::TransferEncoding);
            }
            transfer_encoding(head.bytes(field.value))?;
            declared.is_chunked = true;
        }
    }
    if declared.is_chunked && declared.length.is_some() {
        return Err(Malformed::BothLengths);
    }
    if declared.is_chunked && version == Version::Http10 {
        return Err(Malformed::TransferEncoding);
    }
    Ok(declared)
}

/// The number of a `Content-Length`: digits and nothing else.
pub(crate) fn content_length(value: &[u8]) -> Result<u64, Malformed> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Malformed::ContentLength);
    }
    value
        .iter()
        .try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .ok_or(Malformed::ContentLength)
}

/// Accepts `chunked` in any case and nothing else: the gateway undoes no other coding.
fn transfer_encoding(value: &[u8]) -> Result<(), Malformed> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let is_token = !value.is_empty() && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    Err(if is_token { Malformed::UnknownCoding } else { Malformed::TransferEncoding })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &[(&str, &str)]) -> Result<(Option<u64>, bool), Malformed> {
        let mut head = Head::default();
        for (name, value) in fields {
            head.add(name.as_bytes(), value.as_bytes());
        }
        declared(&head, Version::Http11).map(|declared| (declared.length, declared.is_chunked))
    }

    #[test]
    fn a3_a_length_that_is_not_plain_digits_is_refused() {
        for value in ["+5", "-1", "0x10", "1_0", "5 6", "", "5\0", "18446744073709551621", "5,5", "5, 6"] {
            assert_eq!(check(&[("content-length", value)]), Err(Malformed::ContentLength), "{value:?}");
        }
    }

    #[test]
    fn a4_leading_zeros_are_read_as_a_number() {
        assert_eq!(check(&[("content-length", "010")]), Ok((Some(10), false)));
    }

    #[test]
    fn a2_a_repeated_length_is_refused_even_when_equal() {
        for second in ["1", "0"] {
            let fields = [("content-length", "1"), ("Content-Length", second)];
            assert_eq!(check(&fields), Err(Malformed::ContentLength));
        }
    }

    #[test]
    fn a1_both_lengths_are_refused_in_either_order() {
        let (length, chunked) = (("content-length", "6"), ("transfer-encoding", "chunked"));
        assert_eq!(check(&[length, chunked]), Err(Malformed::BothLengths));
        assert_eq!(check(&[chunked, length]), Err(Malformed::BothLengths));
    }

    #[test]
    fn a5_only_chunked_in_any_case_is_a_transfer_coding() {
        assert_eq!(check(&[("transfer-encoding", "cHuNkEd")]), Ok((None, true)));
        for (value, expected) in [
            ("xchunked", Malformed::UnknownCoding),
            ("identity", Malformed::UnknownCoding),
            ("chunked, identity", Malformed::TransferEncoding),
            (",chunked", Malformed::TransferEncoding),
            ("chunked,", Malformed::TransferEncoding),
            ("\"chunked\"", Malformed::TransferEncoding),
            ("chunked;a=b", Malformed::TransferEncoding),
            ("", Malformed::TransferEncoding),
            ("\u{b}chunked", Malformed::TransferEncoding),
        ] {
            assert_eq!(check(&[("transfer-encoding", value)]), Err(expected), "{value:?}");
        }
    }

    #[test]
    fn a6_a_repeated_transfer_encoding_is_refused() {
        let field = ("transfer-encoding", "chunked");
        assert_eq!(check(&[field, field]), Err(Malformed::TransferEncoding));
    }

    #[test]
    fn a7_chunks_in_http_1_0_are_refused() {
        let mut head = Head::default();
        head.add(b"transfer-encoding", b"chunked");
        assert!(matches!(declared(&head, Version::Http10), Err(Malformed::TransferEncoding)));
    }
}
