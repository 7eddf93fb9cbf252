//! Places in the table: checked once when made, then used without a check.

use crate::layout::{COUNTERS, GAUGES, HISTOGRAMS, WORDS, WORKERS};

macro_rules! slots {
    ($($(#[$docs:meta])+ $name:ident of $capacity:ident;)+) => {$(
        $(#[$docs])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u32);

        impl $name {
            /// How many there are.
            pub const CAPACITY: u32 = $capacity as u32;

            /// The first of them.
            pub const FIRST: Self = Self(0);

            /// The place with this number, if the table has it.
            pub const fn new(number: u32) -> Option<Self> {
                if number < Self::CAPACITY { Some(Self(number)) } else { None }
            }

            /// Its number.
            pub const fn number(self) -> u32 {
                self.0
            }

            /// Its position; the mask tells the compiler that it is inside the region.
            pub(crate) const fn position(self) -> usize {
                self.0 as usize & ($capacity - 1)
            }
        }

        const _: () = assert!($capacity.is_power_of_two());
    )+};
}

slots! {
    /// Place of a counter.
    CounterSlot of COUNTERS;
    /// Place of a histogram.
    HistogramSlot of HISTOGRAMS;
    /// Place of a gauge.
    GaugeSlot of GAUGES;
    /// Place of a decision word: a limit, a breaker, a health verdict.
    WordSlot of WORDS;
    /// A worker's column: its own cell of every counter, histogram and ledger.
    WorkerSlot of WORKERS;
}

/// Which places of one region are taken: lowest free first, so the table stays dense.
///
/// It lives in the supervisor, not in the table. A supervisor that adopts a table claims
/// the places that running plans name.
#[derive(Debug, Clone)]
pub struct SlotAllocator {
    /// One bit a place, set: taken.
    taken: Vec<u64>,
    capacity: u32,
    used: u32,
    /// Invariant: no word before this one has a free place.
    first: usize,
}

impl SlotAllocator {
    /// An allocator for a region of so many places, all free.
    pub fn new(capacity: u32) -> Self {
        Self { taken: vec![0; capacity.div_ceil(64) as usize], capacity, used: 0, first: 0 }
    }

    /// Takes the lowest free place, if there is one.
    pub fn allocate(&mut self) -> Option<u32> {
        let (index, word) = self.taken.iter().enumerate().skip(self.first).find(|(_, word)| **word != u64::MAX)?;
        let number = index as u32 * 64 + word.trailing_ones();
        self.first = index;
        self.claim(number).then_some(number)
    }

    /// Takes this place; false: it was taken already or does not exist.
    pub fn claim(&mut self, number: u32) -> bool {
        self.flip(number, 0)
    }

    /// Gives a place back; false: it was not taken.
    ///
    /// Only once no worker runs a plan that names it; what it holds is for the next user to clear.
    pub fn free(&mut self, number: u32) -> bool {
        self.flip(number, 1)
    }

    /// How many places are taken.
    pub fn used(&self) -> u32 {
        self.used
    }

    /// Turns a place's bit if it is `from`.
    fn flip(&mut self, number: u32, from: u64) -> bool {
        let index = number as usize / 64;
        let Some(word) = self.taken.get_mut(index).filter(|_| number < self.capacity) else { return false };
        if *word >> (number % 64) & 1 != from {
            return false;
        }
        *word ^= 1 << (number % 64);
        if from == 0 {
            self.used += 1;
        } else {
            self.used -= 1;
            self.first = self.first.min(index);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_past_the_region_cannot_be_made() {
        assert_eq!(GaugeSlot::new(GaugeSlot::CAPACITY), None);
        assert_eq!(GaugeSlot::new(u32::MAX), None);
        let last = GaugeSlot::new(GaugeSlot::CAPACITY - 1).unwrap();
        assert_eq!(last.position(), GAUGES - 1);
        assert_eq!(last.number(), GaugeSlot::CAPACITY - 1);
    }

    #[test]
    fn places_are_given_out_lowest_first_and_each_once() {
        let mut allocator = SlotAllocator::new(130);
        let all: Vec<u32> = std::iter::from_fn(|| allocator.allocate()).collect();
        assert_eq!(all, (0..130).collect::<Vec<u32>>());
        assert_eq!(allocator.used(), 130);
    }

    #[test]
    fn a_place_given_back_is_the_next_to_be_taken() {
        let mut allocator = SlotAllocator::new(200);
        while allocator.allocate().is_some() {}
        assert!(allocator.free(150));
        assert!(allocator.free(3));
        assert!(!allocator.free(3), "it was free already");
        assert_eq!(allocator.allocate(), Some(3));
        assert_eq!(allocator.allocate(), Some(150));
        assert_eq!(allocator.allocate(), None);
    }

    #[test]
    fn claimed_places_are_passed_over() {
        let mut allocator = SlotAllocator::new(3);
        assert!(allocator.claim(1));
        assert!(!allocator.claim(1));
        assert_eq!([allocator.allocate(), allocator.allocate(), allocator.allocate()], [Some(0), Some(2), None]);
    }

    #[test]
    fn places_past_the_end_are_nobodys() {
        let mut allocator = SlotAllocator::new(3);
        for number in [3, 63, 64, u32::MAX] {
            assert!(!allocator.claim(number));
            assert!(!allocator.free(number));
        }
        assert_eq!(SlotAllocator::new(0).allocate(), None);
    }
}
