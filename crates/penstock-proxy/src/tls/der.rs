//! The part of DER that reading a certificate's facts takes.
//!
//! Source: ITU-T X.690, section 10.

/// Elements one after the other, in one place.
pub(super) struct Elements<'a>(&'a [u8]);

/// One element: its tag and what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
}

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;

impl<'a> Elements<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next element, if it has this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = Self(self.0);
        let found = ahead.next().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(found)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first & 0x80 != 0 {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 3 {
                return None;
            }
            let (digits, after) = rest.split_at_checked(count)?;
            length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
            rest = after;
        }
        let (content, after) = rest.split_at_checked(length)?;
        self.0 = after;
        Some(Element { tag, content })
    }
}

impl<'a> Element<'a> {
    /// The elements in it.
    pub(super) fn elements(self) -> Elements<'a> {
        Elements::of(self.content)
    }
}

/// Seconds since 1970 of a time.
pub(super) fn seconds(time: Element<'_>) -> Option<i64> {
    let text = std::str::from_utf8(time.content).ok()?.strip_suffix('Z')?;
    let digits = text.bytes().all(|letter| letter.is_ascii_digit());
    let (year, rest) = match time.tag {
        UTC_TIME if text.len() == 12 && digits => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME if text.len() == 14 && digits => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |at: usize| -> Option<i64> { rest.get(at..at + 2)?.parse().ok() };
    let [month, day, hour, minute, second] = [part(0)?, part(2)?, part(4)?, part(6)?, part(8)?];
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    (is_date && hour < 24 && minute < 60 && second < 61)
        .then(|| ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Days since 1970 of a date. Years are counted from March, so that the odd day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_taken_apart_and_what_is_cut_off_is_none() {
        let bytes = [0x30, 0x03, 0x02, 0x01, 0x05, 0x04, 0x81, 0x01, 0xff];
        let found: Vec<_> = Elements::of(&bytes).collect();
        assert_eq!(found[0], Element { tag: SEQUENCE, content: &[0x02, 0x01, 0x05] });
        assert_eq!(found[1], Element { tag: OCTETS, content: &[0xff] });
        for cut in [&bytes[..1], &bytes[..4], &[0x30, 0x80], &[0x30, 0x84, 0, 0, 0, 1, 1], &[0x30, 0x82, 1]] {
            assert_eq!(Elements::of(cut).next(), None, "{cut:?}");
        }
    }

    #[test]
    fn times_are_seconds_since_1970() {
        let at = |tag, text: &str| seconds(Element { tag, content: text.as_bytes() });
        assert_eq!(at(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(at(UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(at(GENERALIZED_TIME, "20240229120000Z"), Some(1_709_208_000));
        assert_eq!(at(GENERALIZED_TIME, "20501231000000Z"), Some(2_556_057_600));
        for text in ["20241301000000Z", "20240101000000", "2024010100000Z", "2024-1-1 0000Z", "20240101250000Z"] {
            assert_eq!(at(GENERALIZED_TIME, text), None, "{text}");
        }
    }
}
