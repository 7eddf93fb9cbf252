//! Writes header blocks with the static table alone.

use super::static_table::index_of;
use crate::exchange::Name;
use crate::http2::integer;

/// A line of the static table.
const LINE: u8 = 0xc0;
/// A value behind a name of the static table.
const NAMED: u8 = 0x50;
/// A value behind a name that is spelt out.
const SPELT: u8 = 0x20;
/// Nobody may put it into a table: cookies and credentials (RFC 9204, section 7.1.3), behind either form of name.
const NEVER_INDEXED_NAMED: u8 = 0x20;
const NEVER_INDEXED_SPELT: u8 = 0x10;
/// An index of the name `:status`.
const STATUS: usize = 24;

/// Begins a block that needs no other.
pub(crate) fn write_prefix(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, 0]);
}

/// Writes the status of an answer.
pub(crate) fn write_status(out: &mut Vec<u8>, status: u16) {
    let index = match status {
        103 => 24,
        200 => 25,
        304 => 26,
        404 => 27,
        503 => 28,
        100 => 63,
        204 => 64,
        206 => 65,
        302 => 66,
        400 => 67,
        403 => 68,
        421 => 69,
        425 => 70,
        500 => 71,
        _ => {
            integer::write(out, NAMED, 4, STATUS);
            out.push(3);
            out.extend([100, 10, 1].map(|unit| b'0' + (status / unit % 10) as u8));
            return;
        }
    };
    integer::write(out, LINE, 6, index);
}

/// Writes a field; its name becomes small letters.
pub(crate) fn write_field(out: &mut Vec<u8>, token: Name, name: &[u8], value: &[u8]) {
    let is_secret = matches!(token, Name::SET_COOKIE | Name::COOKIE | Name::AUTHORIZATION);
    if let Some(index) = index_of(token) {
        integer::write(out, NAMED | if is_secret { NEVER_INDEXED_NAMED } else { 0 }, 4, index);
    } else {
        integer::write(out, SPELT | if is_secret { NEVER_INDEXED_SPELT } else { 0 }, 3, name.len());
        out.extend(name.iter().map(u8::to_ascii_lowercase));
    }
    integer::write(out, 0, 7, value.len());
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::super::decode;
    use super::*;

    #[test]
    fn what_is_written_is_decoded_to_the_same() {
        let long = vec![b'v'; 300];
        let fields: [(&[u8], &[u8]); 5] = [
            (b"content-type", b"text/html"),
            (b"X-Custom-Name", b""),
            (b"set-cookie", b"a=b"),
            (b"x-long", &long),
            (b"user-agent", b"u"),
        ];
        let mut block = Vec::new();
        write_prefix(&mut block);
        let statuses = [100, 103, 200, 204, 206, 302, 304, 400, 403, 404, 418, 421, 425, 500, 503];
        for status in statuses {
            write_status(&mut block, status);
        }
        for (name, value) in fields {
            write_field(&mut block, Name::of(name), name, value);
        }
        let mut found = Vec::new();
        decode(&block, &mut Vec::new(), |line| found.push((line.name.to_vec(), line.value.to_vec()))).unwrap();
        let statuses = statuses.iter().map(|status| (b":status".to_vec(), status.to_string().into_bytes()));
        let mut expected: Vec<_> = statuses.collect();
        expected.extend(fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())));
        assert_eq!(found, expected);
    }
}
