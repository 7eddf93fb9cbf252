//! The table that both ends know from the start.
//!
//! Source: RFC 9204, appendix A.

use crate::exchange::Name;

/// Names and values; the first has the index 0.
const STATIC: [(&str, &str); 99] = [
    (":authority", ""),
    (":path", "/"),
    ("age", "0"),
    ("content-disposition", ""),
    ("content-length", "0"),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("referer", ""),
    ("set-cookie", ""),
    (":method", "CONNECT"),
    (":method", "DELETE"),
    (":method", "GET"),
    (":method", "HEAD"),
    (":method", "OPTIONS"),
    (":method", "POST"),
    (":method", "PUT"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "103"),
    (":status", "200"),
    (":status", "304"),
    (":status", "404"),
    (":status", "503"),
    ("accept", "*/*"),
    ("accept", "application/dns-message"),
    ("accept-encoding", "gzip, deflate, br"),
    ("accept-ranges", "bytes"),
    ("access-control-allow-headers", "cache-control"),
    ("access-control-allow-headers", "content-type"),
    ("access-control-allow-origin", "*"),
    ("cache-control", "max-age=0"),
    ("cache-control", "max-age=2592000"),
    ("cache-control", "max-age=604800"),
    ("cache-control", "no-cache"),
    ("cache-control", "no-store"),
    ("cache-control", "public, max-age=31536000"),
    ("content-encoding", "br"),
    ("content-encoding", "gzip"),
    ("content-type", "application/dns-message"),
    ("content-type", "application/javascript"),
    ("content-type", "application/json"),
    ("content-type", "application/x-www-form-urlencoded"),
    ("content-type", "image/gif"),
    ("content-type", "image/jpeg"),
    ("content-type", "image/png"),
    ("content-type", "text/css"),
    ("content-type", "text/html; charset=utf-8"),
    ("content-type", "text/plain"),
    ("content-type", "text/plain;charset=utf-8"),
    ("range", "bytes=0-"),
    ("strict-transport-security", "max-age=31536000"),
    ("strict-transport-security", "max-age=31536000; includesubdomains"),
    ("strict-transport-security", "max-age=31536000; includesubdomains; preload"),
    ("vary", "accept-encoding"),
    ("vary", "origin"),
    ("x-content-type-options", "nosniff"),
    ("x-xss-protection", "1; mode=block"),
    (":status", "100"),
    (":status", "204"),
    (":status", "206"),
    (":status", "302"),
    (":status", "400"),
    (":status", "403"),
    (":status", "421"),
    (":status", "425"),
    (":status", "500"),
    ("accept-language", ""),
    ("access-control-allow-credentials", "FALSE"),
    ("access-control-allow-credentials", "TRUE"),
    ("access-control-allow-headers", "*"),
    ("access-control-allow-methods", "get"),
    ("access-control-allow-methods", "get, post, options"),
    ("access-control-allow-methods", "options"),
    ("access-control-expose-headers", "content-length"),
    ("access-control-request-headers", "content-type"),
    ("access-control-request-method", "get"),
    ("access-control-request-method", "post"),
    ("alt-svc", "clear"),
    ("authorization", ""),
    ("content-security-policy", "script-src 'none'; object-src 'none'; base-uri 'none'"),
    ("early-data", "1"),
    ("expect-ct", ""),
    ("forwarded", ""),
    ("if-range", ""),
    ("origin", ""),
    ("purpose", "prefetch"),
    ("server", ""),
    ("timing-allow-origin", "*"),
    ("upgrade-insecure-requests", "1"),
    ("user-agent", ""),
    ("x-forwarded-for", ""),
    ("x-frame-options", "deny"),
    ("x-frame-options", "sameorigin"),
];

/// The line of an index.
pub(super) fn line(index: usize) -> Option<(&'static str, &'static str)> {
    STATIC.get(index).copied()
}

/// The token of an index's name.
pub(super) fn token(index: usize) -> Name {
    match index {
        2 => Name::AGE,
        3 => Name::CONTENT_DISPOSITION,
        4 => Name::CONTENT_LENGTH,
        5 => Name::COOKIE,
        6 => Name::DATE,
        7 => Name::ETAG,
        8 => Name::IF_MODIFIED_SINCE,
        9 => Name::IF_NONE_MATCH,
        10 => Name::LAST_MODIFIED,
        12 => Name::LOCATION,
        13 => Name::REFERER,
        14 => Name::SET_COOKIE,
        29..=30 => Name::ACCEPT,
        31 => Name::ACCEPT_ENCODING,
        32 => Name::ACCEPT_RANGES,
        36..=41 => Name::CACHE_CONTROL,
        42..=43 => Name::CONTENT_ENCODING,
        44..=54 => Name::CONTENT_TYPE,
        55 => Name::RANGE,
        59..=60 => Name::VARY,
        72 => Name::ACCEPT_LANGUAGE,
        83 => Name::ALT_SVC,
        84 => Name::AUTHORIZATION,
        88 => Name::FORWARDED,
        90 => Name::ORIGIN,
        92 => Name::SERVER,
        95 => Name::USER_AGENT,
        96 => Name::X_FORWARDED_FOR,
        _ => Name::OTHER,
    }
}

/// The first index of a name; none: the table has none.
pub(super) fn index_of(token: Name) -> Option<usize> {
    Some(match token {
        Name::AGE => 2,
        Name::CONTENT_DISPOSITION => 3,
        Name::CONTENT_LENGTH => 4,
        Name::COOKIE => 5,
        Name::DATE => 6,
        Name::ETAG => 7,
        Name::IF_MODIFIED_SINCE => 8,
        Name::IF_NONE_MATCH => 9,
        Name::LAST_MODIFIED => 10,
        Name::LOCATION => 12,
        Name::REFERER => 13,
        Name::SET_COOKIE => 14,
        Name::ACCEPT => 29,
        Name::ACCEPT_ENCODING => 31,
        Name::ACCEPT_RANGES => 32,
        Name::CACHE_CONTROL => 36,
        Name::CONTENT_ENCODING => 42,
        Name::CONTENT_TYPE => 44,
        Name::RANGE => 55,
        Name::VARY => 59,
        Name::ACCEPT_LANGUAGE => 72,
        Name::ALT_SVC => 83,
        Name::AUTHORIZATION => 84,
        Name::FORWARDED => 88,
        Name::ORIGIN => 90,
        Name::SERVER => 92,
        Name::USER_AGENT => 95,
        Name::X_FORWARDED_FOR => 96,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_indices_agree_with_the_table() {
        for (index, (name, _)) in STATIC.iter().enumerate().filter(|(_, (name, _))| !name.starts_with(':')) {
            let known = Name::of(name.as_bytes());
            assert_eq!(token(index), known, "{name}");
            let first = STATIC.iter().position(|(other, _)| other == name);
            assert_eq!(index_of(known), if known == Name::OTHER { None } else { first }, "{name}");
        }
    }
}
