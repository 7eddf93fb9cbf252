//! An IP address as text, without an allocation.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

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
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => {
                let mut bytes = [0; MOST_BYTES];
                let mut rest = &mut bytes[..];
                // An address always fits.
                let _ = write!(rest, "{address}");
                let length = (MOST_BYTES - rest.len()) as u8;
                Self { bytes, length }
            }
        }
    }

    /// Formatting by `core::fmt` costs several times as much.
    fn of_v4(address: Ipv4Addr) -> Self {
        let mut text = Self { bytes: [0; MOST_BYTES], length: 0 };
        for octet in address.octets() {
            let (digits, count) = OCTETS[usize::from(octet)];
            let at = usize::from(text.length);
            if let Some(place) = text.bytes.get_mut(at..at + digits.len()) {
                place.copy_from_slice(&digits);
            }
            text.length += count;
        }
        text.length -= 1;
        text
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// Each octet's digits with the dot behind them, and how many bytes that is.
static OCTETS: [([u8; 4], u8); 256] = octets();

const fn octets() -> [([u8; 4], u8); 256] {
    let mut octets = [([0; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let (hundreds, tens, ones) =
            (b'0' + (octet / 100) as u8, b'0' + (octet / 10 % 10) as u8, b'0' + (octet % 10) as u8);
        octets[octet] = match octet {
            0..10 => ([ones, b'.', 0, 0], 2),
            10..100 => ([tens, ones, b'.', 0], 3),
            _ => ([hundreds, tens, ones, b'.'], 4),
        };
        octet += 1;
    }
    octets
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
