//! Durations: `250ms`, `5s`, `1m30s`, `2h`, `7d`.

use std::str::FromStr;

use super::number::{UnitProblem, bounded, scaled, split_digits};
use super::serial::{Unit, unit_serial};

/// Units of a duration and their milliseconds, in the order in which they are written.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A span of time in whole milliseconds, written with its units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

impl Duration {
    /// A duration of that many milliseconds.
    pub const fn of_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// The milliseconds.
    pub const fn millis(self) -> u64 {
        self.0
    }
}

impl FromStr for Duration {
    type Err = UnitProblem;

    fn from_str(text: &str) -> Result<Self, UnitProblem> {
        total(text).map(Self).ok_or_else(|| Self::problem(text))
    }
}

/// The sum of all parts; each unit at most once, larger ones first.
fn total(text: &str) -> Option<u64> {
    let (mut rest, mut units, mut sum) = (text, UNITS.as_slice(), None::<u64>);
    while !rest.is_empty() {
        let (count, after) = split_digits(rest)?;
        let end = after.bytes().position(|byte| byte.is_ascii_digit()).unwrap_or(after.len());
        let (unit, tail) = after.split_at_checked(end)?;
        let position = units.iter().position(|(name, _)| *name == unit)?;
        let (_, factor) = units.get(position)?;
        sum = Some(bounded(sum.unwrap_or(0).checked_add(scaled(count, *factor)?)?)?);
        (rest, units) = (tail, units.get(position + 1..)?);
    }
    sum
}

impl Unit for Duration {
    const NAME: &'static str = "duration";
    const PATTERN: &'static str = "^(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";
    const HINT: &'static str = "write whole numbers and units, larger first, such as `250ms`, `5s` or `1m30s`";

    fn resolved(self) -> u64 {
        self.0
    }

    fn from_resolved(millis: u64) -> Option<Self> {
        bounded(millis).map(Self)
    }
}

unit_serial!(Duration);
