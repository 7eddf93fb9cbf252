//! Sizes: `64KiB`, `10MB`, `512B`.

use std::str::FromStr;

use super::number::{UnitProblem, bounded, scaled, split_digits};
use super::serial::{Unit, unit_serial};

/// Units of a size and their bytes.
const UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// A number of bytes, written with its unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

impl Size {
    /// A size of that many bytes.
    pub const fn of_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = UnitProblem;

    fn from_str(text: &str) -> Result<Self, UnitProblem> {
        let read = || {
            let (count, unit) = split_digits(text)?;
            let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
            scaled(count, *factor)
        };
        read().map(Self).ok_or_else(|| Self::problem(text))
    }
}

impl Unit for Size {
    const NAME: &'static str = "size";
    const PATTERN: &'static str = "^[0-9]+(B|kB|MB|GB|KiB|MiB|GiB)$";
    const HINT: &'static str = "write a whole number and a unit, such as `512B`, `64KiB` or `10MB`";

    fn resolved(self) -> u64 {
        self.0
    }

    fn from_resolved(bytes: u64) -> Option<Self> {
        bounded(bytes).map(Self)
    }
}

unit_serial!(Size);
