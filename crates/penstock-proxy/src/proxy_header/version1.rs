//! Version 1: a line of text.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Addresses, Fault, Said, canonical};

/// How it begins.
pub(super) const MARK: &[u8] = b"PROXY ";
/// Longest line, its end included.
const LONGEST: usize = 107;

/// Reads a line that begins with the mark, as far as it is there.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Said, usize)>, Fault> {
    let start = bytes.get(..bytes.len().min(LONGEST)).unwrap_or_default();
    let Some(end) = start.iter().position(|byte| *byte == b'\n') else {
        let is_wrong = start.len() == LONGEST || start.iter().rev().skip(1).any(|byte| *byte == b'\r');
        return if is_wrong { Err(Fault::Malformed) } else { Ok(None) };
    };
    let line = start.get(MARK.len()..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Fault::Malformed)?;
    let line = str::from_utf8(line).ok().filter(|line| !line.contains('\r')).ok_or(Fault::Malformed)?;
    said(line).map(|said| Some((said, end + 1))).ok_or(Fault::Malformed)
}

fn said(line: &str) -> Option<Said> {
    let (family, rest) = line.split_once(' ').unwrap_or((line, ""));
    if family == "UNKNOWN" {
        return Some(Said::Nothing);
    }
    let mut words = rest.split(' ');
    let mut next = || words.next();
    let (source, destination) = (address(family, next()?)?, address(family, next()?)?);
    let (from, to) = (port(next()?)?, port(next()?)?);
    let is_all = next().is_none();
    let addresses = Addresses { source: canonical(source, from), destination: canonical(destination, to) };
    is_all.then_some(Said::Client(addresses))
}

fn address(family: &str, text: &str) -> Option<IpAddr> {
    match family {
        "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => None,
    }
}

/// A port as it is written: no sign, no zero before it.
fn port(text: &str) -> Option<u16> {
    let is_plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    text.parse().ok().filter(|_| is_plain)
}

/// Writes the line of a connection; without addresses one that says nothing.
pub(crate) fn write_version1(out: &mut Vec<u8>, addresses: Option<&Addresses>) {
    let Some(Addresses { source, destination }) = addresses else {
        return out.extend_from_slice(b"PROXY UNKNOWN\r\n");
    };
    let (from, to) = (source.port(), destination.port());
    // Nothing that is written to memory fails.
    let _ = match (source.ip(), destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            write!(out, "PROXY TCP4 {source} {destination} {from} {to}\r\n")
        }
        (source, destination) => {
            let (source, destination) = (wide(source), wide(destination));
            write!(out, "PROXY TCP6 {source} {destination} {from} {to}\r\n")
        }
    };
}

/// An address as one of IPv6: both of a header are of one family.
pub(super) fn wide(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e4_a_line_that_is_not_exactly_right_is_refused() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
        assert_eq!(long.len(), LONGEST + 1);
        let cases = [
            "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\rX\r\n",
            "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
            "PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n",
            "PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n",
            "PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP6 192.0.2.1 ::1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
            "PROXY UNKNOWNX\r\n",
            "PROXY \r\n",
            "PROXY\r\n\r\n",
            long.as_str(),
        ];
        for line in cases {
            let found = super::super::parse(line.as_bytes());
            assert!(found.is_err(), "{line:?}: {found:?}");
        }
    }
}
