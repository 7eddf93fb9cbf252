//! Chunked bodies: a decoder that works in place, and trailers.
//!
//! Source: RFC 9112, section 7.1.

use std::ops::Range;

use super::{Malformed, fields};
use crate::exchange::Head;

/// Most bytes of chunk extensions in one body (A16).
const MOST_EXTENSION_BYTES: usize = 16 << 10;
/// Most bytes of trailers.
const MOST_TRAILER_BYTES: usize = 16 << 10;
/// Most trailers.
const MOST_TRAILERS: usize = 64;
/// Most digits of a chunk's size: a size of 2^60 or more is nobody's.
const MOST_SIZE_DIGITS: u8 = 15;

/// What one call of [`ChunkedDecoder::decode`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that are used up.
    pub consumed: usize,
    /// Where the payload stands in the input now, several chunks moved together.
    pub payload: Range<usize>,
    /// Whether the body has ended; what follows `consumed` is the next message.
    pub is_done: bool,
}

/// Takes a chunked body apart, fed with whatever arrived.
#[derive(Debug, Default)]
pub struct ChunkedDecoder {
    state: State,
    extension_bytes: usize,
    trailers: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    SizeDigits {
        size: u64,
        digits: u8,
    },
    Extension {
        size: u64,
        part: Part,
    },
    SizeLineFeed {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataReturn,
    DataLineFeed,
    Trailers,
    Done,
    /// Nothing that comes can be told from what follows the body.
    Broken,
}

/// Where in a chunk's extensions a byte stands. A line end that some readers find inside quotes, and a name or a value
/// that is missing, are where readers disagree (A16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Before a name or a value.
    Missing,
    Text,
    Quoted,
    Escaped,
}

impl ChunkedDecoder {
    /// Decodes what it can, moving the payloads of several chunks together in place.
    ///
    /// # Errors
    /// The body is malformed; neither it nor its connection can be used any further, and whoever tries is told again.
    pub fn decode(&mut self, input: &mut [u8]) -> Result<Decoded, Malformed> {
        let decoded = self.decode_more(input);
        if decoded.is_err() {
            self.state = State::Broken;
        }
        decoded
    }

