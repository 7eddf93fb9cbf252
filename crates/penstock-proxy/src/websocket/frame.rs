//! Heads of frames, and the control frames that the gateway itself sends.

/// Who sends a frame: the one masks, the other must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Whoever opened the connection.
    Client,
    /// Whoever accepted it.
    Server,
}

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Violation {
    /// It breaks the protocol.
    Malformed,
    /// It, or its message, is larger than allowed.
    TooLarge,
}

impl Violation {
    /// The code of the close that tells of it.
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::Malformed => 1002,
            Self::TooLarge => 1009,
        }
    }
}

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// More of a message.
    Continuation,
    /// A message's beginning.
    Data,
    /// The last frame of a direction.
    Close,
    /// Ping or pong.
    Beat,
    /// None that is known.
    Reserved,
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHead {
    /// What it carries.
    pub(super) kind: Kind,
    /// Whether its message ends with it.
    pub(super) is_final: bool,
    /// Whether its payload is masked.
    pub(super) is_masked: bool,
    /// Whether its length is written as short as can be.
    pub(super) is_shortest: bool,
    /// Length of the head.
    pub(super) head_bytes: usize,
    /// Length of the payload.
    pub(super) payload_bytes: u64,
}

impl FrameHead {
    /// The head at the start of some bytes; none where it is not all there.
    ///
    /// # Errors
    /// Its length is none.
    ///
    /// Source: RFC 6455, section 5.2.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, Violation> {
        let Some([first, second]) = bytes.first_chunk() else { return Ok(None) };
        let (rest, is_masked) = (bytes.get(2..).unwrap_or_default(), second & 0x80 != 0);
        let (length_bytes, payload_bytes, least) = match second & 0x7f {
            126 => match rest.first_chunk() {
                Some(length) => (2, u64::from(u16::from_be_bytes(*length)), 126),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(length) => (8, u64::from_be_bytes(*length), 1 << 16),
                None => return Ok(None),
            },
            length => (0, u64::from(length), 0),
        };
        if payload_bytes >> 63 != 0 {
            return Err(Violation::Malformed);
        }
        let head_bytes = 2 + length_bytes + if is_masked { 4 } else { 0 };
        let kind = kind(first & 0x0f);
        let (is_final, is_shortest) = (first & 0x80 != 0, payload_bytes >= least);
        let head = Self { kind, is_final, is_masked, is_shortest, head_bytes, payload_bytes };
        Ok((bytes.len() >= head_bytes).then_some(head))
    }

    /// Whether it is a frame that that side may send anywhere.
    pub(super) fn is_allowed(&self, sender: Sender) -> bool {
        let fits = match self.kind {
            Kind::Continuation | Kind::Data => true,
            Kind::Close | Kind::Beat => self.is_final && self.payload_bytes <= 125,
            Kind::Reserved => false,
        };
        fits && self.is_shortest && self.is_masked == (sender == Sender::Client)
    }
}

fn kind(opcode: u8) -> Kind {
    match opcode {
        0 => Kind::Continuation,
        1 | 2 => Kind::Data,
        8 => Kind::Close,
        9 | 10 => Kind::Beat,
        _ => Kind::Reserved,
    }
}

/// A close with a code, as that side sends it.
///
/// The mask is zero: it guards intermediaries against what scripts choose to send, and nobody chose this.
pub(crate) fn close_frame(sender: Sender, code: u16) -> Vec<u8> {
    let mut frame = control(sender, 0x88, 2);
    frame.extend_from_slice(&code.to_be_bytes());
    frame
}

/// A ping without payload, as that side sends it.
pub(crate) fn ping_frame(sender: Sender) -> Vec<u8> {
    control(sender, 0x89, 0)
}

fn control(sender: Sender, first: u8, length: u8) -> Vec<u8> {
    match sender {
        Sender::Client => vec![first, 0x80 | length, 0, 0, 0, 0],
        Sender::Server => vec![first, length],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_all_of_it_is_there() {
        for (bytes, head_bytes, payload_bytes) in [
            (&[0x81, 5][..], 2, 5),
            (&[0x81, 0x85, 1, 2, 3, 4], 6, 5),
            (&[0x82, 126, 1, 0], 4, 256),
            (&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 9, 9, 9, 9], 14, 1 << 16),
        ] {
            for cut in 0..bytes.len() {
                assert_eq!(FrameHead::parse(&bytes[..cut]), Ok(None), "{cut} bytes of {bytes:?}");
            }
            let head = FrameHead::parse(bytes).unwrap().unwrap();
            assert_eq!((head.head_bytes, head.payload_bytes), (head_bytes, payload_bytes));
        }
    }

    #[test]
    fn a_length_of_two_to_the_63rd_is_none() {
        assert_eq!(FrameHead::parse(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]), Err(Violation::Malformed));
    }

    #[test]
    fn control_frames_of_the_gateway_are_frames() {
        for sender in [Sender::Client, Sender::Server] {
            for (frame, payload) in [(close_frame(sender, 1001), 2), (ping_frame(sender), 0)] {
                let head = FrameHead::parse(&frame).unwrap().unwrap();
                assert!(head.is_allowed(sender));
                assert_eq!((head.payload_bytes, frame.len() - head.head_bytes), (payload, payload as usize));
            }
            assert!(close_frame(sender, 1001).ends_with(&[3, 0xe9]));
        }
    }
}
