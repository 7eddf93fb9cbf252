//! The header that a proxy puts before a connection to say whose it is: read strictly, and written.
//!
//! Source: the PROXY protocol, versions 1 and 2, as `HAProxy` documents it.

mod version1;
mod version2;

use std::net::{IpAddr, SocketAddr};

pub(crate) use version1::write_version1;
pub(crate) use version2::write_version2;

/// Most bytes of a header that are read.
pub(crate) const LONGEST: usize = 4096;

/// Both ends of a connection, as the client sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// The client.
    pub(crate) source: SocketAddr,
    /// What it connected to.
    pub(crate) destination: SocketAddr,
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// The connection is the proxy's own, or nothing is known of its client.
    Nothing,
    /// It is for a client.
    Client(Addresses),
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They do not begin as one does.
    Missing,
    /// They begin as one and do not go on so.
    Malformed,
}

/// Reads the header at the start of what came, and how long it is; none while more is needed, and then all of the
/// bytes belong to it.
///
/// # Errors
/// There is none, or it is malformed.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Said, usize)>, Fault> {
    let begins = |mark: &[u8]| {
        let common = bytes.len().min(mark.len());
        bytes.get(..common) == mark.get(..common)
    };
    match (begins(version1::MARK), begins(version2::MARK)) {
        (true, _) => version1::parse(bytes),
        (_, true) => version2::parse(bytes),
        _ => Err(Fault::Missing),
    }
}

/// The same address without a form that only the network has for it.
fn canonical(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip.to_canonical(), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length and what is said; the text after it must change neither.
    fn read(header: &[u8]) -> Result<Option<(Said, usize)>, Fault> {
        let alone = parse(header);
        if let Ok(Some(_)) = alone {
            assert_eq!(parse(&[header, b"GET / HTTP/1.1\r\n"].concat()), alone);
        }
        for length in 1..header.len() {
            let part = parse(&header[..length]);
            match alone {
                Ok(_) => assert_eq!(part, Ok(None), "the first {length} bytes"),
                Err(fault) => assert!(part == Ok(None) || part == Err(fault), "the first {length} bytes"),
            }
        }
        alone
    }

    fn client(source: &str, destination: &str) -> Said {
        Said::Client(Addresses { source: source.parse().unwrap(), destination: destination.parse().unwrap() })
    }

    #[test]
    fn e4_a_header_is_read_whole_and_not_a_byte_beyond_it() {
        let cases: [(&[u8], Said); 8] = [
            (b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", client("192.0.2.1:56324", "198.51.100.2:443")),
            (b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", client("[2001:db8::1]:1", "[2001:db8::2]:65535")),
            (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 0 1\r\n", client("192.0.2.1:0", "[::1]:1")),
            (b"PROXY UNKNOWN\r\n", Said::Nothing),
            (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", Said::Nothing),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb", {
                client("192.0.2.1:56324", "198.51.100.2:443")
            }),
            (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", Said::Nothing),
            (b"\r\n\r\n\0\r\nQUIT\n\x20\xff\0\x03abc", Said::Nothing),
        ];
        for (header, said) in cases {
            assert_eq!(read(header), Ok(Some((said, header.len()))), "{}", header.escape_ascii());
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let pairs = [
            ("192.0.2.1:1", "127.0.0.1:80"),
            ("[2001:db8::1]:65535", "[::1]:443"),
            ("192.0.2.1:1", "[::1]:443"),
            ("[2001:db8::1]:9", "127.0.0.1:80"),
        ];
        for write in [write_version1, write_version2] {
            for (source, destination) in pairs {
                let Said::Client(addresses) = client(source, destination) else { unreachable!() };
                let mut header = Vec::new();
                write(&mut header, Some(&addresses));
                assert_eq!(read(&header), Ok(Some((Said::Client(addresses), header.len()))));
            }
            let mut header = Vec::new();
            write(&mut header, None);
            assert_eq!(read(&header), Ok(Some((Said::Nothing, header.len()))));
        }
    }

    #[test]
    fn e4_what_is_no_header_is_refused_as_soon_as_that_shows() {
        for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"P", b"PROXX", b"proxy TCP4", b"\r\n\r\nGET", b"\x16\x03\x01", b"\n"]
        {
            let expected = if bytes == b"P" { Ok(None) } else { Err(Fault::Missing) };
            assert_eq!(read(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn whatever_comes_is_judged_without_an_accident() {
        let seeds: [&[u8]; 3] = [
            b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n",
            b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x13\xc0\0\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb\x03\0\x04\xa9\xb8\x7e\x8f",
        ];
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        for _ in 0..20_000 {
            let mut bytes = seeds[random(seeds.len())].to_vec();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                match random(3) {
                    0 => bytes[at] = random(256) as u8,
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, random(256) as u8),
                }
            }
            if let Ok(Some((_, length))) = parse(&bytes) {
                assert!(length <= bytes.len() && length >= 15);
            }
        }
    }
}