    fn decode_more(&mut self, input: &mut [u8]) -> Result<Decoded, Malformed> {
        let (mut at, mut payload) = (0, 0..0);
        while at < input.len() && self.state != State::Done {
            match self.state {
                State::Data { left } => {
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len() - at);
                    gather(input, &mut payload, at, take);
                    at += take;
                    let left = left - take as u64;
                    self.state = if left == 0 { State::DataReturn } else { State::Data { left } };
                }
                State::Trailers => at += self.collect_trailers(input.get(at..).unwrap_or_default())?,
                _ => {
                    let Some(&byte) = input.get(at) else { break };
                    self.state = self.step(byte)?;
                    at += 1;
                }
            }
        }
        Ok(Decoded { consumed: at, payload, is_done: self.state == State::Done })
    }

    /// The trailers, once the body is done.
    ///
    /// # Errors
    /// A trailer is malformed; a body whose end was decoded has none of those.
    pub fn trailers(&self, head: &mut Head) -> Result<(), Malformed> {
        match fields::parse(&self.trailers, 0, MOST_TRAILERS, head) {
            Ok(Some(_)) => head.load(&self.trailers),
            Ok(None) | Err(_) => return Err(Malformed::Trailer),
        }
        Ok(())
    }

    /// Whether there were trailers.
    pub fn has_trailers(&self) -> bool {
        self.trailers.len() > 2
    }

    /// Makes it ready for the next body and keeps its memory.
    pub fn reset(&mut self) {
        self.state = State::Size;
        self.extension_bytes = 0;
        self.trailers.clear();
    }

    fn step(&mut self, byte: u8) -> Result<State, Malformed> {
        match (self.state, byte) {
            (State::Size, _) => size_digit(0, 0, byte).ok_or(Malformed::Chunk),
            (State::SizeDigits { size, .. }, b';') => Ok(State::Extension { size, part: Part::Missing }),
            (State::SizeDigits { size, .. } | State::Extension { size, part: Part::Text }, b'\r') => {
                Ok(State::SizeLineFeed { size })
            }
            (State::SizeDigits { size, digits }, _) => size_digit(size, digits, byte).ok_or(Malformed::Chunk),
            (State::Extension { size, part }, _) => Ok(State::Extension { size, part: self.extension(part, byte)? }),
            (State::SizeLineFeed { size: 0 }, b'\n') => Ok(State::Trailers),
            (State::SizeLineFeed { size }, b'\n') => Ok(State::Data { left: size }),
            (State::DataReturn, b'\r') => Ok(State::DataLineFeed),
            (State::DataLineFeed, b'\n') => Ok(State::Size),
            _ => Err(Malformed::Chunk),
        }
    }

    fn extension(&mut self, part: Part, byte: u8) -> Result<Part, Malformed> {
        self.extension_bytes += 1;
        if self.extension_bytes > MOST_EXTENSION_BYTES {
            return Err(Malformed::ChunkExtensions);
        }
        if byte != b'\t' && byte < b' ' || byte == 127 {
            return Err(Malformed::Chunk);
        }
        match (part, byte) {
            (Part::Quoted, b'"') => Ok(Part::Text),
            (Part::Quoted, b'\\') => Ok(Part::Escaped),
            (Part::Quoted | Part::Escaped, _) | (_, b'"') => Ok(Part::Quoted),
            (Part::Missing, b';' | b'=') => Err(Malformed::Chunk),
            (Part::Missing, b' ' | b'\t') | (Part::Text, b';' | b'=') => Ok(Part::Missing),
            _ => Ok(Part::Text),
        }
    }

    /// Takes trailer bytes up to the empty line that ends them and says how many.
    fn collect_trailers(&mut self, input: &[u8]) -> Result<usize, Malformed> {
        for (index, byte) in input.iter().enumerate() {
            self.trailers.push(*byte);
            if self.trailers.len() > MOST_TRAILER_BYTES {
                return Err(Malformed::HeadTooLarge);
            }
            if *byte == b'\n' && (self.trailers == b"\r\n" || self.trailers.ends_with(b"\r\n\r\n")) {
                self.state = State::Done;
                if self.has_trailers() {
                    self.trailers(&mut Head::default())?;
                }
                return Ok(index + 1);
            }
            if *byte == b'\n' && !self.trailers.ends_with(b"\r\n") {
                return Err(Malformed::Trailer);
            }
        }
        Ok(input.len())
    }
}

fn size_digit(size: u64, digits: u8, byte: u8) -> Option<State> {
    let value = (byte as char).to_digit(16)?;
    (digits < MOST_SIZE_DIGITS).then(|| State::SizeDigits { size: size << 4 | u64::from(value), digits: digits + 1 })
}

