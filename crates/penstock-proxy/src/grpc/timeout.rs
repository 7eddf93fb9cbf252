//! The time that a client gives a call: `grpc-timeout`.

/// Most digits that the field may have.
const MOST_DIGITS: usize = 8;
const UNITS: [(u8, u64); 6] =
    [(b'H', 3_600_000_000), (b'M', 60_000_000), (b'S', 1_000_000), (b'm', 1_000), (b'u', 1), (b'n', 0)];

/// Milliseconds, rounded up; none where the text is no time (L1).
pub(crate) fn parse_timeout(text: &[u8]) -> Option<u64> {
    let (unit, digits) = text.split_last()?;
    let (_, micros) = UNITS.iter().find(|(known, _)| known == unit)?;
    if digits.is_empty() || digits.len() > MOST_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count = digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    let micros = if *unit == b'n' { count.div_ceil(1_000) } else { count * micros };
    Some(micros.div_ceil(1_000))
}

/// The field for so many milliseconds.
pub(crate) fn write_timeout(millis: u64) -> String {
    let most = 10_u64.pow(MOST_DIGITS as u32) - 1;
    if millis <= most { format!("{millis}m") } else { format!("{}S", (millis / 1_000).min(most)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l1_times_are_read_strictly() {
        for (text, expected) in [
            ("1H", Some(3_600_000)),
            ("2M", Some(120_000)),
            ("3S", Some(3_000)),
            ("250m", Some(250)),
            ("1u", Some(1)),
            ("1001u", Some(2)),
            ("1n", Some(1)),
            ("0n", Some(0)),
            ("99999999H", Some(359_999_996_400_000)),
            ("99999999999H", None),
            ("1x", None),
            ("-1S", None),
            ("+1S", None),
            ("1.5S", None),
            ("S", None),
            ("1", None),
            ("", None),
            ("1 S", None),
        ] {
            assert_eq!(parse_timeout(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for millis in [0, 1, 99_999_999] {
            assert_eq!(parse_timeout(write_timeout(millis).as_bytes()), Some(millis));
        }
        assert_eq!(parse_timeout(write_timeout(100_000_500).as_bytes()), Some(100_000_000));
        assert!(parse_timeout(write_timeout(u64::MAX).as_bytes()).is_some());
    }
}
