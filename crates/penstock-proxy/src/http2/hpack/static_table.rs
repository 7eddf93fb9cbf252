//! The table that both ends know from the start.
//!
//! Source: RFC 7541, appendix A.

use crate::exchange::Name;

/// Names and values; the first has the index 1.
pub(super) const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// Tokens of the names, so that none has to be looked up.
pub(super) fn token(index: usize) -> Name {
    // The pseudo-fields come first and are no names of fields.
    STATIC.get(index).filter(|_| index >= FIRST_FIELD).map_or(Name::OTHER, |(name, _)| Name::of(name.as_bytes()))
}

/// Position of the first that is no pseudo-field.
pub(super) const FIRST_FIELD: usize = 14;

/// The index of a known name among the fields; 0 for one that is not there.
pub(super) fn index_of(token: Name) -> u8 {
    match token {
        Name::ACCEPT_ENCODING => 16,
        Name::ACCEPT_LANGUAGE => 17,
        Name::ACCEPT_RANGES => 18,
        Name::ACCEPT => 19,
        Name::AGE => 21,
        Name::AUTHORIZATION => 23,
        Name::CACHE_CONTROL => 24,
        Name::CONTENT_DISPOSITION => 25,
        Name::CONTENT_ENCODING => 26,
        Name::CONTENT_LANGUAGE => 27,
        Name::CONTENT_LENGTH => 28,
        Name::CONTENT_TYPE => 31,
        Name::COOKIE => 32,
        Name::DATE => 33,
        Name::ETAG => 34,
        Name::EXPECT => 35,
        Name::HOST => 38,
        Name::IF_MODIFIED_SINCE => 40,
        Name::IF_NONE_MATCH => 41,
        Name::LAST_MODIFIED => 44,
        Name::LOCATION => 46,
        Name::PROXY_AUTHENTICATE => 48,
        Name::PROXY_AUTHORIZATION => 49,
        Name::RANGE => 50,
        Name::REFERER => 51,
        Name::SERVER => 54,
        Name::SET_COOKIE => 55,
        Name::TRANSFER_ENCODING => 57,
        Name::USER_AGENT => 58,
        Name::VARY => 59,
        Name::VIA => 60,
        Name::WWW_AUTHENTICATE => 61,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_indices_agree_with_the_table() {
        for (index, (name, _)) in STATIC.iter().enumerate().skip(FIRST_FIELD) {
            let token = Name::of(name.as_bytes());
            let found = usize::from(index_of(token));
            assert!(found == 0 && token == Name::OTHER || STATIC[found - 1].0 == *name, "{index} {name}");
        }
    }
}
