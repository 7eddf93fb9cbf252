//! A strict reader of HTTP/1.1 messages, written apart from the gateway's own.

use penstock_proxy::exchange::Request;
use penstock_proxy::http1::{ChunkedDecoder, Framing, HeadLimits, parse_request};

/// A whole message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// Request or status line.
    pub(crate) start: String,
    /// Fields in order, names as they came.
    pub(crate) fields: Vec<(String, String)>,
    /// The body, chunks joined.
    pub(crate) body: Vec<u8>,
    /// Trailers in order.
    pub(crate) trailers: Vec<(String, String)>,
}

/// Which message is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A request.
    Request,
    /// An answer with the body that its fields promise.
    Answer,
    /// An answer to HEAD.
    HeadAnswer,
}

/// What bytes hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// The start of a message.
    Part,
    /// A message and its length.
    Whole(Message, usize),
}

impl Message {
    /// The first value of a field, in any case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// All values of a field.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The status of an answer.
    pub(crate) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
    }

    /// The target of a request.
    pub(crate) fn target(&self) -> &str {
        self.start.split(' ').nth(1).expect("a request line")
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Reads one message, or says what no strict reader accepts.
pub(crate) fn parse(bytes: &[u8], kind: Kind) -> Result<Parsed, String> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(Parsed::Part) };
    let mut lines = bytes[..end].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut message = Message { start: start_line(lines.next().unwrap_or_default(), kind)?, ..Message::default() };
    if has_bare_line_feed(&bytes[..end]) {
        return Err("a bare line feed".to_owned());
    }
    for line in lines {
        message.fields.push(field(line)?);
    }
    let rest = &bytes[end + 4..];
    match length(&message, kind)? {
        Length::Bytes(count) if rest.len() < count => Ok(Parsed::Part),
        Length::Bytes(count) => {
            message.body = rest[..count].to_vec();
            Ok(Parsed::Whole(message, end + 4 + count))
        }
        Length::Chunks => Ok(match chunks(rest, &mut message)? {
            Some(used) => Parsed::Whole(message, end + 4 + used),
            None => Parsed::Part,
        }),
        Length::UntilClose => Err("an answer without a length".to_owned()),
    }
}

/// Asserts that nobody can take what was received for a whole answer.
pub(crate) fn assert_unfinished(received: &[u8], case: &str) {
    if !received.is_empty() {
        assert_eq!(parse(received, Kind::Answer), Ok(Parsed::Part), "{case}: {}", super::text(received));
    }
}

/// Every request in a capture; the rest of an unfinished one is an error.
pub(crate) fn strict_requests(mut bytes: &[u8]) -> Result<Vec<Message>, String> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        match parse(bytes, Kind::Request)? {
            Parsed::Whole(message, used) => {
                found.push(message);
                bytes = &bytes[used..];
            }
            Parsed::Part => return Err(format!("an unfinished request: {}", super::text(bytes))),
        }
    }
    Ok(found)
}

/// Every request in a capture as the gateway's own codec reads it: target and body.
pub(crate) fn own_requests(mut bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let limits = HeadLimits { bytes: 1 << 20, fields: 256, target_bytes: 1 << 20 };
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let mut request = Request::default();
        let parsed = parse_request(bytes, &limits, &mut request).map_err(|malformed| malformed.to_string())?;
        let info = parsed.ok_or("an unfinished head")?;
        bytes = &bytes[info.length..];
        let (body, used) = match info.framing {
            Framing::Length(length) => {
                let body = bytes.get(..length as usize).ok_or("an unfinished body")?;
                (body.to_vec(), body.len())
            }
            Framing::Chunked => own_chunks(bytes)?,
            Framing::None | Framing::UntilClose | Framing::Stream => (Vec::new(), 0),
        };
        found.push((String::from_utf8_lossy(request.head.bytes(info.target)).into_owned(), body));
        bytes = &bytes[used..];
    }
    Ok(found)
}

