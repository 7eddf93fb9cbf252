//! A lenient reader of requests, as careless servers are: bare line feeds end lines, numbers
//! are read as far as they go, and chunks win over a length.

/// Every request in a capture: target and body. What is left over at the end counts as one more.
pub(crate) fn lenient_requests(mut bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    while !bytes.iter().all(u8::is_ascii_whitespace) {
        let (head, rest) = split_head(bytes);
        let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let start = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
        let target = start.split_whitespace().nth(1).unwrap_or_default().to_owned();
        let (mut length, mut is_chunked) = (0, false);
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let (name, value) = line.split_at(colon);
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            let name = name.trim_ascii().to_ascii_lowercase();
            is_chunked |=
                is(&name, b"transfer-encoding") && value.to_ascii_lowercase().windows(7).any(|part| part == b"chunked");
            if is(&name, b"content-length") {
                length = number(value, 10);
            }
        }
        let (body, used) = if is_chunked { chunks(rest) } else { plain(rest, length) };
        found.push((target, body));
        bytes = &rest[used..];
    }
    found
}

/// Underscores and hyphens are one to a server that makes variables of its fields.
fn is(name: &[u8], wanted: &[u8]) -> bool {
    name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).eq(wanted.iter().copied())
}

fn split_head(bytes: &[u8]) -> (&[u8], &[u8]) {
    for at in 0..bytes.len() {
        for end in [&b"\n\n"[..], b"\n\r\n"] {
            if bytes[at..].starts_with(end) {
                return (&bytes[..at], &bytes[at + end.len()..]);
            }
        }
    }
    (bytes, &[])
}

fn plain(bytes: &[u8], length: usize) -> (Vec<u8>, usize) {
    let length = length.min(bytes.len());
    (bytes[..length].to_vec(), length)
}

fn chunks(bytes: &[u8]) -> (Vec<u8>, usize) {
    let (mut at, mut body) = (0, Vec::new());
    loop {
        let end = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| at + end + 1);
        let size = number(bytes[at..end].trim_ascii(), 16);
        at = end;
        let data_end = (at + size).min(bytes.len());
        body.extend_from_slice(&bytes[at..data_end]);
        at = data_end;
        let line_end = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| at + end + 1);
        at = line_end;
        if size == 0 || at == bytes.len() {
            return (body, at);
        }
    }
}

/// The longest number that the text begins with.
fn number(text: &[u8], radix: u32) -> usize {
    let digits = text.iter().map_while(|byte| char::from(*byte).to_digit(radix));
    digits.fold(0_usize, |sum, digit| sum.saturating_mul(radix as usize).saturating_add(digit as usize))
}
