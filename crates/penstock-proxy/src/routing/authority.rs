//! The parser of authorities: a `Host` field's value or an absolute target's.

use std::fmt::Write as _;
use std::net::Ipv6Addr;

/// Longest authority; a DNS name has 253 bytes at most (RFC 1035, section 2.3.4).
const LONGEST: usize = 255;

/// Why an authority is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityProblem {
    /// There is no host.
    #[error("host is empty")]
    Empty,
    /// It has more than 255 bytes.
    #[error("host is too long")]
    TooLong,
    /// A byte that no host name has, or an empty label.
    #[error("host is not a name or an address")]
    BadHost,
    /// What stands in brackets is no IPv6 address.
    #[error("host is not an IPv6 address in brackets")]
    BadAddress,
    /// Not a number from 0 to 65535.
    #[error("port is not a number from 0 to 65535")]
    BadPort,
}

impl AuthorityProblem {
    /// The stable word for logs and counters.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "host_empty",
            Self::TooLong => "host_too_long",
            Self::BadHost => "host_bad_name",
            Self::BadAddress => "host_bad_address",
            Self::BadPort => "host_bad_port",
        }
    }
}

/// Writes the host of an authority into `host`, whose old text goes, and gives the port.
///
/// The host is in lower case and without a final dot; an IPv6 address stands in brackets
/// in its shortest form, so that each has one spelling. A name is letters, digits, `-`,
/// `_` and single dots: user information, lists, escapes and other alphabets (which travel
/// as `xn--`) are refused. After a problem `host` is empty.
///
/// Shape: `name`, `name:port`, `name:` (no port), `1.2.3.4:port`, `[v6]:port`.
/// Source: RFC 3986, section 3.2; RFC 9110, section 4.2.3.
pub fn parse_authority(raw: &[u8], host: &mut String) -> Result<Option<u16>, AuthorityProblem> {
    host.clear();
    if raw.len() > LONGEST {
        return Err(AuthorityProblem::TooLong);
    }
    let parsed = match raw.split_first() {
        None => Err(AuthorityProblem::Empty),
        Some((b'[', inside)) => parse_bracketed(inside, host),
        Some(_) => parse_name(raw, host),
    };
    if parsed.is_err() {
        host.clear();
    }
    parsed
}

fn parse_bracketed(inside: &[u8], host: &mut String) -> Result<Option<u16>, AuthorityProblem> {
    let mut parts = inside.splitn(2, |byte| *byte == b']');
    let (Some(address), Some(behind)) = (parts.next(), parts.next()) else { return Err(AuthorityProblem::BadAddress) };
    let address = str::from_utf8(address).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
    let address = address.ok_or(AuthorityProblem::BadAddress)?;
    write!(host, "[{address}]").map_err(|_| AuthorityProblem::BadAddress)?;
    match behind.split_first() {
        None => Ok(None),
        Some((b':', digits)) => parse_port(digits),
        Some(_) => Err(AuthorityProblem::BadAddress),
    }
}

fn parse_name(raw: &[u8], host: &mut String) -> Result<Option<u16>, AuthorityProblem> {
    let colon = memchr::memchr(b':', raw).unwrap_or(raw.len());
    let (name, behind) = raw.split_at_checked(colon).ok_or(AuthorityProblem::BadHost)?;
    let name = name.strip_suffix(b".").unwrap_or(name);
    if name.is_empty() {
        return Err(AuthorityProblem::Empty);
    }
    let mut previous = b'.';
    for &byte in name {
        let is_fine = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && previous != b'.');
        if !is_fine {
            return Err(AuthorityProblem::BadHost);
        }
        previous = byte;
    }
    if previous == b'.' {
        return Err(AuthorityProblem::BadHost);
    }
    host.push_str(str::from_utf8(name).map_err(|_| AuthorityProblem::BadHost)?);
    host.make_ascii_lowercase();
    parse_port(behind.strip_prefix(b":").unwrap_or_default())
}