fn own_chunks(bytes: &[u8]) -> Result<(Vec<u8>, usize), String> {
    let mut copy = bytes.to_vec();
    let decoded = ChunkedDecoder::default().decode(&mut copy).map_err(|malformed| malformed.to_string())?;
    if !decoded.is_done {
        return Err("an unfinished chunked body".to_owned());
    }
    Ok((copy[decoded.payload].to_vec(), decoded.consumed))
}

enum Length {
    Bytes(usize),
    Chunks,
    UntilClose,
}

fn length(message: &Message, kind: Kind) -> Result<Length, String> {
    let (lengths, codings) = (message.all("content-length"), message.all("transfer-encoding"));
    let is_bodyless = kind == Kind::HeadAnswer
        || kind == Kind::Answer && (message.status() < 200 || matches!(message.status(), 204 | 304));
    match (&lengths[..], &codings[..]) {
        _ if is_bodyless => Ok(Length::Bytes(0)),
        ([], ["chunked"]) => Ok(Length::Chunks),
        ([length], []) if !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit()) => {
            length.parse().map(Length::Bytes).map_err(|_| format!("length {length}"))
        }
        ([], []) if kind == Kind::Request => Ok(Length::Bytes(0)),
        ([], []) => Ok(Length::UntilClose),
        _ => Err(format!("lengths {lengths:?} with codings {codings:?}")),
    }
}

fn start_line(line: &[u8], kind: Kind) -> Result<String, String> {
    let text = String::from_utf8_lossy(line).into_owned();
    let parts: Vec<&str> = text.split(' ').collect();
    let is_fine = match kind {
        Kind::Request => parts.len() == 3 && !parts[0].is_empty() && !parts[1].is_empty() && parts[2] == "HTTP/1.1",
        _ => parts.len() >= 3 && parts[0] == "HTTP/1.1" && parts[1].len() == 3,
    };
    if is_fine { Ok(text) } else { Err(format!("start line {text:?}")) }
}

fn field(line: &[u8]) -> Result<(String, String), String> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or_else(|| format!("field {}", super::text(line)))?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let is_value = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 127);
    if name.is_empty() || !name.iter().all(is_token) || !value.iter().all(is_value) {
        return Err(format!("field {}", super::text(line)));
    }
    let latin1 = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect();
    Ok((latin1(name), latin1(value)))
}

/// Reads chunks and trailers and says how long they are; `None` where more must come.
fn chunks(bytes: &[u8], message: &mut Message) -> Result<Option<usize>, String> {
    let mut at = 0;
    while let Some(line) = line(&bytes[at..]) {
        at += line.len() + 2;
        let digits = std::str::from_utf8(line).unwrap_or_default();
        let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = usize::from_str_radix(digits, 16).ok().filter(|_| is_plain);
        let size = size.ok_or_else(|| format!("chunk size {}", super::text(line)))?;
        if size == 0 {
            return trailers(bytes, at, message);
        }
        let Some(data) = bytes.get(at..at + size + 2) else { return Ok(None) };
        if !data.ends_with(b"\r\n") {
            return Err("a chunk longer than its size".to_owned());
        }
        message.body.extend_from_slice(&data[..size]);
        at += size + 2;
    }
    Ok(None)
}

fn trailers(bytes: &[u8], mut at: usize, message: &mut Message) -> Result<Option<usize>, String> {
    while let Some(line) = line(&bytes[at..]) {
        at += line.len() + 2;
        if line.is_empty() {
            return Ok(Some(at));
        }
        message.trailers.push(field(line)?);
    }
    Ok(None)
}

fn line(bytes: &[u8]) -> Option<&[u8]> {
    bytes.windows(2).position(|window| window == b"\r\n").map(|end| &bytes[..end])
}

fn has_bare_line_feed(bytes: &[u8]) -> bool {
    bytes.split_inclusive(|byte| *byte == b'\n').any(|line| line.ends_with(b"\n") && !line.ends_with(b"\r\n"))
}
