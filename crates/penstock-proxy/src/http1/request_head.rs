//! The head of a request.
//!
//! Source: RFC 9112, sections 2 to 6.

use std::mem::MaybeUninit;

use super::fields::{self, MOST_FIELDS};
use super::{ConnectionOptions, Framing, Malformed, connection, framing};
use crate::exchange::{Method, Name, Request, Span, Version};

/// Limits on a request's head.
#[derive(Debug, Clone, Copy)]
pub struct HeadLimits {
    /// Largest head, request line included.
    pub bytes: usize,
    /// Most fields.
    pub fields: usize,
    /// Longest request target.
    pub target_bytes: usize,
}

/// What the head says about the message around it.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestInfo {
    /// Length of the head; the body begins there.
    pub length: usize,
    /// How the body is delimited.
    pub framing: Framing,
    /// What the `Connection` fields ask for.
    pub options: ConnectionOptions,
    /// The request target, as a span of the head's buffer.
    pub target: Span,
    /// Whether the client waits for a 100 before it sends the body.
    pub expects_continue: bool,
    /// Whether the client takes trailers.
    pub takes_trailers: bool,
}

/// Parses a request's head into `request`, or says `None` while it is incomplete.
///
/// Target and host are left as they came; routing takes them apart.
///
/// # Errors
/// The first thing that is wrong; also a limit that an incomplete head already exceeds.
pub fn parse_request(
    bytes: &[u8],
    limits: &HeadLimits,
    request: &mut Request,
) -> Result<Option<RequestInfo>, Malformed> {
    let start = leading_line_end(bytes)?;
    let Some(message) = bytes.get(start..).filter(|rest| !rest.is_empty()) else { return Ok(None) };
    let mut storage = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let room = storage.get_mut(..limits.fields.min(MOST_FIELDS)).unwrap_or_default();
    let length = match parsed.parse_with_uninit_headers(message, room) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return incomplete(message, limits, &parsed).map(|()| None),
        Err(error) => return Err(refused(error, message, &parsed)),
    };
    let (Some(method), Some(target)) = (parsed.method, parsed.path) else { return Err(Malformed::StartLine) };
    if length > limits.bytes {
        return Err(Malformed::HeadTooLarge);
    }
    if target.len() > limits.target_bytes {
        return Err(Malformed::TargetTooLong);
    }
    request.version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };
    request.method = Method::of(method.as_bytes());
    request.method_span = Span { start: 0, end: method.len() as u32 };
    let target = Span { start: method.len() as u32 + 1, end: (method.len() + 1 + target.len()) as u32 };
    let head = message.get(..length).unwrap_or_default();
    request_line_is_clean(head, target)?;
    fields::take(head, parsed.headers, &mut request.head)?;
    interpret(request).map(|info| Some(RequestInfo { length: start + length, target, ..info }))
}

/// Whether more bytes are worth another try at parsing: a line end followed by an empty
/// line came in behind `seen`, the bytes that were looked at before.
pub fn head_may_be_complete(bytes: &[u8], seen: usize) -> bool {
    let fresh = bytes.get(seen.saturating_sub(3)..).unwrap_or_default();
    memchr::memchr_iter(b'\n', fresh).any(|at| matches!(fresh.get(at + 1..), Some([b'\n', ..] | [b'\r', b'\n', ..])))
}

/// One empty line before a request is tolerated (RFC 9112, section 2.2), no more (A44).
fn leading_line_end(bytes: &[u8]) -> Result<usize, Malformed> {
    match bytes {
        [b'\r', b'\n', b'\r' | b'\n', ..] | [b'\n', ..] => Err(Malformed::StartLine),
        [b'\r', b'\n', ..] => Ok(2),
        [b'\r', other, ..] if *other != b'\n' => Err(Malformed::StartLine),
        _ => Ok(0),
    }
}

fn incomplete(message: &[u8], limits: &HeadLimits, parsed: &httparse::Request<'_, '_>) -> Result<(), Malformed> {
    let method = parsed.method.map_or(0, str::len);
    match parsed.path {
        Some(target) if target.len() > limits.target_bytes => return Err(Malformed::TargetTooLong),
        None if parsed.method.is_some() && message.len() > limits.target_bytes + method + 1 => {
            return Err(Malformed::TargetTooLong);
        }
        None if method == 0 && message.len() > LONGEST_METHOD => return Err(Malformed::StartLine),
        _ => {}
    }
    if message.len() >= limits.bytes { Err(Malformed::HeadTooLarge) } else { Ok(()) }
}

/// Longer tokens are no method of any registry.
const LONGEST_METHOD: usize = 64;

/// `httparse` calls a wrong version a version error only where it recognises the form.
fn refused(error: httparse::Error, message: &[u8], parsed: &httparse::Request<'_, '_>) -> Malformed {
    match (error, parsed.path) {
        (httparse::Error::Token, _) | (httparse::Error::NewLine, None) => Malformed::StartLine,
        (httparse::Error::NewLine, Some(_)) if parsed.version.is_none() => Malformed::StartLine,
        (httparse::Error::Version, _) if !names_another_version(message) => Malformed::StartLine,
        (error, _) => error.into(),
    }
}

fn names_another_version(message: &[u8]) -> bool {
    let line = message.split(|byte| *byte == b'\r' || *byte == b'\n').next().unwrap_or_default();
    let last = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    let is_known = last == b"HTTP/1.1" || last == b"HTTP/1.0";
    !is_known
        && matches!(last, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit())
}

/// `METHOD SP target SP HTTP/1.x CR LF`, with exactly these separators.
fn request_line_is_clean(head: &[u8], target: Span) -> Result<(), Malformed> {
    const VERSION: usize = " HTTP/1.1".len();
    if target.start as usize - 1 > LONGEST_METHOD {
        return Err(Malformed::StartLine);
    }
    match head.get(target.end as usize + VERSION..) {
        Some([b'\r', b'\n', ..]) => Ok(()),
        _ => Err(Malformed::LineEnd),
    }
}

fn interpret(request: &mut Request) -> Result<RequestInfo, Malformed> {
    let declared = framing::declared(&request.head, request.version)?;
    let options = ConnectionOptions::of(&request.head);
    let mut info = RequestInfo { options, ..RequestInfo::default() };
    info.framing = match declared.length {
        _ if declared.is_chunked => Framing::Chunked,
        None | Some(0) => Framing::None,
        Some(length) => Framing::Length(length),
    };
    request.declared_length = if declared.is_chunked { None } else { Some(declared.length.unwrap_or(0)) };
    for field in request.head.fields() {
        let value = request.head.bytes(field.value);
        if field.token == Name::EXPECT {
            if !value.eq_ignore_ascii_case(b"100-continue") {
                return Err(Malformed::Expectation);
            }
            info.expects_continue = request.version == Version::Http11 && info.framing != Framing::None;
        } else if field.token == Name::TE {
            info.takes_trailers |=
                value.split(|byte| *byte == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(b"trailers"));
        }
    }
    connection::remove_nominated(&mut request.head);
    Ok(info)
}

#[cfg(test)]
#[path = "request_head_tests.rs"]
mod tests;
