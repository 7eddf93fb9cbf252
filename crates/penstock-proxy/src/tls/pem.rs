//! Text armour of certificates and keys, read so that a mistake has a line.
//!
//! Source: RFC 7468.

/// One armoured block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// What it says it is: `CERTIFICATE`, `PRIVATE KEY`.
    pub(super) label: String,
    /// Its bytes.
    pub(super) der: Vec<u8>,
    /// Line of its beginning, from 1.
    pub(super) line: usize,
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The blocks of a text; what stands between them is no concern of anybody.
///
/// # Errors
/// One sentence with the line, never with what stands there: it may be a key.
pub(super) fn sections(text: &str) -> Result<Vec<Section>, String> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    while let Some((line, content)) = lines.next() {
        if let Some(label) = label(content, BEGIN) {
            let der = block(label, line, &mut lines)?;
            found.push(Section { label: label.to_owned(), der, line });
        } else if content.starts_with(END) {
            return Err(format!("line {line}: an end without a beginning"));
        }
    }
    Ok(found)
}

fn block<'a>(
    label_begun: &str,
    begun: usize,
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<Vec<u8>, String> {
    let mut bits = Bits::default();
    for (line, content) in lines {
        if let Some(label) = label(content, END) {
            return match (label == label_begun, bits.is_whole()) {
                (false, _) => Err(format!("line {line}: ends another block than line {begun} begins")),
                (true, false) => Err(format!("line {line}: the block ends in the middle of a byte")),
                (true, true) => Ok(bits.bytes),
            };
        }
        if content.starts_with(BEGIN) {
            return Err(format!("line {line}: the block of line {begun} has not ended"));
        }
        // Old keys have fields before their bytes, and they say that the bytes are encrypted.
        if content.starts_with("Proc-Type:") {
            return Err(format!("line {line}: the key is encrypted"));
        }
        if !content.bytes().all(|letter| bits.push(letter)) {
            return Err(format!("line {line}: not base64"));
        }
    }
    Err(format!("line {begun}: the block that begins here does not end"))
}

fn label<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix(DASHES)
}

/// Bytes as they come out of base64.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
    padding: u32,
}

impl Bits {
    fn push(&mut self, letter: u8) -> bool {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' if self.padding < 2 => {
                self.padding += 1;
                return true;
            }
            _ => return false,
        };
        if self.padding > 0 {
            return false;
        }
        self.held = (self.held << 6 | u32::from(value)) & 0xff_ffff;
        self.count += 6;
        if self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.held >> self.count) as u8);
        }
        true
    }

    /// Whether letters and padding make whole bytes.
    fn is_whole(&self) -> bool {
        let is_zero = self.held & ((1 << self.count) - 1) == 0;
        is_zero && self.count == self.padding * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armoured(body: &str) -> Result<Vec<u8>, String> {
        let mut found = sections(&format!("words before\n-----BEGIN X-----\n{body}\n-----END X-----\n"))?;
        Ok(found.remove(0).der)
    }

    #[test]
    fn base64_is_read_strictly() {
        for (text, bytes) in
            [("", &b""[..]), ("Zg==", b"f"), ("Zm8=", b"fo"), ("Zm9v", b"foo"), ("Zm9v\nYmFy", b"foobar")]
        {
            assert_eq!(armoured(text).as_deref(), Ok(bytes), "{text}");
        }
        for (text, expected) in [
            ("Zm 9v", "line 3: not base64"),
            ("Zm9v\n?", "line 4: not base64"),
            ("Zg==Zg==", "line 3: not base64"),
            ("Zg", "line 4: the block ends in the middle of a byte"),
            ("Zh==", "line 4: the block ends in the middle of a byte"),
        ] {
            assert_eq!(armoured(text), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_mistake_in_the_armour_has_a_line() {
        for (text, expected) in [
            ("-----END X-----", "line 1: an end without a beginning"),
            ("\n-----BEGIN X-----\nZm9v", "line 2: the block that begins here does not end"),
            ("-----BEGIN X-----\n-----END Y-----", "line 2: ends another block than line 1 begins"),
            ("-----BEGIN X-----\n-----BEGIN X-----", "line 2: the block of line 1 has not ended"),
            ("-----BEGIN X-----\nProc-Type: 4,ENCRYPTED", "line 2: the key is encrypted"),
        ] {
            assert_eq!(sections(text), Err(expected.to_owned()));
        }
    }

    #[test]
    fn several_blocks_keep_their_order_and_lines() {
        let text = "-----BEGIN A-----\r\nZg==\r\n-----END A-----\r\n\r\n-----BEGIN B-----\r\n-----END B-----";
        let found = sections(text).unwrap();
        let seen: Vec<_> = found.iter().map(|one| (one.label.as_str(), one.line)).collect();
        assert_eq!(seen, [("A", 1), ("B", 5)]);
    }
}
