//! The head of a request.
//!
//! Source: RFC 9112, sections 2 to 6.

use super::fields::{self, token_length};
use super::{ConnectionOptions, Framing, Malformed, connection, framing};
use crate::exchange::{Method, Name, Request, Span, Version};
use crate::routing::Scheme;
use crate::scan::has_space_or_control;

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

/// What a request opens a tunnel to, where that is all it asks for: 2xx then says that there is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Connects {
    /// It asks for an answer.
    #[default]
    No,
    /// The destination that it names, for any bytes.
    Destination,
    /// WebSocket within a stream (RFC 8441).
    WebSocket,
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
    /// Whether it asks for a tunnel instead of an answer.
    pub connects: Connects,
    /// The scheme of a target that is a whole URL, as proxies are asked; in HTTP/2 every target has one.
    pub scheme: Option<Scheme>,
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
    let Some(start) = leading_line_end(bytes)? else { return Ok(None) };
    let message = bytes.get(start..).unwrap_or_default();
    let Some(line) = request_line(message, limits)? else { return within(message, limits).map(|()| None) };
    let found = fields::parse(message, line.length, limits.fields, &mut request.head)?;
    let Some(length) = found else { return within(message, limits).map(|()| None) };
    if length > limits.bytes {
        return Err(Malformed::HeadTooLarge);
    }
    let head = message.get(..length).unwrap_or_default();
    request.head.load(head);
    request.version = line.version;
    request.method_span = Span { start: 0, end: line.target.start - 1 };
    request.method = Method::of(request.method_span.of(head));
    interpret(request).map(|info| Some(RequestInfo { length: start + length, target: line.target, ..info }))
}

/// Whether bytes that are something else begin as a request does: with a method and a space.
pub(crate) fn begins_request(bytes: &[u8]) -> bool {
    let method = bytes.iter().take_while(|letter| letter.is_ascii_uppercase()).count();
    method > 0 && bytes.get(method) == Some(&b' ')
}

/// Whether more bytes are worth another try at parsing: a line end followed by an empty
/// line came in behind `seen`, the bytes that were looked at before.
pub fn head_may_be_complete(bytes: &[u8], seen: usize) -> bool {
    let fresh = bytes.get(seen.saturating_sub(3)..).unwrap_or_default();
    memchr::memchr_iter(b'\n', fresh).any(|at| matches!(fresh.get(at + 1..), Some([b'\n', ..] | [b'\r', b'\n', ..])))
}

/// One empty line before a request is tolerated (RFC 9112, section 2.2), no more (A44); `None` while half of it has come.
fn leading_line_end(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    match bytes {
        [b'\r', b'\n', b'\r' | b'\n', ..] | [b'\n', ..] => Err(Malformed::StartLine),
        [b'\r', b'\n', ..] => Ok(Some(2)),
        [b'\r', other, ..] if *other != b'\n' => Err(Malformed::StartLine),
        [b'\r'] => Ok(None),
        _ => Ok(Some(0)),
    }
}

/// An incomplete head may not be over the limit already.
fn within(message: &[u8], limits: &HeadLimits) -> Result<(), Malformed> {
    if message.len() >= limits.bytes { Err(Malformed::HeadTooLarge) } else { Ok(()) }
}

/// Longer tokens are no method of any registry.
const LONGEST_METHOD: usize = 64;
/// `HTTP/1.1`
const VERSION_BYTES: usize = 8;

/// The parts of a request line.
struct RequestLine {
    target: Span,
    version: Version,
    /// Length with the line end.
    length: usize,
}

/// Parses `METHOD SP target SP HTTP/1.x CR LF`, with exactly these separators; `None` while it is
/// incomplete.
fn request_line(message: &[u8], limits: &HeadLimits) -> Result<Option<RequestLine>, Malformed> {
    let method = token_length(message);
    match message.get(method) {
        _ if method > LONGEST_METHOD => return Err(Malformed::StartLine),
        Some(b' ') if method > 0 => {}
        Some(_) => return Err(Malformed::StartLine),
        None => return Ok(None),
    }
    let rest = message.get(method + 1..).unwrap_or_default();
    let Some(target) = memchr::memchr(b' ', rest) else { return unfinished_target(rest, limits).map(|()| None) };
    let text = rest.get(..target).unwrap_or_default();
    if target > limits.target_bytes {
        return Err(Malformed::TargetTooLong);
    }
    if text.is_empty() || has_space_or_control(text) {
        return Err(Malformed::StartLine);
    }
    let Some(version) = version(rest.get(target + 1..).unwrap_or_default())? else { return Ok(None) };
    let start = method + 1;
    Ok(Some(RequestLine {
        target: Span { start: start as u32, end: (start + target) as u32 },
        version,
        length: start + target + 1 + VERSION_BYTES + 2,
    }))
}

/// A target whose end has not come may be neither too long nor the end of its line.
fn unfinished_target(rest: &[u8], limits: &HeadLimits) -> Result<(), Malformed> {
    if rest.len() > limits.target_bytes {
        return Err(Malformed::TargetTooLong);
    }
    if has_space_or_control(rest) { Err(Malformed::StartLine) } else { Ok(()) }
}

/// The version at the end of a request line and the line end behind it; `None` while it has not come.
fn version(rest: &[u8]) -> Result<Option<Version>, Malformed> {
    let version = match rest {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1', ..] => Version::Http11,
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0', ..] => Version::Http10,
        _ => return other_version(rest).map(|()| None),
    };
    match rest.get(VERSION_BYTES..) {
        Some([b'\r', b'\n', ..]) => Ok(Some(version)),
        None | Some([] | [b'\r']) => Ok(None),
        Some([b'\n' | b'\r' | b' ', ..]) => Err(Malformed::LineEnd),
        Some(_) => Err(Malformed::StartLine),
    }
}

/// What is no version of HTTP/1: one of another number, an incomplete one, or none at all.
fn other_version(rest: &[u8]) -> Result<(), Malformed> {
    match rest {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor, b'\r' | b'\n', ..]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(Malformed::Version)
        }
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            Ok(())
        }
        _ if rest.len() < VERSION_BYTES
            && b"HTTP/1.".starts_with(rest.get(..rest.len().min(5)).unwrap_or_default()) =>
        {
            Ok(())
        }
        _ => Err(Malformed::StartLine),
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
    if request.head.may_have(Name::EXPECT.bit() | Name::TE.bit()) {
        interpret_wishes(request, &mut info)?;
    }
    connection::remove_nominated(&mut request.head);
    Ok(info)
}

/// Reads what the client expects and takes.
fn interpret_wishes(request: &Request, info: &mut RequestInfo) -> Result<(), Malformed> {
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
    Ok(())
}

#[cfg(test)]
#[path = "request_head_tests.rs"]
mod tests;
