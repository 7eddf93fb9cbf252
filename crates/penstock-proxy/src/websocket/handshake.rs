//! The opening handshake, as far as it decides whether a tunnel is opened.

use crate::exchange::{Method, Name, Request};

/// Whether a request asks to switch to WebSocket, well or badly.
pub(crate) fn asks_for_websocket(request: &Request) -> bool {
    let names = |value: &[u8]| value.split(|byte| *byte == b',').any(is_websocket);
    request.head.known(Name::UPGRADE).any(names)
}

/// Whether the request is what a client has to send: a server that takes less could be made to open a tunnel by
/// whoever can set a few fields of a request (L4).
///
/// Source: RFC 6455, section 4.2.1.
pub(crate) fn is_sound(request: &Request) -> bool {
    let key = only(request.head.known(Name::SEC_WEBSOCKET_KEY));
    let version = only(request.head.all(b"sec-websocket-version"));
    request.method == Method::Get && key.is_some_and(is_key) && version == Some(b"13")
}

fn is_websocket(token: &[u8]) -> bool {
    token.trim_ascii().eq_ignore_ascii_case(b"websocket")
}

fn only<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    values.next().filter(|_| values.next().is_none())
}

/// Whether it is sixteen bytes in Base64.
fn is_key(value: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    value.len() == 24 && value.strip_suffix(b"==").is_some_and(|digits| digits.iter().all(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"dGhlIHNhbXBsZSBub25jZQ==";

    fn request(method: Method, keys: &[&[u8]], versions: &[&[u8]]) -> Request {
        let mut request = Request { method, ..Request::default() };
        for key in keys {
            request.head.add(b"sec-websocket-key", key);
        }
        for version in versions {
            request.head.add(b"sec-websocket-version", version);
        }
        request
    }

    #[test]
    fn l4_a_handshake_has_one_key_of_sixteen_bytes_and_the_one_version() {
        let check = |method, keys: &[&[u8]], versions: &[&[u8]]| is_sound(&request(method, keys, versions));
        assert!(check(Method::Get, &[KEY], &[b"13"]));
        assert!(!check(Method::Post, &[KEY], &[b"13"]));
        let (short, odd): (&[u8], &[u8]) = (b"dGhlIHNhbXBsZSBub25jZQ=", b"dGhlIHNhbXBsZSBub25jZ-==");
        for keys in [vec![], vec![&b""[..]], vec![KEY, KEY], vec![short], vec![odd]] {
            assert!(!check(Method::Get, &keys, &[b"13"]), "{keys:?}");
        }
        for versions in [vec![], vec![&b"777"[..]], vec![b"8"], vec![b"13", b"13"], vec![b"013"]] {
            assert!(!check(Method::Get, &[KEY], &versions), "{versions:?}");
        }
    }

    #[test]
    fn websocket_is_found_among_protocols_and_in_any_case() {
        for (value, expected) in [
            ("websocket", true),
            ("WebSocket", true),
            ("chat, websocket", true),
            ("chat", false),
            ("websockets", false),
        ] {
            let mut request = Request::default();
            request.head.add(b"upgrade", value.as_bytes());
            assert_eq!(asks_for_websocket(&request), expected, "{value}");
        }
    }
}
