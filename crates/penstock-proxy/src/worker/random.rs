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

    /// One whose numbers nobody can foresee who has not seen any.
    pub(crate) fn unguessable() -> Self {
        let (random, mut seed) = (Self::new(), [0; 8]);
        if aws_lc_rs::rand::fill(&mut seed).is_ok() {
            random.state.set(u64::from_le_bytes(seed));
        }
        random
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
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let bits = u128::from(self.next()) << 64 | u128::from(self.next());
        let mut text = [0; 32];
        for (byte, pair) in bits.to_be_bytes().iter().zip(text.chunks_exact_mut(2)) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        out.push_str(str::from_utf8(&text).unwrap_or_default());
    }
}
