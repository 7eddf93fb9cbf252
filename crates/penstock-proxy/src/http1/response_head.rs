//! The head of an answer.

use std::mem::MaybeUninit;

use super::fields::{self, MOST_FIELDS};
use super::{ConnectionOptions, Framing, Malformed, connection, framing};
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
    let mut storage = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let length = match config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut storage)? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial if bytes.len() >= limit_bytes => return Err(Malformed::HeadTooLarge),
        httparse::Status::Partial => return Ok(None),
    };
    if length > limit_bytes {
        return Err(Malformed::HeadTooLarge);
    }
    let head = bytes.get(..length).unwrap_or_default();
    status_line_is_clean(head)?;
    response.version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };
    response.status = parsed.code.filter(|code| (100..=999).contains(code)).ok_or(Malformed::StartLine)?;
    fields::take(head, parsed.headers, &mut response.head)?;
    let options = ConnectionOptions::of(&response.head);
    let framing = framing_of(response, method)?;
    connection::remove_nominated(&mut response.head);
    Ok(Some(ResponseInfo { length, framing, options }))
}

/// The status line begins the head and ends in CR LF.
fn status_line_is_clean(head: &[u8]) -> Result<(), Malformed> {
    let end = memchr::memchr(b'\n', head).ok_or(Malformed::StartLine)?;
    let is_clean = head.starts_with(b"HTTP/1.") && end > 0 && head.get(end - 1) == Some(&b'\r');
    if is_clean { Ok(()) } else { Err(Malformed::LineEnd) }
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