fn parse_port(digits: &[u8]) -> Result<Option<u16>, AuthorityProblem> {
    if digits.is_empty() {
        return Ok(None);
    }
    // More digits than 65535 has are a number in disguise, not a port.
    if digits.len() > 5 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(AuthorityProblem::BadPort);
    }
    let number = digits.iter().fold(0, |number: u32, digit| number * 10 + u32::from(digit - b'0'));
    u16::try_from(number).map(Some).map_err(|_| AuthorityProblem::BadPort)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parsed<'a> = Result<(&'a str, Option<u16>), AuthorityProblem>;

    #[track_caller]
    fn check(raw: &[u8], expected: Parsed<'_>) {
        let mut host = String::from("left over");
        let port = parse_authority(raw, &mut host);
        assert_eq!(port.map(|port| (host.as_str(), port)), expected, "{}", raw.escape_ascii());
        assert!(expected.is_ok() || host.is_empty(), "a refused host leaves no text");
    }

    #[test]
    fn d10_every_form_of_a_host_gives_one_spelling() {
        let cases: &[(&str, &str, Option<u16>)] = &[
            ("a.example", "a.example", None),
            ("A.Example.", "a.example", None),
            ("a.example:443", "a.example", Some(443)),
            ("a.example.:0080", "a.example", Some(80)),
            ("a.example:", "a.example", None),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
            ("my_service:9000", "my_service", Some(9000)),
            ("127.0.0.1:8080", "127.0.0.1", Some(8080)),
            ("[::1]", "[::1]", None),
            ("[0:0:0:0:0:0:0:1]:443", "[::1]", Some(443)),
            ("[2001:DB8::A]", "[2001:db8::a]", None),
            ("a:0", "a", Some(0)),
            ("a:65535", "a", Some(65535)),
        ];
        for (raw, host, port) in cases {
            check(raw.as_bytes(), Ok((host, *port)));
        }
    }

    #[test]
    fn a34_a_host_that_is_no_host_is_refused() {
        use AuthorityProblem::{BadAddress, BadHost, BadPort, Empty, TooLong};
        let cases: &[(&[u8], AuthorityProblem)] = &[
            (b"", Empty),
            (b".", Empty),
            (b":80", Empty),
            (b"a,b", BadHost),
            (b"u@a", BadHost),
            (b"u:p@a", BadPort),
            (b"a/b", BadHost),
            (b"a b", BadHost),
            (b" a", BadHost),
            (b"a\x00b", BadHost),
            (b"a\r\nb", BadHost),
            (b"a\\b", BadHost),
            (b"a?b", BadHost),
            (b"a#b", BadHost),
            (b"a%2eb", BadHost),
            (b"*.a", BadHost),
            (b"b\xc3\xbccher.example", BadHost),
            (b"a..b", BadHost),
            (b".a", BadHost),
            (b"a..", BadHost),
            (b"a]", BadHost),
            (b"[::1", BadAddress),
            (b"[]", BadAddress),
            (b"[::1]x", BadAddress),
            (b"[::1%25eth0]", BadAddress),
            (b"[1.2.3.4]", BadAddress),
            (b"[v1.a]", BadAddress),
            (b"[\xff]", BadAddress),
            (b"::1", Empty),
            (b"2001:db8::1", BadPort),
            (b"a:99999", BadPort),
            (b"a:65536", BadPort),
            (b"a:+80", BadPort),
            (b"a:-1", BadPort),
            (b"a:80:80", BadPort),
            (b"a:000080", BadPort),
            (b"[::1]:x", BadPort),
            (&[b'a'; 256], TooLong),
        ];
        for (raw, problem) in cases {
            check(raw, Err(*problem));
        }
    }

    #[test]
    fn a34_a_host_of_the_greatest_length_is_accepted_and_no_longer_one() {
        let longest = "a".repeat(LONGEST);
        check(longest.as_bytes(), Ok((&longest, None)));
        check("a".repeat(65_536).as_bytes(), Err(AuthorityProblem::TooLong));
    }
}
