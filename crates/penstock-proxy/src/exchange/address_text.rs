//! An IP address as text, without an allocation.

use std::io::Write;
use std::net::IpAddr;

/// Longest text of an address: an IPv6 one with an embedded IPv4 one.
const MOST_BYTES: usize = 46;

/// The text of an address.
#[derive(Debug, Clone, Copy)]
pub struct AddressText {
    bytes: [u8; MOST_BYTES],
    length: u8,
}

impl AddressText {
    /// The canonical text of an address.
    pub fn of(address: IpAddr) -> Self {
        let mut bytes = [0; MOST_BYTES];
        let mut rest = &mut bytes[..];
        // An address always fits.
        let _ = match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                write_octet(&mut rest, a, b".")
                    .and_then(|()| write_octet(&mut rest, b, b"."))
                    .and_then(|()| write_octet(&mut rest, c, b"."))
                    .and_then(|()| write_octet(&mut rest, d, b""))
            }
            IpAddr::V6(address) => write!(rest, "{address}"),
        };
        let length = (MOST_BYTES - rest.len()) as u8;
        Self { bytes, length }
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// Formatting by `core::fmt` costs several times as much.
fn write_octet(out: &mut impl Write, octet: u8, after: &[u8]) -> std::io::Result<()> {
    let digits = [b'0' + octet / 100, b'0' + octet / 10 % 10, b'0' + octet % 10];
    let first = if octet >= 100 {
        0
    } else if octet >= 10 {
        1
    } else {
        2
    };
    out.write_all(digits.get(first..).unwrap_or_default())?;
    out.write_all(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_canonical_one() {
        for text in ["0.0.0.0", "10.20.30.255", "100.9.99.1", "::1", "2001:db8::ff00:42:8329"] {
            assert_eq!(AddressText::of(text.parse().unwrap()).as_bytes(), text.as_bytes());
        }
        let long = "abcd:abcd:abcd:abcd:abcd:abcd:abcd:abcd";
        assert_eq!(AddressText::of(long.parse().unwrap()).as_bytes(), long.as_bytes());
    }
}
