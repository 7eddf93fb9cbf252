//! Checks of whole texts, eight bytes at a time.
//!
//! Source: "Bit Twiddling Hacks" (Sean Eron Anderson), zero in word and byte less than n.

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// Whether the predicate on words, or on the single bytes of a short text, holds anywhere.
///
/// Shape: a byte of a short text is given to `of_word` eight times over, so both agree.
fn any(bytes: &[u8], of_word: impl Fn(u64) -> u64) -> bool {
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().fold(0, |found, byte| found | of_word(u64::from(*byte).wrapping_mul(ONES))) != 0;
    };
    let (words, _) = bytes.as_chunks::<8>();
    // The last word overlaps the one before it where the length is no multiple of eight.
    words.iter().fold(of_word(u64::from_le_bytes(*last)), |found, word| found | of_word(u64::from_le_bytes(*word))) != 0
}

/// Marks bytes below `limit`, which is at most 128; a byte above a marked one may be marked too.
const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES.wrapping_mul(limit as u64)) & !word & HIGHS
}

/// Marks bytes that equal `byte`, under the same condition.
const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ ONES.wrapping_mul(byte as u64), 1)
}

/// Marks control bytes, under the same condition: those below the space, and DEL.
const fn controls(word: u64) -> u64 {
    below(word, b' ') | equal(word, 0x7f)
}

/// Position of the first marked byte.
const fn first(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

/// Position of a byte among the first 64, as far as whole words go.
#[inline]
pub(crate) fn position_near(bytes: &[u8], byte: u8) -> Option<usize> {
    let (mut rest, mut before) = (bytes, 0);
    while let Some((word, behind)) = rest.split_first_chunk() {
        let marks = equal(u64::from_le_bytes(*word), byte);
        if marks != 0 {
            return Some(before + first(marks));
        }
        (rest, before) = (behind, before + 8);
        if before == 64 {
            break;
        }
    }
    None
}

/// Position of the first control byte, the tab included.
#[inline]
pub(crate) fn first_control(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    while let Some((block, behind)) = rest.split_first_chunk::<16>() {
        // The compiler makes this a handful of instructions for sixteen bytes.
        if block.iter().fold(0, |found, byte| found | u8::from(*byte < b' ') | u8::from(*byte == 0x7f)) != 0 {
            let ([low, high], _) = block.as_chunks::<8>() else { break };
            let (low, high) = (controls(u64::from_le_bytes(*low)), controls(u64::from_le_bytes(*high)));
            let within = if low == 0 { 8 + first(high) } else { first(low) };
            return Some(bytes.len() - rest.len() + within);
        }
        rest = behind;
    }
    let in_tail = rest.iter().position(|byte| *byte < b' ' || *byte == 0x7f)?;
    Some(bytes.len() - rest.len() + in_tail)
}

/// Whether a text holds a control byte: one below the space, or DEL.
pub(crate) fn has_control(bytes: &[u8]) -> bool {
    any(bytes, controls)
}

/// Whether a text holds a space or a control byte.
pub(crate) fn has_space_or_control(bytes: &[u8]) -> bool {
    any(bytes, |word| below(word, b' ' + 1) | equal(word, 0x7f))
}

/// Whether a text holds a byte that JSON wants escaped, or one beyond ASCII.
pub(crate) fn needs_escape(bytes: &[u8]) -> bool {
    let is_odd = |byte: &u8| !matches!(byte, b' '..=b'~') || *byte == b'"' || *byte == b'\\';
    // The compiler makes each of these a handful of instructions for sixteen bytes.
    let block_is_odd = |block: &[u8; 16]| block.iter().fold(0, |odd, byte| odd | u8::from(is_odd(byte))) != 0;
    match bytes.last_chunk() {
        Some(last) => block_is_odd(last) || bytes.as_chunks().0.iter().any(block_is_odd),
        None => any(bytes, |word| controls(word) | equal(word, b'"') | equal(word, b'\\') | (word & HIGHS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_counts_wherever_it_stands() {
        for byte in 0..=255_u8 {
            let control = byte < b' ' || byte == 0x7f;
            let escaped = control || byte > 0x7f || byte == b'"' || byte == b'\\';
            for length in 1..20 {
                for at in 0..length {
                    let mut text = vec![b'a'; length];
                    text[at] = byte;
                    assert_eq!(has_control(&text), control, "{text:?}");
                    assert_eq!(has_space_or_control(&text), control || byte == b' ', "{text:?}");
                    assert_eq!(needs_escape(&text), escaped, "{text:?}");
                    assert_eq!(first_control(&text), control.then_some(at), "{text:?}");
                    let whole_words = text.len() / 8 * 8;
                    let expected = text[..whole_words].iter().position(|other| *other == byte);
                    assert_eq!(position_near(&text, byte), expected, "{text:?}");
                }
            }
        }
        assert!(!has_control(b"") && !needs_escape(b""));
    }
}
