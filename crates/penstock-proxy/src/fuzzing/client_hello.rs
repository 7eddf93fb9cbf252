//! The first message of a client that speaks TLS.

use super::cuts;
use crate::tls::asked_host;

/// A host that is found is spelled like one, and is found as soon as its message is whole and never before.
pub(super) fn client_hello(bytes: &[u8]) -> bool {
    let Ok(Some(host)) = asked_host(bytes) else { return false };
    assert!(host.len() <= 253 && host.bytes().all(|letter| b"-_.".contains(&letter) || is_small(letter)));
    let mut seen = false;
    for cut in cuts(bytes.len()) {
        let earlier = asked_host(bytes.get(..cut).unwrap_or_default());
        assert!(earlier.is_ok(), "refused after {cut} bytes and taken later");
        let found = earlier.ok().flatten();
        assert!(found.is_some() || !seen, "{cut}");
        seen = found.is_some();
        assert!(found.is_none_or(|earlier| earlier == host));
    }
    true
}

fn is_small(letter: u8) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit()
}
