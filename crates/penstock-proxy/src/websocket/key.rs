//! The key of a handshake that the gateway itself opens, for a client whose protocol has none.
//!
//! Source: RFC 6455, sections 1.3 and 4.1.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::exchange::{Head, Name};

/// The field that answers a key.
pub(crate) const ACCEPT: &[u8] = b"sec-websocket-accept";
/// What the standard puts behind a key before it is hashed.
const SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Adds a key of sixteen random bytes.
pub(crate) fn add_key(head: &mut Head, random: [u64; 2]) {
    let bytes: Vec<u8> = random.iter().flat_map(|part| part.to_be_bytes()).collect();
    head.add_known(Name::SEC_WEBSOCKET_KEY, STANDARD.encode(bytes).as_bytes());
}

/// Whether an answer is one to the request's key: anything else was made by somebody who does not speak WebSocket.
pub(crate) fn answers_key(request: &Head, answer: &Head) -> bool {
    let Some(key) = request.first(Name::SEC_WEBSOCKET_KEY) else { return false };
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, SUFFIX].concat());
    let mut found = answer.all(ACCEPT);
    found.next() == Some(STANDARD.encode(hash.as_ref()).as_bytes()) && found.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_the_key_is_one() {
        let mut request = Head::default();
        let answer = |values: &[&str]| {
            let mut head = Head::default();
            for value in values {
                head.add(b"Sec-WebSocket-Accept", value.as_bytes());
            }
            head
        };
        let right = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        assert!(!answers_key(&request, &answer(&[right])), "there is no key");
        request.add_known(Name::SEC_WEBSOCKET_KEY, b"dGhlIHNhbXBsZSBub25jZQ==");
        assert!(answers_key(&request, &answer(&[right])));
        for wrong in [&[][..], &["s3pPLMBiTxaQ9kYGzzhZRbK+xOp="], &[right, right], &[""]] {
            assert!(!answers_key(&request, &answer(wrong)), "{wrong:?}");
        }
    }

    #[test]
    fn a_key_is_one_that_endpoints_take() {
        let mut head = Head::default();
        add_key(&mut head, [1, u64::MAX]);
        assert_eq!(head.first(Name::SEC_WEBSOCKET_KEY), Some(&b"AAAAAAAAAAH//////////w=="[..]));
    }
}
