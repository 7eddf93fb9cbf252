//! Writes header blocks with the static table alone.

use super::integer;
use super::static_table::index_of;
use crate::exchange::Name;

/// Literal that nobody may put into a table: cookies and credentials (RFC 7541, section 7.1.3).
const NEVER_INDEXED: u8 = 0x10;
const NOT_INDEXED: u8 = 0x00;
/// Indices of the names of pseudo-fields, and of their first values.
const AUTHORITY: u8 = 1;
const METHOD: u8 = 2;
const PATH: u8 = 4;
const SCHEME: u8 = 6;
/// Index of the name `:status`.
const STATUS: usize = 8;

/// Writes the status of an answer.
pub(crate) fn write_status(out: &mut Vec<u8>, status: u16) {
    let index = match status {
        200 => 8,
        204 => 9,
        206 => 10,
        304 => 11,
        400 => 12,
        404 => 13,
        500 => 14,
        _ => {
            integer::write(out, NOT_INDEXED, 4, STATUS);
            out.push(3);
            out.extend([100, 10, 1].map(|unit| b'0' + (status / unit % 10) as u8));
            return;
        }
    };
    out.push(0x80 | index);
}

/// Writes the method of a request.
pub(crate) fn write_method(out: &mut Vec<u8>, method: &[u8]) {
    match method {
        b"GET" => out.push(0x80 | METHOD),
        b"POST" => out.push(0x80 | (METHOD + 1)),
        _ => write_pseudo(out, METHOD, &[method]),
    }
}

/// Writes the scheme of a request.
pub(crate) fn write_scheme(out: &mut Vec<u8>, is_enciphered: bool) {
    out.push(0x80 | (SCHEME + u8::from(is_enciphered)));
}

/// Writes the authority of a request.
pub(crate) fn write_authority(out: &mut Vec<u8>, authority: &[u8]) {
    write_pseudo(out, AUTHORITY, &[authority]);
}

/// Writes the target of a request, which comes in parts.
pub(crate) fn write_path(out: &mut Vec<u8>, parts: &[&[u8]]) {
    write_pseudo(out, PATH, parts);
}

fn write_pseudo(out: &mut Vec<u8>, index: u8, parts: &[&[u8]]) {
    integer::write(out, NOT_INDEXED, 4, usize::from(index));
    integer::write(out, 0, 7, parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Writes a field; its name becomes small letters.
pub(crate) fn write_field(out: &mut Vec<u8>, token: Name, name: &[u8], value: &[u8]) {
    let is_secret = matches!(token, Name::SET_COOKIE | Name::COOKIE | Name::AUTHORIZATION);
    let pattern = if is_secret { NEVER_INDEXED } else { NOT_INDEXED };
    match index_of(token) {
        0 => {
            out.push(pattern);
            integer::write(out, 0, 7, name.len());
            out.extend(name.iter().map(u8::to_ascii_lowercase));
        }
        index => integer::write(out, pattern, 4, usize::from(index)),
    }
    integer::write(out, 0, 7, value.len());
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::super::Decoder;
    use super::*;

    #[test]
    fn what_is_written_is_decoded_to_the_same() {
        let long = vec![b'v'; 300];
        let fields: [(&[u8], &[u8]); 4] =
            [(b"content-type", b"text/html"), (b"X-Custom", b""), (b"set-cookie", b"a=b"), (b"x-long", &long)];
        let mut block = Vec::new();
        write_status(&mut block, 200);
        write_status(&mut block, 418);
        for (name, value) in fields {
            write_field(&mut block, Name::of(name), name, value);
        }
        let mut found = Vec::new();
        let mut decoder = Decoder::default();
        decoder.decode(&block, |line| found.push((line.name.to_vec(), line.value.to_vec()))).unwrap();
        let mut expected = vec![(b":status".to_vec(), b"200".to_vec()), (b":status".to_vec(), b"418".to_vec())];
        expected.extend(fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())));
        assert_eq!(found, expected);
    }
}
