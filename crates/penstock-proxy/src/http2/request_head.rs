//! From the lines of a header block to a request.
//!
//! Source: RFC 9113, sections 8.2 and 8.3; RFC 8441, section 4.

use super::line::Line;
use crate::exchange::{Head, Method, Name, Request, Span, Version};
use crate::http1::{
    ConnectionOptions, Connects, Framing, HeadLimits, Malformed, RequestInfo, content_length, is_value, token_length,
};
use crate::routing::Scheme;

/// Longer tokens are no method of any registry.
const LONGEST_METHOD: usize = 64;

/// The pseudo-fields of a request, as spans of the head's buffer.
#[derive(Debug, Default)]
struct Pseudo {
    method: Option<Span>,
    scheme: Option<Span>,
    authority: Option<Span>,
    path: Option<Span>,
    protocol: Option<Span>,
}

/// Takes lines one by one; what is wrong with them is said at the end, for the block has to be decoded whole.
pub(crate) struct HeadReader<'a> {
    request: &'a mut Request,
    limits: HeadLimits,
    pseudo: Pseudo,
    bytes: usize,
    cookies: u32,
    wrong: Option<Malformed>,
}

impl<'a> HeadReader<'a> {
    /// Begins a request; what was in it is dropped.
    pub(crate) fn new(request: &'a mut Request, limits: HeadLimits, version: Version) -> Self {
        request.clear(usize::MAX);
        (request.method, request.method_span) = (Method::default(), Span::default());
        request.version = version;
        Self { request, limits, pseudo: Pseudo::default(), bytes: 0, cookies: 0, wrong: None }
    }

    /// Takes a line.
    pub(crate) fn take(&mut self, line: &Line<'_>) {
        self.bytes += line.size();
        if self.wrong.is_none()
            && let Err(wrong) = self.add(line)
        {
            self.wrong = Some(wrong);
        }
    }

    /// Ends the head.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(crate) fn finish(mut self, ends_stream: bool) -> Result<RequestInfo, Malformed> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        self.join_cookies();
        let pseudo = std::mem::take(&mut self.pseudo);
        let method = pseudo.method.ok_or(Malformed::PseudoField)?;
        self.name_host(pseudo.authority)?;
        let request = self.request;
        request.method_span = method;
        request.method = Method::of(request.head.bytes(method));
        if request.method == Method::Connect && pseudo.protocol.is_none() {
            return connect(request, &pseudo);
        }
        let (path, scheme) = pseudo.path.zip(pseudo.scheme).ok_or(Malformed::PseudoField)?;
        let scheme = Some(if request.head.bytes(scheme) == b"https" { Scheme::Https } else { Scheme::Http });
        if let Some(protocol) = pseudo.protocol {
            return tunnel(request, protocol, path);
        }
        let framing = framing(&request.head, ends_stream)?;
        request.declared_length = match framing {
            Framing::None => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked | Framing::UntilClose | Framing::Stream => None,
        };
        let expects_continue = expects_continue(&request.head)? && framing != Framing::None;
        let takes_trailers = request.head.may_have(Name::TE.bit());
        let target = path;
        Ok(RequestInfo { framing, target, expects_continue, takes_trailers, scheme, ..RequestInfo::default() })
    }

    fn add(&mut self, line: &Line<'_>) -> Result<(), Malformed> {
        // A block may name a large line of the table again and again; nothing of it is copied beyond the limit.
        if self.bytes > self.limits.bytes {
            return Err(Malformed::HeadTooLarge);
        }
        if line.name.first() == Some(&b':') {
            return self.add_pseudo(line);
        }
        let token = line.add_to(&mut self.request.head, self.limits.fields)?;
        self.cookies += u32::from(token == Name::COOKIE);
        Ok(())
    }

    fn add_pseudo(&mut self, line: &Line<'_>) -> Result<(), Malformed> {
        if !self.request.head.fields().is_empty() {
            return Err(Malformed::PseudoField);
        }
        let Pseudo { method, scheme, authority, path, protocol } = &mut self.pseudo;
        let place = match line.name {
            b":method" => {
                check_method(line.value)?;
                method
            }
            b":scheme" if matches!(line.value, b"http" | b"https") => scheme,
            b":authority" => authority,
            b":path" => {
                check_path(line.value, &self.limits)?;
                path
            }
            b":protocol" => protocol,
            _ => return Err(Malformed::PseudoField),
        };
        if place.replace(self.request.head.intern(line.value)).is_some() {
            return Err(Malformed::PseudoField);
        }
        Ok(())
    }

    /// Makes a `Host` of the authority, so that what follows needs to know one of them only (B16).
    fn name_host(&mut self, authority: Option<Span>) -> Result<(), Malformed> {
        let head = &mut self.request.head;
        let Some(authority) = authority else { return Ok(()) };
        let text = head.bytes(authority);
        match head.first(Name::HOST).map(|host| host.eq_ignore_ascii_case(text)) {
            Some(true) => Ok(()),
            None if is_value(text) => {
                head.add_known_span(Name::HOST, authority);
                Ok(())
            }
            Some(false) | None => Err(Malformed::Host),
        }
    }

    /// Joins what a client has sent as several fields, so that it compresses better (B22; RFC 9113, section 8.2.3).
    fn join_cookies(&mut self) {
        let head = &mut self.request.head;
        if self.cookies > 1 {
            // An empty one would leave a space behind the last.
            let cookies = head.known(Name::COOKIE).filter(|cookie| !cookie.is_empty());
            let joined = cookies.collect::<Vec<_>>().join(&b"; "[..]);
            head.retain(|token, _, _| token != Name::COOKIE);
            head.add_known(Name::COOKIE, &joined);
        }
    }
}

