//! How short memory is, and what is still taken on because of it (R58).
//!
//! Somebody beside the IO thread reads what is used; the thread looks at that once in each tick.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Hundredths of the limit that no body which is gathered goes beyond.
const GATHERED: u64 = 96;
/// Hundredths by which use has to fall below a bound before what it stopped is done again.
const BACK: u64 = 5;

/// How short memory is; each level stops what those before it stop, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemoryLevel {
    /// It is not.
    #[default]
    Enough,
    /// Nothing is kept for later use.
    Scarce,
    /// New requests are refused.
    Shedding,
    /// Nor are connections accepted.
    Closed,
}

/// The levels and the hundredths of the limit from which on each holds, the highest first.
const BOUNDS: [(MemoryLevel, u64); 3] =
    [(MemoryLevel::Closed, 95), (MemoryLevel::Shedding, 90), (MemoryLevel::Scarce, 80)];

impl MemoryLevel {
    /// The level for what is used of a limit, given the one before; without a limit there is always enough.
    #[must_use]
    pub fn next(self, used_bytes: u64, limit_bytes: u64) -> Self {
        let reaches = |hundredths| limit_bytes > 0 && used_bytes / 4 >= limit_bytes / 4 / 100 * hundredths;
        let holds =
            |(level, from): &&(Self, u64)| reaches(*from) || self >= *level && reaches(from.saturating_sub(BACK));
        BOUNDS.iter().find(holds).map_or(Self::Enough, |(level, _)| *level)
    }

    /// Its number, as the table has it.
    pub fn number(self) -> u64 {
        self as u64
    }

    /// The level of a number.
    pub fn of_number(number: u64) -> Self {
        let found = BOUNDS.iter().find(|(level, _)| level.number() == number);
        found.map_or(Self::Enough, |(level, _)| *level)
    }
}

/// What was read last, by whoever reads it.
#[derive(Debug, Default)]
pub struct MemoryReading {
    level: AtomicU64,
    /// Bytes of bodies that this worker has taken in its life, but for those given up.
    taken_bytes: AtomicU64,
    /// How far that number may grow until the next reading. One number, not what is left: what was taken between
    /// a reading and the tick that sees it is then counted.
    most_bytes: AtomicU64,
    /// How often it was read; 0: nobody does.
    readings: AtomicU64,
}

impl MemoryReading {
    /// Bytes of bodies that this worker has taken; to be asked before what is used is read.
    pub fn taken_bytes(&self) -> u64 {
        self.taken_bytes.load(Acquire)
    }

    /// Notes what is used of a limit, and what was taken by then; gives the level that follows.
    ///
    /// What is left is divided into `shares`, one of which is this worker's.
    pub fn note(&self, (used_bytes, limit_bytes): (u64, u64), taken_bytes: u64, shares: u64) -> MemoryLevel {
        let level = MemoryLevel::of_number(self.level.load(Relaxed)).next(used_bytes, limit_bytes);
        let room = (limit_bytes / 100 * GATHERED).saturating_sub(used_bytes) / shares.max(1);
        self.level.store(level.number(), Relaxed);
        let most = if limit_bytes == 0 { u64::MAX } else { taken_bytes.saturating_add(room) };
        self.most_bytes.store(most, Relaxed);
        self.readings.fetch_add(1, Release);
        level
    }
}

/// What becomes of bytes that are to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// They may be.
    There,
    /// Not before memory was read again.
    Later,
    /// They may not be.
    None,
}

/// How short memory is for one IO thread.
pub(crate) struct Memory {
    reading: Arc<MemoryReading>,
    seen: Cell<u64>,
    level: Cell<MemoryLevel>,
    taken_bytes: Cell<u64>,
    most_bytes: Cell<u64>,
    /// Whether there was no room at all when memory was read last.
    is_full: Cell<bool>,
}

impl Memory {
    pub(crate) fn new(reading: Arc<MemoryReading>) -> Self {
        Self {
            reading,
            seen: Cell::new(0),
            level: Cell::default(),
            taken_bytes: Cell::new(0),
            most_bytes: Cell::new(u64::MAX),
            is_full: Cell::new(false),
        }
    }

