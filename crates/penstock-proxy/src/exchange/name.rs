//! Field names the core knows, as small integers.

/// A known field name, or [`Name::OTHER`].
///
/// Comparing two tokens replaces comparing two texts without regard to case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name(u8);

macro_rules! names {
    ($($constant:ident = $text:literal),+ $(,)?) => {
        #[allow(missing_docs, non_camel_case_types, clippy::upper_case_acronyms)]
        #[repr(u8)]
        enum Index { OTHER, $($constant),+ }

        impl Name {
            /// A name the core has no token for.
            pub const OTHER: Self = Self(Index::OTHER as u8);
            $(#[doc = concat!("`", $text, "`")] pub const $constant: Self = Self(Index::$constant as u8);)+
        }

        /// Lower-case texts by token.
        const TEXTS: &[&str] = &["", $($text),+];
    };
}

names! {
    ACCEPT = "accept",
    AUTHORIZATION = "authorization",
    CONNECTION = "connection",
    CONTENT_LENGTH = "content-length",
    CONTENT_TYPE = "content-type",
    COOKIE = "cookie",
    DATE = "date",
    EXPECT = "expect",
    FORWARDED = "forwarded",
    HOST = "host",
    HTTP2_SETTINGS = "http2-settings",
    KEEP_ALIVE = "keep-alive",
    LOCATION = "location",
    PROXY_AUTHENTICATE = "proxy-authenticate",
    PROXY_AUTHORIZATION = "proxy-authorization",
    PROXY_CONNECTION = "proxy-connection",
    SET_COOKIE = "set-cookie",
    TE = "te",
    TRAILER = "trailer",
    TRANSFER_ENCODING = "transfer-encoding",
    TRUE_CLIENT_IP = "true-client-ip",
    UPGRADE = "upgrade",
    USER_AGENT = "user-agent",
    VIA = "via",
    X_FORWARDED_CLIENT_CERT = "x-forwarded-client-cert",
    X_FORWARDED_FOR = "x-forwarded-for",
    X_FORWARDED_HOST = "x-forwarded-host",
    X_FORWARDED_PORT = "x-forwarded-port",
    X_FORWARDED_PREFIX = "x-forwarded-prefix",
    X_FORWARDED_PROTO = "x-forwarded-proto",
    X_FORWARDED_URI = "x-forwarded-uri",
    X_HTTP_METHOD_OVERRIDE = "x-http-method-override",
    X_ORIGINAL_URL = "x-original-url",
    X_REAL_IP = "x-real-ip",
    X_REQUEST_ID = "x-request-id",
    X_REWRITE_URL = "x-rewrite-url",
}

const SLOTS: usize = 512;

/// Distance from the end of the inner letter that tells `-host` from `-port`.
const INNER: usize = 2;

/// Token by hash of the length and three letters; a collision fails the build.
static TABLE: [u8; SLOTS] = table();

const fn slot(length: usize, first: u8, inner: u8, last: u8) -> usize {
    let (first, inner, last) = ((first | 32) as usize, (inner | 32) as usize, (last | 32) as usize);
    (length * 35 + first * 147 + inner * 217 + last * 207) % SLOTS
}

const fn table() -> [u8; SLOTS] {
    let mut table = [0; SLOTS];
    let mut index = 1;
    while index < TEXTS.len() {
        let text = TEXTS[index].as_bytes();
        let at = slot(text.len(), text[0], text[text.len().saturating_sub(INNER)], text[text.len() - 1]);
        assert!(table[at] == 0, "two known names share a slot: change the factors of slot()");
        table[at] = index as u8;
        index += 1;
    }
    table
}

impl Name {
    /// The token of a name, in any case.
    pub fn of(text: &[u8]) -> Self {
        let (Some(&first), Some(&last)) = (text.first(), text.last()) else { return Self::OTHER };
        let inner = text.get(text.len().saturating_sub(INNER)).copied().unwrap_or(first);
        let index = TABLE[slot(text.len(), first, inner, last)];
        match TEXTS.get(usize::from(index)) {
            Some(known) if is_same(known.as_bytes(), text) => Self(index),
            _ => Self::OTHER,
        }
    }

    /// The lower-case text; empty for [`Name::OTHER`].
    pub fn text(self) -> &'static str {
        TEXTS.get(usize::from(self.0)).copied().unwrap_or("")
    }
}

/// Compares a known name, which has only small letters, digits and dashes, with the token of a
/// field's name in any case; without an early way out it is done sixteen bytes at a time.
fn is_same(known: &[u8], token: &[u8]) -> bool {
    known.len() == token.len()
        && known.iter().zip(token).fold(0, |difference, (known, byte)| difference | (known ^ (byte | 32))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for (index, text) in TEXTS.iter().enumerate().skip(1) {
            assert_eq!(Name::of(text.as_bytes()), Name(index as u8));
            assert_eq!(Name::of(text.to_uppercase().as_bytes()), Name(index as u8));
        }
    }

    #[test]
    fn an_unknown_name_is_other() {
        for text in ["", "x", "hosts", "x-anything", "content_length"] {
            assert_eq!(Name::of(text.as_bytes()), Name::OTHER, "{text}");
        }
    }
}