/// Takes the lines of a block behind a body, likewise.
pub(crate) struct TrailersReader {
    trailers: Head,
    limits: HeadLimits,
    bytes: usize,
    wrong: Option<Malformed>,
}

impl TrailersReader {
    /// Begins one.
    pub(crate) fn new(limits: HeadLimits) -> Self {
        Self { trailers: Head::default(), limits, bytes: 0, wrong: None }
    }

    /// Takes a line.
    pub(crate) fn take(&mut self, line: &Line<'_>) {
        self.bytes += line.size();
        let token = Name::of(line.name);
        let is_large = self.bytes > self.limits.bytes || self.trailers.fields().len() >= self.limits.fields;
        match line.check(token) {
            _ if is_large => self.wrong = Some(Malformed::HeadTooLarge),
            Err(malformed) => self.wrong = Some(malformed),
            Ok(()) => self.trailers.push(token, line.name, line.value),
        }
    }

    /// Ends the block.
    ///
    /// # Errors
    /// Something is wrong with it.
    pub(crate) fn finish(self) -> Result<Head, Malformed> {
        self.wrong.map_or(Ok(self.trailers), Err)
    }
}

fn check_method(text: &[u8]) -> Result<(), Malformed> {
    let is_token = !text.is_empty() && text.len() <= LONGEST_METHOD && token_length(text) == text.len();
    if is_token { Ok(()) } else { Err(Malformed::PseudoField) }
}

fn check_path(text: &[u8], limits: &HeadLimits) -> Result<(), Malformed> {
    if text.len() > limits.target_bytes {
        return Err(Malformed::TargetTooLong);
    }
    let is_target = matches!(text, [b'/', ..] | b"*") && text.iter().all(|byte| matches!(byte, 0x21..=0x7e | 0x80..));
    if is_target { Ok(()) } else { Err(Malformed::PseudoField) }
}

/// Takes the request for a tunnel to a destination, which names that alone.
///
/// Source: RFC 9113, section 8.5.
fn connect(request: &mut Request, pseudo: &Pseudo) -> Result<RequestInfo, Malformed> {
    let (Some(target), None, None) = (pseudo.authority, pseudo.scheme, pseudo.path) else {
        return Err(Malformed::PseudoField);
    };
    if request.head.first(Name::CONTENT_LENGTH).is_some() {
        return Err(Malformed::ContentLength);
    }
    request.declared_length = Some(0);
    Ok(RequestInfo { target, ..RequestInfo::default() })
}

/// Makes the request for a tunnel that HTTP/1.1 knows of the one that HTTP/2 knows, so that what follows needs to know
/// one of them only. The key of its handshake is the gateway's affair.
///
/// Source: RFC 8441, sections 4 and 5.
fn tunnel(request: &mut Request, protocol: Span, target: Span) -> Result<RequestInfo, Malformed> {
    let head = &mut request.head;
    if request.method != Method::Connect {
        return Err(Malformed::PseudoField);
    }
    if !head.bytes(protocol).eq_ignore_ascii_case(b"websocket") {
        return Err(Malformed::Protocol);
    }
    if head.first(Name::CONTENT_LENGTH).is_some() {
        return Err(Malformed::ContentLength);
    }
    head.retain(|token, _, _| token != Name::SEC_WEBSOCKET_KEY);
    head.add_known(Name::UPGRADE, b"websocket");
    request.method_span = head.intern(b"GET");
    request.method = Method::Get;
    request.declared_length = Some(0);
    let options = ConnectionOptions { upgrade: true, ..ConnectionOptions::default() };
    Ok(RequestInfo { target, options, connects: Connects::WebSocket, ..RequestInfo::default() })
}

/// How the body is delimited. Its end is the stream's; a length that is declared has to be true (B15).
fn framing(head: &Head, ends_stream: bool) -> Result<Framing, Malformed> {
    let mut declared = head.known(Name::CONTENT_LENGTH).map(content_length);
    let length = declared.next().transpose()?;
    if declared.next().is_some() {
        return Err(Malformed::ContentLength);
    }
    match (length, ends_stream) {
        (None | Some(0), true) => Ok(Framing::None),
        (Some(_), true) => Err(Malformed::ContentLength),
        (Some(length), false) => Ok(Framing::Length(length)),
        (None, false) => Ok(Framing::Stream),
    }
}

fn expects_continue(head: &Head) -> Result<bool, Malformed> {
    match head.first(Name::EXPECT) {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case(b"100-continue") => Ok(true),
        Some(_) => Err(Malformed::Expectation),
    }
}

#[cfg(test)]
#[path = "request_head_tests.rs"]
mod tests;
