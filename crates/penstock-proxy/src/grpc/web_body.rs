//! The body of an answer as gRPC-Web has it: messages as they are or in base64, and the status as its end.
//!
//! Source: `PROTOCOL-WEB.md` of the gRPC project.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Call;
use crate::exchange::Head;

/// Marks the frame that holds the status.
const STATUS_FRAME: u8 = 0x80;
/// Bytes that are put into base64 at once; clients take pieces with filling in between.
const PIECE_BYTES: usize = 12 << 10;

/// How the body of an answer is changed on its way.
#[derive(Debug, Default)]
pub(crate) struct WebBody {
    is_text: bool,
    /// A piece in base64 of which not all has left.
    piece: Vec<u8>,
    sent: usize,
    /// Bytes of the body that the piece stands for.
    of_bytes: usize,
}

impl WebBody {
    pub(crate) fn new(call: Call) -> Self {
        Self { is_text: call == Call::WebText, ..Self::default() }
    }

    /// Whether messages change at all.
    pub(crate) fn is_text(&self) -> bool {
        self.is_text
    }

    /// What is to be sent next, for bytes of the body that have not been sent.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> &[u8] {
        if self.piece.is_empty() {
            let bytes = bytes.get(..bytes.len().min(PIECE_BYTES)).unwrap_or_default();
            self.of_bytes = bytes.len();
            self.piece = STANDARD.encode(bytes).into_bytes();
        }
        self.piece.get(self.sent..).unwrap_or_default()
    }

    /// Notes that so much was sent; gives the bytes of the body that have left with it.
    pub(crate) fn sent(&mut self, count: usize) -> usize {
        self.sent += count;
        if self.sent < self.piece.len() {
            return 0;
        }
        self.piece.clear();
        self.sent = 0;
        std::mem::take(&mut self.of_bytes)
    }

    /// The end of the body: the fields that would stand behind it.
    pub(crate) fn end(&self, trailers: &Head) -> Vec<u8> {
        let mut lines = Vec::new();
        for (name, value) in trailers.iter() {
            lines.extend(name.iter().map(u8::to_ascii_lowercase));
            lines.extend_from_slice(b": ");
            lines.extend_from_slice(value);
            lines.extend_from_slice(b"\r\n");
        }
        let mut frame = vec![STATUS_FRAME];
        frame.extend_from_slice(&(lines.len() as u32).to_be_bytes());
        frame.extend_from_slice(&lines);
        if self.is_text { STANDARD.encode(frame).into_bytes() } else { frame }
    }
}

/// The messages of a request in base64, which may have filling in between; none where it is something else.
pub(crate) fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut rest = text;
    while !rest.is_empty() {
        // A piece ends with its filling, or with the text.
        let end = rest.iter().position(|byte| *byte == b'=').map_or(rest.len(), |filling| filling / 4 * 4 + 4);
        let (piece, after) = rest.split_at_checked(end)?;
        STANDARD.decode_vec(piece, &mut bytes).ok()?;
        rest = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_with_filling_in_between_and_strictly() {
        for (text, expected) in [
            ("", Some("")),
            ("Zm9v", Some("foo")),
            ("Zg==", Some("f")),
            ("Zm8=YmFy", Some("fobar")),
            ("Zg==Zm8=", Some("ffo")),
            ("Zg=", None),
            ("Zg", None),
            ("Z===", None),
            ("Zm9v\n", None),
            ("====", None),
        ] {
            assert_eq!(decoded(text.as_bytes()).as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn a_body_in_base64_is_read_back_however_little_of_it_is_taken() {
        let body: Vec<u8> = (0..40_000_u32).map(|number| number as u8).collect();
        for most in [1, 7, 100_000] {
            let (mut web, mut rest, mut out) = (WebBody::new(Call::WebText), &body[..], Vec::new());
            while !rest.is_empty() {
                let piece = web.next(rest);
                let count = piece.len().min(most);
                out.extend_from_slice(&piece[..count]);
                rest = &rest[web.sent(count)..];
            }
            assert_eq!(decoded(&out).as_deref(), Some(&body[..]), "{most}");
        }
    }

    #[test]
    fn the_end_is_a_frame_of_lines() {
        let mut trailers = Head::default();
        trailers.add(b"Grpc-Status", b"0");
        trailers.add(b"sum", b"5");
        let expected = b"\x80\0\0\0\x18grpc-status: 0\r\nsum: 5\r\n";
        assert_eq!(WebBody::new(Call::Web).end(&trailers), expected);
        let text = WebBody::new(Call::WebText).end(&trailers);
        assert_eq!(decoded(&text).as_deref(), Some(&expected[..]));
    }
}
