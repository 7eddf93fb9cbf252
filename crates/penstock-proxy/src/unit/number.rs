//! The number before a unit, and what is said of a text that is none.

use std::fmt;

/// Largest number read or made: the largest integer that JSON readers keep exact (RFC 8259, section 6).
pub const LARGEST: u64 = (1 << 53) - 1;

/// Why a text is not a size, a duration or a rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitProblem {
    /// What is wrong, naming the text.
    pub message: String,
    /// What to write.
    pub hint: &'static str,
}

impl fmt::Display for UnitProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; {}", self.message, self.hint)
    }
}

/// Splits ASCII digits from what follows them; `None` without a digit or beyond [`LARGEST`].
pub(super) fn split_digits(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((bounded(digits.parse().ok()?)?, rest))
}

/// The product, if it stays exact.
pub(super) fn scaled(count: u64, factor: u64) -> Option<u64> {
    bounded(count.checked_mul(factor)?)
}

/// The number, if it stays exact.
pub(super) fn bounded(number: u64) -> Option<u64> {
    (number <= LARGEST).then_some(number)
}
