//! Version 2: binary, with further fields behind the addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::version1::wide;
use super::{Addresses, Fault, LONGEST, Said, canonical};

/// How it begins.
pub(super) const MARK: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes before the addresses.
const FIXED: usize = 16;
/// Version 2, for the proxy itself and for a client.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
/// What addresses may be of: nothing that is known, and streams.
const UNKNOWN: u8 = 0x00;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;
const UNIX: u8 = 0x31;
/// The field that holds the header's checksum.
const CHECKSUM: u8 = 0x03;

/// Reads a header that begins with the mark, as far as it is there.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Said, usize)>, Fault> {
    let (command, family) = (bytes.get(MARK.len()), bytes.get(MARK.len() + 1));
    if command.is_some_and(|command| !matches!(*command, LOCAL | PROXY)) {
        return Err(Fault::Malformed);
    }
    let is_local = command == Some(&LOCAL);
    if family.is_some_and(|family| !is_local && !matches!(*family, UNKNOWN | TCP4 | TCP6 | UNIX)) {
        return Err(Fault::Malformed);
    }
    let Some(&[_, family, high, low]) = bytes.get(MARK.len()..).and_then(|rest| rest.first_chunk()) else {
        return Ok(None);
    };
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST {
        return Err(Fault::Malformed);
    }
    let Some(header) = bytes.get(..length) else { return Ok(None) };
    if is_local {
        // Its own: what stands there is to be skipped, whatever it is.
        return Ok(Some((Said::Nothing, length)));
    }
    let said = said(header, family).ok_or(Fault::Malformed)?;
    Ok(Some((said, length)))
}

fn said(header: &[u8], family: u8) -> Option<Said> {
    let rest = header.get(FIXED..)?;
    let (said, taken) = match family {
        TCP4 => (Said::Client(addresses::<4, 12>(rest, |octets| Ipv4Addr::from(octets).into())?), 12),
        TCP6 => (Said::Client(addresses::<16, 36>(rest, |octets| Ipv6Addr::from(octets).into())?), 36),
        UNIX => (Said::Nothing, 216),
        _ => (Said::Nothing, 0),
    };
    // Without a family nothing says where further fields would begin.
    (family == UNKNOWN || are_fields(header, rest.get(taken..)?)).then_some(said)
}

fn addresses<const ADDRESS: usize, const BOTH: usize>(
    bytes: &[u8],
    ip: impl Fn([u8; ADDRESS]) -> IpAddr,
) -> Option<Addresses> {
    let bytes: &[u8; BOTH] = bytes.first_chunk()?;
    let (source, rest) = bytes.split_first_chunk::<ADDRESS>()?;
    let (destination, rest) = rest.split_first_chunk::<ADDRESS>()?;
    let (from, to) = rest.split_first_chunk::<2>()?;
    let to: [u8; 2] = to.try_into().ok()?;
    Some(Addresses {
        source: canonical(ip(*source), u16::from_be_bytes(*from)),
        destination: canonical(ip(*destination), u16::from_be_bytes(to)),
    })
}

/// Whether the bytes are whole fields to the last, and the checksum right that one may hold.
fn are_fields(header: &[u8], mut bytes: &[u8]) -> bool {
    while let Some((&[kind, high, low], rest)) = bytes.split_first_chunk() {
        let Some((value, after)) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low]))) else {
            return false;
        };
        if kind == CHECKSUM {
            let at = header.len() - rest.len();
            let Ok(said) = <[u8; 4]>::try_from(value) else { return false };
            if checksum(header, at..at + said.len()) != u32::from_be_bytes(said) {
                return false;
            }
        }
        bytes = after;
    }
    bytes.is_empty()
}

/// CRC-32C of the header, with zeros where it stands itself. Source: RFC 9260, appendix A.
fn checksum(header: &[u8], own: std::ops::Range<usize>) -> u32 {
    let bytes = header.iter().enumerate().map(|(index, byte)| if own.contains(&index) { 0 } else { *byte });
    let sum = bytes.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0x82f6_3b78 } else { 0 })
    });
    !sum
}