    /// Takes over what was read since the last tick.
    pub(crate) fn tick(&self) {
        let readings = self.reading.readings.load(Acquire);
        if self.seen.replace(readings) != readings {
            let most = self.reading.most_bytes.load(Relaxed);
            self.level.set(MemoryLevel::of_number(self.reading.level.load(Relaxed)));
            self.most_bytes.set(most);
            self.is_full.set(most <= self.taken_bytes.get());
        }
    }

    /// Whether nothing is to be kept for later use.
    pub(crate) fn is_scarce(&self) -> bool {
        self.level.get() >= MemoryLevel::Scarce
    }

    /// Whether new requests are refused.
    #[inline]
    pub(crate) fn is_shedding(&self) -> bool {
        self.level.get() >= MemoryLevel::Shedding
    }

    /// Whether no connection is accepted.
    pub(crate) fn is_closed(&self) -> bool {
        self.level.get() >= MemoryLevel::Closed
    }

    /// Asks for room to keep some bytes of a body.
    pub(crate) fn take(&self, bytes: usize) -> Room {
        let taken = self.taken_bytes.get().saturating_add(bytes as u64);
        if bytes == 0 {
            return Room::There;
        }
        if taken > self.most_bytes.get() {
            return if self.is_full.get() { Room::None } else { Room::Later };
        }
        self.set_taken(taken);
        Room::There
    }

    /// Gives the room of a body back that is not kept.
    pub(crate) fn give_back(&self, bytes: usize) {
        self.set_taken(self.taken_bytes.get().saturating_sub(bytes as u64));
    }

    fn set_taken(&self, bytes: u64) {
        self.taken_bytes.set(bytes);
        self.reading.taken_bytes.store(bytes, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MemoryLevel::{Closed, Enough, Scarce, Shedding};

    const LIMIT: u64 = 512 << 20;

    #[test]
    fn r58_levels_begin_at_their_bounds_and_end_five_hundredths_below() {
        let cases = [
            (79, Enough),
            (80, Scarce),
            (89, Scarce),
            (90, Shedding),
            (94, Shedding),
            (95, Closed),
            (91, Closed),
            (89, Shedding),
            (85, Shedding),
            (84, Scarce),
            (76, Scarce),
            (74, Enough),
            (130, Closed),
            (10, Enough),
        ];
        let mut level = Enough;
        for (hundredths, expected) in cases {
            level = level.next(LIMIT / 100 * hundredths, LIMIT);
            assert_eq!(level, expected, "{hundredths} %");
            assert_eq!(MemoryLevel::of_number(level.number()), level);
        }
        assert_eq!(Closed.next(u64::MAX, 0), Enough, "no limit");
        assert_eq!(Enough.next(u64::MAX, u64::MAX), Closed);
    }

    #[test]
    fn r58_bodies_wait_for_the_next_reading_and_are_given_up_where_that_has_no_room_either() {
        let reading = Arc::new(MemoryReading::default());
        let memory = Memory::new(Arc::clone(&reading));
        memory.tick();
        assert_eq!(memory.take(1_000), Room::There, "nobody reads");
        let taken = reading.taken_bytes();
        assert_eq!(memory.take(500), Room::There, "between a reading and the tick that sees it");
        reading.note((LIMIT / 2, LIMIT), taken, 2);
        memory.tick();
        let room = ((LIMIT / 100 * GATHERED - LIMIT / 2) / 2) as usize - 500;
        assert_eq!([memory.take(room), memory.take(1)], [Room::There, Room::Later]);
        memory.tick();
        assert_eq!(memory.take(1), Room::Later, "that was no other reading");
        reading.note((LIMIT / 100 * 99, LIMIT), reading.taken_bytes(), 2);
        memory.tick();
        assert!(memory.is_closed());
        assert_eq!(memory.take(1), Room::None);
        memory.give_back(10);
        assert_eq!([memory.take(6), memory.take(6)], [Room::There, Room::None]);
        assert_eq!(memory.take(0), Room::There);
        reading.note((LIMIT, 0), reading.taken_bytes(), 2);
        memory.tick();
        assert_eq!((memory.take(1 << 40), memory.is_scarce()), (Room::There, false));
    }
}
