//! What a collector's answer says of records that it did not take although it took the rest.
//!
//! Source: opentelemetry-proto 1.x, `ExportTraceServiceResponse` and its like; Protocol Buffers, "Encoding".

/// Field of an answer, and the one in it that counts what was rejected.
const PARTIAL_SUCCESS: u64 = 1;
const REJECTED: u64 = 1;

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// How many records were rejected; none where the answer says nothing of it, or nothing that can be understood.
pub(super) fn rejected(answer: &[u8]) -> u64 {
    let mut found = 0;
    for field in Fields(answer) {
        if let (PARTIAL_SUCCESS, Value::Bytes(partial)) = field {
            for field in Fields(partial) {
                if let (REJECTED, Value::Number(number)) = field {
                    found = u64::try_from(number.cast_signed()).unwrap_or(0);
                }
            }
        }
    }
    found
}

/// The fields of a message with their numbers, up to the first that cannot be read.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            1 => Value::Bytes(self.take(8)?),
            2 => {
                let length = self.number()?;
                Value::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            5 => Value::Bytes(self.take(4)?),
            _ => return None,
        };
        Some((tag >> 3, value))
    }
}

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = *self.take(1)?.first()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::protobuf::{bytes, fixed32, fixed64, message, number};

    #[test]
    fn what_was_rejected_is_found_among_whatever_else_an_answer_says() {
        let mut answer = Vec::new();
        fixed64(&mut answer, 9, 1);
        fixed32(&mut answer, 8, 1);
        number(&mut answer, 1, 77);
        message(&mut answer, 1, |out| {
            bytes(out, 2, b"too old");
            number(out, 1, 300);
        });
        assert_eq!(rejected(&answer), 300);
        for length in 0..answer.len() {
            assert_eq!(rejected(answer.get(..length).unwrap()), 0, "cut at {length}");
        }
    }

    #[test]
    fn an_answer_that_says_nothing_of_it_or_nonsense_rejects_nothing() {
        let minus = b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        for answer in
            [&b""[..], b"{}", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x0a\xff\x01", b"\x0b", minus]
        {
            assert_eq!(rejected(answer), 0, "{answer:?}");
        }
    }
}
