//! Frames and header compression of HTTP/3.

use super::cuts;
use crate::exchange::Name;
use crate::http3::{FrameReader, Piece, decode, write_field, write_prefix};

/// Bytes of a frame's head that are remembered with its payload.
type Frame = (u64, u64, Vec<u8>);

/// What a block says is the same when it is written anew.
pub(super) fn http3_header_block(bytes: &[u8]) -> bool {
    let (mut lines, mut written, mut again, mut scratch) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    write_prefix(&mut written);
    let outcome = decode(bytes, &mut scratch, |line| {
        write_field(&mut written, Name::of(line.name), line.name, line.value);
        lines.push((line.name.to_ascii_lowercase(), line.value.to_vec()));
    });
    let repeated = decode(&written, &mut scratch, |line| again.push((line.name.to_vec(), line.value.to_vec())));
    assert_eq!((repeated, again), (Ok(()), lines));
    outcome.is_ok()
}

/// The frames of a stream are the same however its bytes are cut.
pub(super) fn http3_frames(bytes: &[u8]) -> bool {
    let (whole, is_whole) = frames(&[bytes]);
    for cut in cuts(bytes.len()) {
        let (first, second) = bytes.split_at(cut);
        assert_eq!(frames(&[first, second]), (whole.clone(), is_whole), "cut at {cut}");
    }
    is_whole
}

/// The frames in pieces of a stream, the last of which may be cut off, and whether none is.
fn frames(pieces: &[&[u8]]) -> (Vec<Frame>, bool) {
    let (mut reader, mut found) = (FrameReader::default(), Vec::<Frame>::new());
    for piece in pieces {
        let mut rest = *piece;
        while let Some(piece) = reader.next(&mut rest) {
            match piece {
                Piece::Begin { kind, length } => found.push((kind, length, Vec::new())),
                Piece::Payload { kind, bytes, ends } => {
                    let frame = found.last_mut();
                    assert!(frame.as_ref().is_some_and(|frame| frame.0 == kind), "payload of no frame");
                    if let Some((_, length, payload)) = frame {
                        payload.extend_from_slice(bytes);
                        assert_eq!(payload.len() as u64 == *length, ends, "the end of a payload");
                    }
                }
            }
        }
        assert!(rest.is_empty(), "bytes that nobody took");
    }
    (found, reader.is_between())
}