/// Writes the header of a connection; without addresses one that says nothing.
pub(crate) fn write_version2(out: &mut Vec<u8>, addresses: Option<&Addresses>) {
    out.extend_from_slice(MARK);
    let Some(Addresses { source, destination }) = addresses else {
        return out.extend_from_slice(&[LOCAL, UNKNOWN, 0, 0]);
    };
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            out.extend_from_slice(&[PROXY, TCP4, 0, 12]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
        }
        (source, destination) => {
            out.extend_from_slice(&[PROXY, TCP6, 0, 36]);
            out.extend_from_slice(&wide(source).octets());
            out.extend_from_slice(&wide(destination).octets());
        }
    }
    out.extend_from_slice(&source.port().to_be_bytes());
    out.extend_from_slice(&destination.port().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESSES: &[u8] = b"\xc0\0\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb";

    fn header(command: u8, family: u8, length: u16, rest: &[&[u8]]) -> Vec<u8> {
        [MARK, &[command, family], &length.to_be_bytes(), &rest.concat()].concat()
    }

    #[test]
    fn e4_fields_behind_the_addresses_are_bounded_by_the_header() {
        let cases: [(&[u8], bool); 7] = [
            (b"", true),
            (b"\x04\0\0", true),
            (b"\x05\0\x03abc\x04\0\x01x", true),
            (b"\x05\0\x04abc", false),
            (b"\x05\xff\xff", false),
            (b"\x05\0", false),
            (b"\x05", false),
        ];
        for (fields, is_right) in cases {
            let bytes = header(PROXY, TCP4, (12 + fields.len()) as u16, &[ADDRESSES, fields]);
            let found = parse(&[&bytes[..], b"\0\0\0\0payload"].concat());
            assert_eq!(found.is_ok(), is_right, "{}", fields.escape_ascii());
            if let Ok(found) = found {
                assert_eq!(found.map(|(_, length)| length), Some(bytes.len()));
            }
        }
    }

    #[test]
    fn a_checksum_is_compared() {
        for (fields, is_right) in
            [(&b"\x03\0\x04\0\0\0\0"[..], false), (b"\x03\0\x02\0\0", false), (b"\x05\0\x01x\x03\0\x04????", true)]
        {
            let mut bytes = header(PROXY, TCP4, (12 + fields.len()) as u16, &[ADDRESSES, fields]);
            if is_right {
                let at = bytes.len() - 4;
                let sum = checksum(&bytes, at..at + 4);
                bytes[at..].copy_from_slice(&sum.to_be_bytes());
            }
            assert_eq!(parse(&bytes).is_ok(), is_right);
        }
        assert_eq!(checksum(b"123456789", 0..0), 0xe306_9283, "the value that RFCs give");
    }

    #[test]
    fn what_cannot_be_a_stream_of_this_version_is_refused_before_it_has_come() {
        let cases =
            [(0x11, TCP4), (0x31, TCP4), (0x22, TCP4), (PROXY, 0x12), (PROXY, 0x22), (PROXY, 0x41), (PROXY, 0x10)];
        for (command, family) in cases {
            assert_eq!(parse(&header(command, family, 12, &[])), Err(Fault::Malformed), "{command:x} {family:x}");
        }
        assert_eq!(parse(&header(PROXY, TCP4, 4081, &[])), Err(Fault::Malformed), "longer than is read");
        assert_eq!(parse(&header(PROXY, TCP4, 11, &[ADDRESSES])), Err(Fault::Malformed), "shorter than addresses");
        assert_eq!(parse(&header(PROXY, TCP6, 12, &[ADDRESSES])), Err(Fault::Malformed));
        assert_eq!(parse(&header(PROXY, TCP4, 4080, &[])), Ok(None));
    }
}
