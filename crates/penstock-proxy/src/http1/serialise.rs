//! Heads and chunk frames as bytes: what is forwarded is always written anew.

use crate::exchange::{Field, Head, Name, Span, Version};

/// Writes `METHOD target HTTP/1.1`.
pub fn write_request_line(out: &mut Vec<u8>, method: &[u8], target: &[&[u8]]) {
    out.extend_from_slice(method);
    out.push(b' ');
    for part in target {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// Writes the status line with the registered reason phrase.
pub fn write_status_line(out: &mut Vec<u8>, version: Version, status: u16) {
    out.extend_from_slice(version.text().as_bytes());
    out.push(b' ');
    write_number(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(reason_phrase(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes the fields that go beyond this hop; framing and connection fields are the caller's.
///
/// Fields of the name `but` are left out too; [`Name::OTHER`] leaves out none.
pub fn write_fields(out: &mut Vec<u8>, head: &Head, but: Name) {
    // `OTHER` stands for no name here.
    let left_out = (OF_ONE_HOP | but.bit()) & !Name::OTHER.bit();
    // Lines that follow one another in the buffer, as most do, are written in one go.
    let mut run = Span::default();
    for field in head.fields() {
        if field.token.bit() & left_out != 0 {
            continue;
        }
        if field.is_canonical && field.name.start == run.end {
            run.end = field.value.end + 2;
            continue;
        }
        out.extend_from_slice(head.bytes(run));
        run = if field.is_canonical { Head::line(field) } else { write_odd_line(out, head, field) };
    }
    out.extend_from_slice(head.bytes(run));
}

/// Writes a line that does not stand in the buffer as it is to be written; gives an empty stretch.
#[cold]
fn write_odd_line(out: &mut Vec<u8>, head: &Head, field: &Field) -> Span {
    out.extend_from_slice(head.bytes(field.name));
    out.extend_from_slice(b": ");
    out.extend_from_slice(head.bytes(field.value));
    out.extend_from_slice(b"\r\n");
    Span::default()
}

/// Fields that speak of this connection or this message's framing only.
pub(crate) const OF_ONE_HOP: u64 = Name::CONNECTION.bit()
    | Name::CONTENT_LENGTH.bit()
    | Name::EXPECT.bit()
    | Name::HTTP2_SETTINGS.bit()
    | Name::KEEP_ALIVE.bit()
    | Name::PROXY_CONNECTION.bit()
    | Name::TE.bit()
    | Name::TRANSFER_ENCODING.bit()
    | Name::UPGRADE.bit();

/// Writes the line that begins a chunk of this size.
pub fn write_chunk_start(out: &mut Vec<u8>, size: usize) {
    let mut digits = [0_u8; 18];
    let (mut at, mut rest) = (16, size);
    digits[16] = b'\r';
    digits[17] = b'\n';
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdef"[rest & 15];
        rest >>= 4;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes a number in decimal.
pub fn write_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The registered reason phrase of a status; empty for one that is not registered.
///
/// Source: IANA HTTP Status Code Registry.
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        511 => "Network Authentication Required",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_decimal_and_hexadecimal() {
        for (number, decimal, hexadecimal) in [(0, "0", "0\r\n"), (9, "9", "9\r\n"), (65536, "65536", "10000\r\n")] {
            let (mut first, mut second) = (Vec::new(), Vec::new());
            write_number(&mut first, number);
            write_chunk_start(&mut second, number as usize);
            assert_eq!((first.as_slice(), second.as_slice()), (decimal.as_bytes(), hexadecimal.as_bytes()));
        }
    }

    #[test]
    fn fields_of_this_hop_are_left_out() {
        let mut head = Head::default();
        for name in ["Host", "Connection", "TE", "Content-Length", "X-A", "Upgrade", "Keep-Alive", "HTTP2-Settings"] {
            head.add(name.as_bytes(), b"1");
        }
        let mut out = Vec::new();
        write_fields(&mut out, &head, Name::OTHER);
        assert_eq!(out, b"Host: 1\r\nX-A: 1\r\n");
    }
}
