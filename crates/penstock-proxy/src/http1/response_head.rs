//! The head of an answer.

use super::{ConnectionOptions, Framing, Malformed, connection, fields, framing};
use crate::exchange::{Method, Response, Version};

/// What the head says about the message around it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResponseInfo {
    /// Length of the head; the body begins there.
    pub length: usize,
    /// How the body is delimited.
    pub framing: Framing,
    /// What the `Connection` fields ask for.
    pub options: ConnectionOptions,
}

/// Parses an answer's head into `response`, or says `None` while it is incomplete.
///
/// # Errors
/// The first thing that is wrong.
pub fn parse_response(
    bytes: &[u8],
    limit_bytes: usize,
    method: Method,
    response: &mut Response,
) -> Result<Option<ResponseInfo>, Malformed> {
    let incomplete = || if bytes.len() >= limit_bytes { Err(Malformed::HeadTooLarge) } else { Ok(None) };
    let Some(line) = status_line(bytes)? else { return incomplete() };
    let found = fields::parse(bytes, line.length, MOST_FIELDS, &mut response.head)?;
    let Some(length) = found else { return incomplete() };
    if length > limit_bytes {
        return Err(Malformed::HeadTooLarge);
    }
    response.head.load(bytes.get(..length).unwrap_or_default());
    (response.version, response.status) = (line.version, line.status);
    let options = ConnectionOptions::of(&response.head);
    let framing = framing_of(response, method)?;
    connection::remove_nominated(&mut response.head);
    Ok(Some(ResponseInfo { length, framing, options }))
}

/// Most fields of an answer.
const MOST_FIELDS: usize = 256;

/// The parts of a status line.
struct StatusLine {
    version: Version,
    status: u16,
    /// Length with the line end.
    length: usize,
}

/// Parses `HTTP/1.x SP 3DIGIT [SP reason] CR LF`; `None` while it is incomplete.
fn status_line(bytes: &[u8]) -> Result<Option<StatusLine>, Malformed> {
    const START: &[u8] = b"HTTP/1.";
    let common = bytes.len().min(START.len());
    if bytes.get(..common) != START.get(..common) {
        return Err(Malformed::StartLine);
    }
    let Some(end) = fields::line_end(bytes, 0)? else { return Ok(None) };
    let [b'0' | b'1', b' ', code @ ..] = bytes.get(START.len()..end).unwrap_or_default() else {
        return Err(Malformed::StartLine);
    };
    let version = if bytes.get(START.len()) == Some(&b'0') { Version::Http10 } else { Version::Http11 };
    let (digits, reason) = code.split_at_checked(3).ok_or(Malformed::StartLine)?;
    let is_reason = reason.is_empty() || (reason.first() == Some(&b' ') && fields::is_value(reason));
    if !digits.iter().all(u8::is_ascii_digit) || digits.first() == Some(&b'0') || !is_reason {
        return Err(if reason.contains(&b'\n') { Malformed::LineEnd } else { Malformed::StartLine });
    }
    let status = digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    Ok(Some(StatusLine { version, status, length: end + 2 }))
}

/// Source: RFC 9112, section 6.3.
fn framing_of(response: &Response, method: Method) -> Result<Framing, Malformed> {
    let declared = framing::declared(&response.head, response.version)?;
    let is_bodyless = method == Method::Head || matches!(response.status, 100..=199 | 204 | 304);
    Ok(match declared.length {
        _ if is_bodyless => Framing::None,
        _ if declared.is_chunked => Framing::Chunked,
        Some(0) => Framing::None,
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, method: Method) -> Result<Option<ResponseInfo>, Malformed> {
        parse_response(text.as_bytes(), 64 << 10, method, &mut Response::default())
    }

    #[test]
    fn framing_follows_method_status_and_fields() {
        for (text, method, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", Method::Get, Framing::Length(3)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", Method::Head, Framing::None),
            ("HTTP/1.1 304 X\r\nContent-Length: 3\r\n\r\n", Method::Get, Framing::None),
            ("HTTP/1.1 204 X\r\n\r\n", Method::Get, Framing::None),
            ("HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n", Method::Get, Framing::Chunked),
            ("HTTP/1.0 200 OK\r\n\r\n", Method::Get, Framing::UntilClose),
        ] {
            assert_eq!(check(text, method).unwrap().unwrap().framing, expected, "{text}");
        }
    }

    #[test]
    fn a35_ambiguous_answers_are_refused() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nBad Name: 3\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
            "HTTP/1.1 200 OK\nA: b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "garbage\r\n\r\n",
        ] {
            assert!(check(text, Method::Get).is_err(), "{text:?}");
        }
    }
}
