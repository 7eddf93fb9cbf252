//! Frames, found piece by piece in the bytes of a stream, and written.
//!
//! Source: RFC 9114, section 7; RFC 9000, section 16.

/// A body's bytes.
pub(super) const DATA: u64 = 0x0;
/// A header block.
pub(super) const HEADERS: u64 = 0x1;
pub(super) const CANCEL_PUSH: u64 = 0x3;
pub(super) const SETTINGS: u64 = 0x4;
pub(super) const PUSH_PROMISE: u64 = 0x5;
pub(super) const GO_AWAY: u64 = 0x7;
pub(super) const MAX_PUSH_ID: u64 = 0xd;

/// Whether it is a kind of HTTP/2 that must not be seen here (RFC 9114, section 7.2.8).
pub(super) fn is_of_http2(kind: u64) -> bool {
    matches!(kind, 0x2 | 0x6 | 0x8 | 0x9)
}

/// Bytes of a frame's kind and length, each written at its longest.
const MOST_HEAD: usize = 16;

/// What comes next in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// The head of a frame.
    Begin { kind: u64, length: u64 },
    /// Some of its payload, the last or not.
    Payload { kind: u64, bytes: &'a [u8], ends: bool },
}

/// Where in its frames a stream is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FrameReader {
    /// In a head, of which so many bytes have come.
    Head { bytes: [u8; MOST_HEAD], count: u8 },
    /// In a payload, of which so much is to come.
    Payload { kind: u64, left: u64 },
}

impl Default for FrameReader {
    fn default() -> Self {
        Self::Head { bytes: [0; MOST_HEAD], count: 0 }
    }
}

impl FrameReader {
    /// Whether the last frame has ended and no other has begun.
    pub(crate) fn is_between(&self) -> bool {
        matches!(self, Self::Head { count: 0, .. })
    }

    /// Takes the next piece from the front of what came; none until more has come.
    pub(crate) fn next<'a>(&mut self, rest: &mut &'a [u8]) -> Option<Piece<'a>> {
        match self {
            Self::Head { bytes, count } => loop {
                let filled = bytes.get(..usize::from(*count)).unwrap_or_default();
                if let Some((kind, length)) = head(filled) {
                    *self = Self::Payload { kind, left: length };
                    return Some(Piece::Begin { kind, length });
                }
                let (first, behind) = rest.split_first()?;
                *rest = behind;
                *bytes.get_mut(usize::from(*count))? = *first;
                *count += 1;
            },
            Self::Payload { left, .. } if rest.is_empty() && *left > 0 => None,
            Self::Payload { kind, left } => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                let (bytes, behind) = rest.split_at_checked(count)?;
                *rest = behind;
                *left -= count as u64;
                let (kind, ends) = (*kind, *left == 0);
                if ends {
                    *self = Self::default();
                }
                Some(Piece::Payload { kind, bytes, ends })
            }
        }
    }
}

/// Kind and length, once both are there.
fn head(bytes: &[u8]) -> Option<(u64, u64)> {
    let (kind, rest) = read_number(bytes)?;
    let (length, _) = read_number(rest)?;
    Some((kind, length))
}

/// Reads a number of variable length, and gives what follows; none while it has not wholly come.
pub(super) fn read_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let first = *bytes.first()?;
    let (number, rest) = bytes.split_at_checked(1 << (first >> 6))?;
    let value = number.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    // The two highest bits told the length.
    Some((value & (u64::MAX >> (66 - 8 * number.len() as u32)), rest))
}

/// Writes a number in as few bytes as it takes.
pub(super) fn write_number(out: &mut Vec<u8>, value: u64) {
    match value {
        0..0x40 => out.push(value as u8),
        0x40..0x4000 => out.extend_from_slice(&(value as u16 | 0x4000).to_be_bytes()),
        0x4000..0x4000_0000 => out.extend_from_slice(&(value as u32 | 0x8000_0000).to_be_bytes()),
        _ => out.extend_from_slice(&(value | 0xc000_0000_0000_0000).to_be_bytes()),
    }
}

/// Writes the head of a frame.
pub(super) fn write_head(out: &mut Vec<u8>, kind: u64, length: usize) {
    write_number(out, kind);
    write_number(out, length as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(reader: &mut FrameReader, bytes: &[u8]) -> Vec<String> {
        let (mut rest, mut found) = (bytes, Vec::new());
        while let Some(piece) = reader.next(&mut rest) {
            found.push(match piece {
                Piece::Begin { kind, length } => format!("{kind}:{length}"),
                Piece::Payload { bytes, ends, .. } => format!("{}{}", bytes.len(), if ends { "." } else { "" }),
            });
        }
        assert!(rest.is_empty());
        found
    }

    #[test]
    fn numbers_of_every_length_are_read_as_they_were_written() {
        for value in [0, 63, 64, 16_383, 16_384, (1 << 30) - 1, 1 << 30, (1 << 62) - 1] {
            let mut out = Vec::new();
            write_number(&mut out, value);
            assert_eq!(read_number(&out), Some((value, &[][..])), "{value}");
            assert_eq!(read_number(&out[..out.len() - 1]), None, "{value}");
        }
        // RFC 9000, appendix A.1.
        assert_eq!(read_number(&[0x9d, 0x7f, 0x3e, 0x7d]), Some((494_878_333, &[][..])));
        assert_eq!(read_number(&[0x40, 0x25]), Some((37, &[][..])));
    }

    #[test]
    fn frames_are_found_however_they_are_cut() {
        let mut bytes = Vec::new();
        for (kind, payload) in [(HEADERS, &b"abc"[..]), (0x21 + 0x1f * 1000, b""), (DATA, b"defgh")] {
            write_head(&mut bytes, kind, payload.len());
            bytes.extend_from_slice(payload);
        }
        let whole = pieces(&mut FrameReader::default(), &bytes);
        assert_eq!(whole, ["1:3", "3.", "31033:0", "0.", "0:5", "5."]);
        for cut in 1..bytes.len() {
            let mut reader = FrameReader::default();
            let ends = [pieces(&mut reader, &bytes[..cut]), pieces(&mut reader, &bytes[cut..])].concat();
            assert!(reader.is_between());
            let begun: Vec<_> = ends.iter().filter(|piece| piece.contains(':')).collect();
            assert_eq!(begun, ["1:3", "31033:0", "0:5"], "{cut}");
            let payload: usize = ends
                .iter()
                .filter(|p| !p.contains(':'))
                .map(|p| p.trim_end_matches('.').parse::<usize>().unwrap())
                .sum();
            assert_eq!(payload, 8, "{cut}");
        }
    }

    #[test]
    fn a_frame_that_is_cut_off_is_not_between_frames() {
        for bytes in [&[0x40][..], &[1, 3, b'a'], &[1]] {
            let mut reader = FrameReader::default();
            pieces(&mut reader, bytes);
            assert!(!reader.is_between());
        }
    }
}
