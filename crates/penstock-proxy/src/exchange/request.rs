//! The request as routes, conditions and filters see it.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Consumer, Head, Name, Session, Span};
use crate::tracing::TraceContext;

/// Version of HTTP that a message came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
    /// HTTP/2
    Http2,
    /// HTTP/3
    Http3,
    /// No HTTP: a connection whose bytes are carried as they are.
    Tcp,
    /// The same, by the host that is asked for in a handshake.
    Tls,
    /// Nor that: the datagrams of a client.
    Udp,
}

impl Version {
    /// Whether frames of a stream around a body say where it ends.
    pub(crate) fn has_streams(self) -> bool {
        matches!(self, Self::Http2 | Self::Http3)
    }

    /// As the access log writes it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Http3 => "HTTP/3",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Udp => "UDP",
        }
    }
}

/// Methods whose meaning changes what the core does; any other is [`Method::Other`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
    Patch,
    Connect,
    Trace,
    Other,
}

impl Method {
    /// The method of a token; methods are case-sensitive (RFC 9110, section 9.1).
    pub fn of(text: &[u8]) -> Self {
        match text {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"OPTIONS" => Self::Options,
            b"PATCH" => Self::Patch,
            b"CONNECT" => Self::Connect,
            b"TRACE" => Self::Trace,
            _ => Self::Other,
        }
    }

    /// Whether repeating it does no harm (RFC 9110, section 9.2.2).
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Patch | Self::Connect | Self::Other)
    }
}

/// Path parameters of the chosen route, still encoded, as spans of the normalised path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    /// Names are owned by the route and looked up by position.
    pub spans: Vec<Span>,
}

/// Who sent the request.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// The believed client address: the peer's, or what trusted proxies said.
    pub ip: IpAddr,
    /// The peer's address.
    pub peer: IpAddr,
    /// Whether the peer is a trusted proxy.
    pub is_trusted: bool,
}

impl Default for Client {
    fn default() -> Self {
        let nobody = IpAddr::from([0, 0, 0, 0]);
        Self { ip: nobody, peer: nobody, is_trusted: false }
    }
}

/// A request's head, taken apart once.
#[derive(Debug, Default)]
pub struct Request {
    /// Fields; the request line's texts are spans of its buffer too.
    pub head: Head,
    /// What the method means to the core.
    pub method: Method,
    /// The method's text.
    pub method_span: Span,
    /// Version it came in.
    pub version: Version,
    /// Normalised path, still encoded; begins with a slash, or is `*`.
    pub path: String,
    /// The path that was routed, where a filter has replaced `path` since; else empty.
    /// Parameters are spans of it.
    pub routed_path: String,
    /// Query as it came, without the question mark, as a span of the head's buffer.
    pub query: Option<Span>,
    /// Host in lower case without port and final dot; IPv6 in brackets.
    pub host: String,
    /// Port of the authority, where it named one.
    pub port: Option<u16>,
    /// Authority as it came, for forwarding.
    pub authority: Span,
    /// What is known of the connection that it came by; none: it is in clear text.
    pub session: Option<Arc<Session>>,
    /// Who sent it.
    pub client: Client,
    /// Whose key it carries, once that was looked at.
    pub consumer: Option<Arc<Consumer>>,
    /// A consumer that sent a good key and was not let in: for the log alone.
    pub forbidden: Option<Arc<Consumer>>,
    /// Request id.
    pub id: String,
    /// Parameters of the chosen route's path.
    pub params: Params,
    /// The trace that it is part of, where there are traces.
    pub(crate) trace: TraceContext,
    /// Length that the request declared; `None` where it is chunked or has no body.
    pub declared_length: Option<u64>,
}

impl Request {
    /// The method's text.
    pub fn method_text(&self) -> &str {
        str::from_utf8(self.head.bytes(self.method_span)).unwrap_or_default()
    }

    /// The query as it came, without the question mark; empty where there is none.
    pub fn query_text(&self) -> &[u8] {
        self.query.map_or(&[], |span| self.head.bytes(span))
    }

    /// The values of a query parameter's occurrences, still encoded.
    pub fn query_values<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.query_text().split(|byte| *byte == b'&').filter_map(move |pair| {
            let (key, value) = split_once(pair, b'=').unwrap_or((pair, &[]));
            (percent_decoded(key, true) == name).then_some(value)
        })
    }

    /// Takes every occurrence of a query parameter away.
    pub fn remove_query(&mut self, name: &[u8]) {
        let Some(whole) = self.query.filter(|_| self.query_values(name).next().is_some()) else { return };
        let (start, mut at) = (self.head.intern(b"").start, whole.start);
        while at < whole.end {
            let rest = self.head.bytes(Span { start: at, end: whole.end });
            let pair = Span { start: at, end: at + memchr::memchr(b'&', rest).unwrap_or(rest.len()) as u32 };
            let text = self.head.bytes(pair);
            if percent_decoded(split_once(text, b'=').map_or(text, |(key, _)| key), true) != name {
                let is_first = self.head.intern(b"").start == start;
                self.head.intern(if is_first { b"" } else { b"&" });
                self.head.intern_again(pair);
            }
            at = pair.end + 1;
        }
        let end = self.head.intern(b"").start;
        self.query = (end > start).then_some(Span { start, end });
    }

    /// The values of a cookie's occurrences, as they came.
    pub fn cookie_values<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.head.known(Name::COOKIE).flat_map(|line| line.split(|byte| *byte == b';')).filter_map(move |pair| {
            let (key, value) = split_once(pair.trim_ascii(), b'=')?;
            (key == name).then_some(value)
        })
    }

    /// The span of a path parameter's value in the normalised path, by its position.
    pub fn param(&self, position: usize) -> Option<&str> {
        let span = self.params.spans.get(position)?;
        let path = if self.routed_path.is_empty() { &self.path } else { &self.routed_path };
        path.get(span.start as usize..span.end as usize)
    }

    /// Replaces the path by another normalised one; the parameters stay what they were.
    pub fn replace_path(&mut self, path: &str) {
        if self.routed_path.is_empty() && !self.params.spans.is_empty() {
            self.routed_path.push_str(&self.path);
        }
        self.path.clear();
        self.path.push_str(path);
    }

    /// Empties it and keeps its memory.
    pub fn clear(&mut self, keep_bytes: usize) {
        self.head.clear(keep_bytes);
        self.path.clear();
        self.path.shrink_to(keep_bytes);
        self.routed_path.clear();
        self.routed_path.shrink_to(keep_bytes);
        self.host.clear();
        self.id.clear();
        self.params.spans.clear();
        self.session = None;
        self.consumer = None;
        self.forbidden = None;
        self.trace = TraceContext::default();
        self.query = None;
        self.port = None;
        self.declared_length = None;
    }
}

/// Percent-decoded bytes; `plus_is_space` as in a query. Borrowed where nothing is encoded.
pub fn percent_decoded(text: &[u8], plus_is_space: bool) -> std::borrow::Cow<'_, [u8]> {
    if !text.iter().any(|byte| *byte == b'%' || (plus_is_space && *byte == b'+')) {
        return text.into();
    }
    let (mut decoded, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(hex_value(*high) << 4 | hex_value(*low));
                rest = after;
            }
            (b'+', _) if plus_is_space => decoded.push(b' '),
            _ => decoded.push(byte),
        }
    }
    decoded.into()
}

fn hex_value(digit: u8) -> u8 {
    (digit as char).to_digit(16).map_or(0, |value| value as u8)
}

fn split_once(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = memchr::memchr(at, text)?;
    Some((text.get(..position)?, text.get(position + 1..)?))
}
