//! Reads connections' worth of bytes with the gateway's own parser, for tests that compare it with others.
//!
//! Standard input: for each connection its length, as four bytes, and its bytes. Standard output: for each a line of
//! JSON. Every connection is also read split in two at every byte, which has to give the same.

use std::error::Error;
use std::io::{Read, Write};

use penstock_proxy::exchange::{Head, Request};
use penstock_proxy::http1::{ChunkedDecoder, Framing, HeadLimits, Malformed, parse_request};
use serde::Serialize;

const LIMITS: HeadLimits = HeadLimits { bytes: 64 << 10, fields: 100, target_bytes: 16 << 10 };

/// What a connection's worth of bytes says.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Reading {
    requests: Vec<Message>,
    /// Why what comes next is refused.
    refused: Option<&'static str>,
    /// Whether the last request asks for the connection to be closed.
    is_closed: bool,
    /// Whether something is left that is no whole head.
    has_rest: bool,
}

impl Reading {
    /// Whether two say the same: what is refused may be so for another reason, and be told of a part before.
    fn says_as(&self, other: &Self) -> bool {
        if self.refused.is_none() || other.refused.is_none() {
            return self == other;
        }
        let whole = |reading: &Self| reading.requests.iter().filter(|message| message.is_whole).count();
        let heads = self.requests.iter().zip(&other.requests);
        self.requests.len() == other.requests.len()
            && whole(self) == whole(other)
            && heads.into_iter().all(|(one, other)| one.target == other.target && one.fields == other.fields)
    }
}

/// A request whose head was accepted; texts are latin-1.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Message {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    body: String,
    trailers: Vec<(String, String)>,
    is_whole: bool,
}

/// What comes next.
enum Next {
    Head,
    Bytes(u64),
    Chunks(ChunkedDecoder),
    Nothing,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut input, mut output) = (Vec::new(), std::io::stdout().lock());
    std::io::stdin().lock().read_to_end(&mut input)?;
    let mut rest = &input[..];
    while let Some((length, behind)) = rest.split_first_chunk() {
        let (bytes, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
        let reading = read(&[bytes]);
        let cut = (1..bytes.len()).find(|at| !read(&<[&[u8]; 2]>::from(bytes.split_at(*at))).says_as(&reading));
        serde_json::to_writer(&mut output, &(reading, cut))?;
        output.write_all(b"\n")?;
        rest = behind;
    }
    Ok(())
}

fn read(pieces: &[&[u8]]) -> Reading {
    let (mut reading, mut pending, mut next) = (Reading::default(), Vec::new(), Next::Head);
    for piece in pieces {
        pending.extend_from_slice(piece);
        while !pending.is_empty() && reading.refused.is_none() {
            match step(&mut pending, &mut next, &mut reading) {
                Ok(true) => {}
                Ok(false) => break,
                Err(malformed) => reading.refused = Some(malformed.reason()),
            }
        }
    }
    reading.has_rest = matches!(next, Next::Head) && !pending.is_empty();
    reading
}

/// Takes a head or a part of a body; says no where more has to come.
fn step(pending: &mut Vec<u8>, next: &mut Next, reading: &mut Reading) -> Result<bool, Malformed> {
    let (used, found, has_ended) = match next {
        Next::Nothing => return Ok(false),
        Next::Head => return take_head(pending, next, reading),
        Next::Bytes(left) => {
            let count = (*left).min(pending.len() as u64);
            *left -= count;
            (count as usize, pending[..count as usize].to_vec(), *left == 0)
        }
        Next::Chunks(decoder) => {
            let part = decoder.decode(pending)?;
            (part.consumed, pending[part.payload].to_vec(), part.is_done)
        }
    };
    pending.drain(..used);
    let Some(message) = reading.requests.last_mut() else { return Ok(false) };
    message.body.push_str(&latin1(&found));
    if has_ended {
        message.is_whole = true;
        if let Next::Chunks(decoder) = next {
            message.trailers = trailers(decoder);
        }
        *next = if reading.is_closed { Next::Nothing } else { Next::Head };
    }
    Ok(true)
}

fn take_head(pending: &mut Vec<u8>, next: &mut Next, reading: &mut Reading) -> Result<bool, Malformed> {
    let mut request = Request::default();
    let Some(info) = parse_request(pending, &LIMITS, &mut request)? else { return Ok(false) };
    pending.drain(..info.length);
    reading.is_closed = !info.options.keeps_alive(request.version);
    *next = match info.framing {
        Framing::Length(length) => Next::Bytes(length),
        Framing::Chunked => Next::Chunks(ChunkedDecoder::default()),
        Framing::None | Framing::UntilClose | Framing::Stream if reading.is_closed => Next::Nothing,
        Framing::None | Framing::UntilClose | Framing::Stream => Next::Head,
    };
    reading.requests.push(Message {
        method: request.method_text().to_owned(),
        target: latin1(request.head.bytes(info.target)),
        fields: fields(&request.head),
        body: String::new(),
        trailers: Vec::new(),
        is_whole: info.framing == Framing::None,
    });
    Ok(true)
}

fn trailers(decoder: &ChunkedDecoder) -> Vec<(String, String)> {
    let mut head = Head::default();
    if decoder.has_trailers() && decoder.trailers(&mut head).is_ok() { fields(&head) } else { Vec::new() }
}

fn fields(head: &Head) -> Vec<(String, String)> {
    head.iter().map(|(name, value)| (latin1(name).to_lowercase(), latin1(value))).collect()
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
