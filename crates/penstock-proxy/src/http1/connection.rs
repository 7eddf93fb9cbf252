//! `Connection` and the fields it names: what belongs to one hop and goes no further.
//!
//! Source: RFC 9110, section 7.6.1.

use crate::exchange::{Head, Name, Version};

/// What the `Connection` fields of a head ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// `close`
    pub close: bool,
    /// `keep-alive`
    pub keep_alive: bool,
    /// `upgrade`
    pub upgrade: bool,
}

impl ConnectionOptions {
    /// Reads the options of a head.
    pub fn of(head: &Head) -> Self {
        let mut options = Self::default();
        if !head.may_have(Name::CONNECTION.bit()) {
            return options;
        }
        for option in tokens(head) {
            match option.len() {
                5 => options.close |= option.eq_ignore_ascii_case(b"close"),
                10 => options.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive"),
                7 => options.upgrade |= option.eq_ignore_ascii_case(b"upgrade"),
                _ => {}
            }
        }
        options
    }

    /// Whether the connection may carry another message after this one.
    pub fn keeps_alive(self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }
}

/// Removes the fields that the head's own `Connection` fields name (A39).
///
/// What the gateway or an access decision relies on cannot be removed this way.
pub(super) fn remove_nominated(head: &mut Head) {
    if !head.may_have(Name::CONNECTION.bit()) {
        return;
    }
    let mut names: Vec<Vec<u8>> = Vec::new();
    for token in tokens(head) {
        if !is_usual(token) && !is_protected(token) {
            names.push(token.to_vec());
        }
    }
    for name in names {
        head.remove(&name);
    }
}

fn tokens(head: &Head) -> impl Iterator<Item = &[u8]> {
    head.known(Name::CONNECTION).flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

fn is_usual(token: &[u8]) -> bool {
    [&b"keep-alive"[..], b"close", b"upgrade", b"te"].iter().any(|usual| token.eq_ignore_ascii_case(usual))
}

fn is_protected(token: &[u8]) -> bool {
    let name = Name::of(token);
    [Name::HOST, Name::AUTHORIZATION, Name::COOKIE, Name::CONTENT_LENGTH, Name::TRANSFER_ENCODING, Name::FORWARDED]
        .contains(&name)
        || token.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"x-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a39_a_client_cannot_have_security_fields_removed() {
        let mut head = Head::default();
        head.add(b"Connection", b"close, X-Forwarded-For, X-User, Authorization, Cookie, Host, Odd");
        for name in ["X-Forwarded-For", "X-User", "Authorization", "Cookie", "Host", "Odd"] {
            head.add(name.as_bytes(), b"1");
        }
        remove_nominated(&mut head);
        let left: Vec<_> = head.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect();
        assert_eq!(left, ["Connection", "X-Forwarded-For", "X-User", "Authorization", "Cookie", "Host"]);
    }

    #[test]
    fn http_1_1_keeps_alive_unless_told_and_http_1_0_only_when_told() {
        for (value, version, expected) in [
            ("", Version::Http11, true),
            ("Close", Version::Http11, false),
            ("", Version::Http10, false),
            ("Keep-Alive", Version::Http10, true),
            ("keep-alive, close", Version::Http10, false),
        ] {
            let mut head = Head::default();
            head.add(b"connection", value.as_bytes());
            assert_eq!(ConnectionOptions::of(&head).keeps_alive(version), expected, "{value} {version:?}");
        }
    }
}