/// Appends `input[at..at + take]` to the payload, moving it only where there is a gap.
fn gather(input: &mut [u8], payload: &mut Range<usize>, at: usize, take: usize) {
    if payload.start == payload.end {
        *payload = at..at + take;
    } else {
        input.copy_within(at..at + take, payload.end);
        payload.end += take;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), Malformed> {
        let (mut decoder, mut body, mut is_done) = (ChunkedDecoder::default(), Vec::new(), false);
        for piece in pieces {
            let mut piece = piece.to_vec();
            let found = decoder.decode(&mut piece)?;
            body.extend_from_slice(&piece[found.payload]);
            is_done = found.is_done;
        }
        if is_done {
            decoder.trailers(&mut Head::default())?;
        }
        Ok((body, is_done))
    }

    const BODY: &[u8] = b"5\r\nhello\r\n6;a=\"b\"\r\n world\r\n0\r\nX-T: 1\r\n\r\n";

    #[test]
    fn chunks_are_joined_wherever_they_are_split() {
        for at in 0..BODY.len() {
            let (first, second) = BODY.split_at(at);
            assert_eq!(decode(&[first, second]), Ok((b"hello world".to_vec(), true)), "{at}");
        }
        let bytes: Vec<&[u8]> = BODY.chunks(1).collect();
        assert_eq!(decode(&bytes), Ok((b"hello world".to_vec(), true)));
    }

    #[test]
    fn what_follows_the_body_is_left_alone() {
        let mut input = b"1\r\na\r\n0\r\n\r\nGET /".to_vec();
        let decoded = ChunkedDecoder::default().decode(&mut input).unwrap();
        assert_eq!((&input[decoded.consumed..], decoded.is_done), (&b"GET /"[..], true));
    }

    #[test]
    fn a15_malformed_sizes_are_refused() {
        for size in ["0x5", "+5", "-0", "5_0", " 5", "5 ", "", "00000000000000005", "g"] {
            let body = format!("{size}\r\nhello\r\n0\r\n\r\n");
            assert!(decode(&[body.as_bytes()]).is_err(), "{size:?}");
        }
    }

    #[test]
    fn a16_malformed_extensions_are_refused_and_long_ones_bounded() {
        for extension in ["\nX", "a\rX", "\"", "\"\r\n\"", "a=\"\\\"", "\x01", "", " ", ";a", "a;", "a=", "a==b"] {
            let body = format!("5;{extension}\r\nhello\r\n0\r\n\r\n");
            assert_eq!(decode(&[body.as_bytes()]), Err(Malformed::Chunk), "{extension:?}");
        }
        for extension in ["a", " a = b ;c", "a=\"b\"", "a=\"\";b", "a=\"x;\\\"y=\"", "\u{e9}"] {
            let body = format!("5;{extension}\r\nhello\r\n0\r\n\r\n");
            assert_eq!(decode(&[body.as_bytes()]), Ok((b"hello".to_vec(), true)), "{extension:?}");
        }
        let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(64 << 10));
        assert_eq!(decode(&[long.as_bytes()]), Err(Malformed::ChunkExtensions));
        let many = format!("1;{}\r\nx\r\n", "a".repeat(99)).repeat(170);
        assert_eq!(decode(&[many.as_bytes()]), Err(Malformed::ChunkExtensions), "they count together");
    }

    #[test]
    fn a17_chunk_data_ends_where_its_size_says() {
        for body in
            [&b"5\r\nhelloXX0\r\n\r\n"[..], b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello!\r\n0\r\n\r\n", b"0\r\nX: y\n\r\n"]
        {
            assert!(decode(&[body]).is_err(), "{}", String::from_utf8_lossy(body));
        }
        assert_eq!(decode(&[b"5\r\nhello\r\n0\r\n"]), Ok((b"hello".to_vec(), false)));
    }

    #[test]
    fn what_is_malformed_once_is_so_for_good() {
        // Read again from its start, each would be the end of a body.
        for body in ["5x\r\nhello\r\n0\r\n\r\n", "5;\"\r\nhello\r\n0\r\n\r\n", "0\r\nbad name: x\r\n\r\n"] {
            let mut decoder = ChunkedDecoder::default();
            assert!(decoder.decode(&mut body.as_bytes().to_vec()).is_err(), "{body:?}");
            assert!(decoder.decode(&mut body.as_bytes().to_vec()).is_err(), "{body:?}");
            assert!(decoder.decode(&mut b"0\r\n\r\n".to_vec()).is_err(), "{body:?}");
        }
    }

    #[test]
    fn trailers_are_kept_apart_and_bounded() {
        let mut decoder = ChunkedDecoder::default();
        decoder.decode(&mut b"0\r\nA: b\r\nC: d\r\n\r\n".to_vec()).unwrap();
        let mut head = Head::default();
        decoder.trailers(&mut head).unwrap();
        assert_eq!((head.get(b"a"), head.get(b"c")), (Some(&b"b"[..]), Some(&b"d"[..])));
        let long = format!("0\r\nA: {}\r\n\r\n", "b".repeat(64 << 10));
        assert_eq!(decode(&[long.as_bytes()]), Err(Malformed::HeadTooLarge));
        assert_eq!(decode(&[b"0\r\nbad name: x\r\n\r\n"]), Err(Malformed::Trailer));
        let many = format!("0\r\n{}\r\n", "A: b\r\n".repeat(MOST_TRAILERS + 1));
        assert_eq!(decode(&[many.as_bytes()]), Err(Malformed::Trailer));
    }
}
