//! Field names the core knows, as small integers.

/// A known field name, or [`Name::OTHER`].
///
/// Comparing two tokens replaces comparing two texts without regard to case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

        /// What a line begins with, by token.
        const LINE_STARTS: &[&str] = &["", $(concat!($text, ": ")),+];

        /// Lower-case texts by token; fewer than 64, so that a word holds a set of them.
        const TEXTS: &[&str] = &["", $($text),+];
    };
}

names! {
    ACCEPT = "accept",
    ACCEPT_ENCODING = "accept-encoding",
    ACCEPT_LANGUAGE = "accept-language",
    ACCEPT_RANGES = "accept-ranges",
    AGE = "age",
    ALT_SVC = "alt-svc",
    AUTHORIZATION = "authorization",
    CACHE_CONTROL = "cache-control",
    CONNECTION = "connection",
    CONTENT_DISPOSITION = "content-disposition",
    CONTENT_ENCODING = "content-encoding",
    CONTENT_LANGUAGE = "content-language",
    CONTENT_LENGTH = "content-length",
    CONTENT_TYPE = "content-type",
    COOKIE = "cookie",
    DATE = "date",
    ETAG = "etag",
    EXPECT = "expect",
    FORWARDED = "forwarded",
    HOST = "host",
    HTTP2_SETTINGS = "http2-settings",
    IF_MODIFIED_SINCE = "if-modified-since",
    IF_NONE_MATCH = "if-none-match",
    KEEP_ALIVE = "keep-alive",
    LAST_MODIFIED = "last-modified",
    LOCATION = "location",
    ORIGIN = "origin",
    PRAGMA = "pragma",
    PROXY_AUTHENTICATE = "proxy-authenticate",
    PROXY_AUTHORIZATION = "proxy-authorization",
    PROXY_CONNECTION = "proxy-connection",
    RANGE = "range",
    REFERER = "referer",
    SEC_FETCH_DEST = "sec-fetch-dest",
    SEC_FETCH_MODE = "sec-fetch-mode",
    SEC_FETCH_SITE = "sec-fetch-site",
    SEC_WEBSOCKET_KEY = "sec-websocket-key",
    SERVER = "server",
    SET_COOKIE = "set-cookie",
    TE = "te",
    TRAILER = "trailer",
    TRANSFER_ENCODING = "transfer-encoding",
    TRUE_CLIENT_IP = "true-client-ip",
    UPGRADE = "upgrade",
    USER_AGENT = "user-agent",
    VARY = "vary",
    VIA = "via",
    WWW_AUTHENTICATE = "www-authenticate",
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

/// The topmost bit of a set is not a token's.
const _: () = assert!(TEXTS.len() < 64);

/// Bytes of the longest known name, rounded up to words.
const MOST_BYTES: usize = 24;
/// A name's small letters, eight to a word, filled up with zeros.
type Words = [u64; MOST_BYTES / 8];

const SLOTS: usize = 512;

/// Token by hash of the words; a collision fails the build.
static TABLE: [u8; SLOTS] = table();
/// The known names as words, by token.
static WORDS: [Words; TEXTS.len()] = known_words();
/// Their lengths, by token: what fills the words up could stand in a name.
static LENGTHS: [usize; TEXTS.len()] = lengths();

const fn lengths() -> [usize; TEXTS.len()] {
    let (mut lengths, mut index) = ([0; TEXTS.len()], 0);
    while index < TEXTS.len() {
        lengths[index] = TEXTS[index].len();
        index += 1;
    }
    lengths
}

const fn slot(words: Words) -> usize {
    let mixed = words[0] ^ words[1].rotate_left(21) ^ words[2].rotate_left(42);
    (mixed.wrapping_mul(0xafbd_67f9_6196_99cf) >> 55) as usize % SLOTS
}

const fn known_words() -> [Words; TEXTS.len()] {
    let mut known = [[0; MOST_BYTES / 8]; TEXTS.len()];
    let mut index = 1;
    while index < TEXTS.len() {
        let text = TEXTS[index].as_bytes();
        let mut at = 0;
        while at < text.len() {
            known[index][at / 8] |= (text[at] as u64) << (at % 8 * 8);
            at += 1;
        }
        index += 1;
    }
    known
}

const fn table() -> [u8; SLOTS] {
    let (mut table, known) = ([0; SLOTS], known_words());
    let mut index = 1;
    while index < TEXTS.len() {
        let at = slot(known[index]);
        assert!(table[at] == 0, "two known names share a slot: change the factor of slot()");
        table[at] = index as u8;
        index += 1;
    }
    table
}

/// By length of a name, what keeps its bytes and drops those behind it.
static KEPT: [Words; MOST_BYTES + 1] = kept();

const fn kept() -> [Words; MOST_BYTES + 1] {
    let mut kept = [[0; MOST_BYTES / 8]; MOST_BYTES + 1];
    let mut length = 1;
    while length <= MOST_BYTES {
        kept[length] = kept[length - 1];
        kept[length][(length - 1) / 8] |= 0xff << ((length - 1) % 8 * 8);
        length += 1;
    }
    kept
}

/// The bit that makes a capital letter small, in each byte of a word.
const SMALL: u64 = u64::MAX / 255 * 0x20;

/// Makes capital letters small, eight at a time. Bytes from `@` to `_` change likewise, into none that a known name has;
/// a byte below, such as the carriage return that would become a dash, stays what it is.
const fn small(word: u64) -> u64 {
    word | ((word >> 1) & SMALL)
}

impl Name {
    /// The token of a name, in any case.
    pub fn of(text: &[u8]) -> Self {
        let mut padded = [0; MOST_BYTES];
        let Some(start) = padded.get_mut(..text.len()) else { return Self::OTHER };
        start.copy_from_slice(text);
        Self::at_start(&padded, text.len())
    }

    /// The token of the name that the bytes begin with, whose length is known.
    pub(crate) fn of_start(bytes: &[u8], length: usize) -> Self {
        match bytes.first_chunk() {
            Some(window) => Self::at_start(window, length),
            None => Self::of(bytes.get(..length).unwrap_or_default()),
        }
    }

    fn at_start(window: &[u8; MOST_BYTES], length: usize) -> Self {
        let Some(kept) = KEPT.get(length) else { return Self::OTHER };
        let (chunks, _) = window.as_chunks::<8>();
        let [first, second, third] = chunks else { return Self::OTHER };
        let word = |chunk: &[u8; 8], kept: u64| small(u64::from_le_bytes(*chunk)) & kept;
        let words = [word(first, kept[0]), word(second, kept[1]), word(third, kept[2])];
        let index = TABLE[slot(words)];
        let (Some(known), Some(known_length)) = (WORDS.get(usize::from(index)), LENGTHS.get(usize::from(index))) else {
            return Self::OTHER;
        };
        // Word by word: as arrays they would be compared by a call.
        let difference = (known[0] ^ words[0]) | (known[1] ^ words[1]) | (known[2] ^ words[2]);
        if difference == 0 && *known_length == length { Self(index) } else { Self::OTHER }
    }

    /// What a line with this name begins with: `name: `.
    #[inline]
    pub(crate) fn line_start(self) -> &'static str {
        LINE_STARTS.get(usize::from(self.0)).copied().unwrap_or("")
    }

    /// The one bit that stands for this token in a set of tokens.
    pub(crate) const fn bit(self) -> u64 {
        1 << self.0
    }

    /// The lower-case text; empty for [`Name::OTHER`].
    #[inline]
    pub fn text(self) -> &'static str {
        TEXTS.get(usize::from(self.0)).copied().unwrap_or("")
    }
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
    fn a_known_name_with_any_other_byte_in_it_is_another() {
        for text in &TEXTS[1..] {
            let known = Name::of(text.as_bytes());
            for at in 0..text.len() {
                for byte in 0..=u8::MAX {
                    let mut changed = text.as_bytes().to_vec();
                    changed[at] = byte;
                    let is_same = byte.eq_ignore_ascii_case(&text.as_bytes()[at]);
                    assert_eq!(Name::of(&changed) == known, is_same, "{}", changed.escape_ascii());
                }
            }
            for byte in 0..=u8::MAX {
                let longer = [text.as_bytes(), &[byte]].concat();
                assert_ne!(Name::of(&longer), known, "{}", longer.escape_ascii());
            }
        }
    }

    #[test]
    fn an_unknown_name_is_other() {
        for text in ["", "x", "hosts", "x-anything", "content_length", "x-a-name-longer-than-any-known", "hos\0"] {
            assert_eq!(Name::of(text.as_bytes()), Name::OTHER, "{text}");
        }
    }
}
