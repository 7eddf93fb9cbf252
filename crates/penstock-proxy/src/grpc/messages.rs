//! The messages in a body: each has its length before it.
//!
//! Source: `PROTOCOL-HTTP2.md` of the gRPC project, "Length-Prefixed-Message".

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageFault {
    /// It is larger than allowed.
    #[error("a message is larger than allowed")]
    TooLarge,
    /// It says that it is compressed, and nothing says how.
    #[error("a message is compressed and grpc-encoding does not say how")]
    Compressed,
    /// It says neither that it is nor that it is not.
    #[error("a message begins with neither 0 nor 1")]
    Malformed,
}

/// Follows the messages of a body by their prefixes; nothing is copied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Messages {
    limit: u64,
    is_encoded: bool,
    prefix: [u8; PREFIX_BYTES],
    seen: usize,
    /// Bytes of the message that are still to come.
    left: u64,
}

impl Messages {
    /// Of a body whose messages may be so large, and compressed if the head says how.
    pub(crate) fn new(limit: u64, is_encoded: bool) -> Self {
        Self { limit, is_encoded, prefix: [0; PREFIX_BYTES], seen: 0, left: 0 }
    }

    /// Takes note of the bytes that come next.
    ///
    /// # Errors
    /// A message begins in them that is refused.
    pub(crate) fn follow(&mut self, mut bytes: &[u8]) -> Result<(), MessageFault> {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let count = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= count as u64;
                bytes = bytes.get(count..).unwrap_or_default();
                continue;
            }
            if let Some(place) = self.prefix.get_mut(self.seen) {
                *place = *first;
                self.seen += 1;
            }
            bytes = rest;
            if self.seen == PREFIX_BYTES {
                self.begin()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), MessageFault> {
        let [flag, length @ ..] = self.prefix;
        (self.seen, self.left) = (0, u64::from(u32::from_be_bytes(length)));
        match flag {
            0 => {}
            1 if self.is_encoded => {}
            1 => return Err(MessageFault::Compressed),
            _ => return Err(MessageFault::Malformed),
        }
        if self.left > self.limit { Err(MessageFault::TooLarge) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(flag: u8, body: &[u8]) -> Vec<u8> {
        [&[flag][..], &(body.len() as u32).to_be_bytes(), body].concat()
    }

    #[test]
    fn l2_a_message_is_judged_by_its_prefix_however_it_is_cut() {
        let fine = [message(0, b"four"), message(0, b""), message(0, b"12345678")].concat();
        let cases = [
            (fine.clone(), false, Ok(())),
            ([fine.clone(), message(0, b"123456789")].concat(), false, Err(MessageFault::TooLarge)),
            ([fine.clone(), b"\0\xff\xff\xff\xff".to_vec()].concat(), false, Err(MessageFault::TooLarge)),
            ([fine.clone(), message(1, b"x")].concat(), false, Err(MessageFault::Compressed)),
            ([fine.clone(), message(1, b"x")].concat(), true, Ok(())),
            ([fine, message(2, b"x")].concat(), true, Err(MessageFault::Malformed)),
        ];
        for (body, is_encoded, expected) in cases {
            for size in [1, 2, 3, 7, 1000] {
                let mut messages = Messages::new(8, is_encoded);
                let found = body.chunks(size).try_for_each(|piece| messages.follow(piece));
                assert_eq!(found, expected, "{size} {}", body.escape_ascii());
            }
        }
    }
}
