//! Heads and chunked bodies of HTTP/1.1.

use super::cuts;
use crate::exchange::{Head, Method, Name, Request, Response, Version};
use crate::http1::{
    ChunkedDecoder, HeadLimits, Malformed, OF_ONE_HOP, RequestInfo, parse_request, parse_response, write_chunk_start,
    write_fields, write_request_line,
};
use crate::scan::has_space_or_control;

const LIMITS: HeadLimits = HeadLimits { bytes: 64 << 10, fields: 100, target_bytes: 16 << 10 };
/// What is written anew may be longer: each field gets its space.
const WRITTEN: HeadLimits = HeadLimits { bytes: 128 << 10, fields: 101, target_bytes: 16 << 10 };

/// A request's head is found where it ends and no sooner, and says the same when it is written anew.
pub(super) fn request_head(bytes: &[u8]) -> bool {
    let mut request = Request::default();
    let whole = parse_request(bytes, &LIMITS, &mut request);
    let length = |found: Result<Option<RequestInfo>, Malformed>| found.map(|info| info.map(|info| info.length));
    for at in cuts(bytes.len()) {
        let part = parse_request(bytes.get(..at).unwrap_or_default(), &LIMITS, &mut Request::default());
        check_part(length(part), length(whole), at);
    }
    let Ok(Some(info)) = whole else { return false };
    let target = request.head.bytes(info.target).to_vec();
    assert!(!target.is_empty() && !has_space_or_control(&target));
    check_written_anew(&request, &target);
    true
}

/// What a part of the bytes may say, by what all of them say.
fn check_part(part: Result<Option<usize>, Malformed>, whole: Result<Option<usize>, Malformed>, at: usize) {
    match (part, whole) {
        (Ok(None), Ok(Some(length))) => assert!(at < length, "a head of {length} bytes is not seen in {at}"),
        (Ok(Some(part)), Ok(Some(whole))) => assert!(part == whole && part <= at),
        (Ok(None), _) => {}
        (part, whole) => assert!(part.is_err() && whole.is_err(), "{part:?} becomes {whole:?} behind {at} bytes"),
    }
}

/// Writes a request as an upstream gets it, and reads it: nothing has become something else.
pub(super) fn check_written_anew(request: &Request, target: &[u8]) {
    let mut written = Vec::new();
    write_request_line(&mut written, request.method_text().as_bytes(), &[target]);
    write_fields(&mut written, &request.head, Name::OTHER);
    written.extend_from_slice(b"\r\n");
    let mut again = Request::default();
    let found = parse_request(&written, &WRITTEN, &mut again);
    assert!(matches!(found, Ok(Some(info)) if info.length == written.len()), "{found:?}");
    assert_eq!(again.method_text(), request.method_text());
    assert_eq!(further_fields(&again.head), further_fields(&request.head));
}

/// The fields that go beyond one hop.
fn further_fields(head: &Head) -> Vec<(&[u8], &[u8])> {
    let further = head.fields().iter().filter(|field| {
        let is_of_one_hop = field.token != Name::OTHER && field.token.bit() & OF_ONE_HOP != 0;
        !is_of_one_hop
    });
    further.map(|field| (head.bytes(field.name), head.bytes(field.value))).collect()
}

/// An answer's head is found where it ends and no sooner.
pub(super) fn response_head(bytes: &[u8]) -> bool {
    let length = |end: usize| {
        let part = bytes.get(..end).unwrap_or_default();
        let found = parse_response(part, LIMITS.bytes, Method::Get, &mut Response::default());
        found.map(|info| info.map(|info| info.length))
    };
    let whole = length(bytes.len());
    for at in cuts(bytes.len()) {
        check_part(length(at), whole, at);
    }
    matches!(whole, Ok(Some(_)))
}

/// A chunked body has the same content however it arrives, and says the same when it is written anew.
pub(super) fn chunked_body(bytes: &[u8]) -> bool {
    let whole = decoded(bytes, bytes.len().max(1));
    for pieces in [1, 2, 7] {
        assert_eq!(decoded(bytes, pieces), whole, "in pieces of {pieces}");
    }
    let Ok((content, used, true)) = whole else { return false };
    assert!(used <= bytes.len());
    let mut written = Vec::new();
    if !content.is_empty() {
        write_chunk_start(&mut written, content.len());
        written.extend_from_slice(&content);
        written.extend_from_slice(b"\r\n");
    }
    written.extend_from_slice(b"0\r\n\r\n");
    let used = written.len();
    assert_eq!(decoded(&written, used), Ok((content, used, true)));
    true
}

/// The content, how much it took, and whether it has ended.
fn decoded(bytes: &[u8], pieces: usize) -> Result<(Vec<u8>, usize, bool), Malformed> {
    let (mut decoder, mut content, mut used) = (ChunkedDecoder::default(), Vec::new(), 0);
    for piece in bytes.chunks(pieces) {
        let mut piece = piece.to_vec();
        let found = decoder.decode(&mut piece)?;
        content.extend_from_slice(piece.get(found.payload).unwrap_or_default());
        used += found.consumed;
        if found.is_done {
            assert!(decoder.trailers(&mut Head::default()).is_ok() || !decoder.has_trailers());
            return Ok((content, used, true));
        }
        assert_eq!(found.consumed, piece.len(), "what has not ended takes all");
    }
    Ok((content, used, false))
}

/// A request of another version says the same as one of HTTP/1.1.
pub(super) fn check_translated(request: &Request, target: &[u8]) {
    assert_eq!(request.version, Version::Http2);
    check_written_anew(request, target);
}
