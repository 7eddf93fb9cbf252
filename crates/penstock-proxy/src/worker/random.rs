//! Cheap randomness for balancing and request ids; nothing secret depends on it.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A generator of one thread (wyrand), seeded by the system.
pub(crate) struct Random {
    state: Cell<u64>,
}

impl Random {
    pub(crate) fn new() -> Self {
        Self { state: Cell::new(RandomState::new().build_hasher().finish()) }
    }

    /// The next number.
    ///
    /// Source: wyrand, from `wyhash` (Wang Yi).
    pub(crate) fn next(&self) -> u64 {
        let state = self.state.get().wrapping_add(0xa076_1d64_78bd_642f);
        self.state.set(state);
        let product = u128::from(state) * u128::from(state ^ 0xe703_7ed1_a0b4_28db);
        (product >> 64) as u64 ^ product as u64
    }

    /// Writes 128 random bits in hexadecimal.
    pub(crate) fn write_id(&self, out: &mut String) {
        for number in [self.next(), self.next()] {
            for shift in (0..16).rev() {
                let digit = (number >> (shift * 4)) as u32 & 15;
                out.push(char::from_digit(digit, 16).unwrap_or('0'));
            }
        }
    }
}
