//! Rate limits by key (client, consumer) in a bounded hash region.
//!
//! A key belongs to one set of seven places. A known key costs one compare-and-swap. A new
//! one takes a place whose bucket is back in its initial state, so nobody loses a running
//! limit to it; where there is none, the limiter's one overflow bucket decides, and that is
//! counted. The hash is keyed by a secret of the table, so nobody can aim at a set.
//!
//! **Why two workers never give one key two places.** Inserting needs the set's lease, which
//! runs out by itself if its holder dies. **Why no admission is lost to an eviction.** A word
//! never takes a value twice, and a place loses its tag before its word moves on to the new key. An
//! admission reads the word, then the tag, and swaps the word: if it succeeds, the eviction's
//! own swap fails and the tag is put back; if it fails, it looks again.

use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use crate::gcra::{self, CLOCK_SLACK_NS, Rate, Verdict};
use crate::layout::KeyedSet;
use crate::slots::{CounterSlot, WordSlot, WorkerSlot};
use crate::table::Table;

/// How long a set's lease lasts: far longer than an insertion (a few hundred nanoseconds)
/// and the difference between two workers' cached clocks.
const LEASE_NS: u64 = CLOCK_SLACK_NS;

/// Attempts to get past other workers' changes of a set before the overflow bucket decides.
const ATTEMPTS: u32 = 1000;

/// A limiter whose buckets are found by key.
#[derive(Debug, Clone, Copy)]
pub struct KeyedLimit {
    /// What each key is allowed.
    pub rate: Rate,
    /// The bucket of all keys that find no place; its number also tells this limiter's keys
    /// from others'.
    pub overflow: WordSlot,
    /// Counts decisions that fell to the overflow bucket.
    pub overflowed: CounterSlot,
}

/// The keyed region as one worker uses it.
#[derive(Debug, Clone, Copy)]
pub struct Keyed<'table> {
    table: &'table Table,
    worker: WorkerSlot,
}

impl Table {
    /// The keyed region, for decisions of this worker.
    #[inline]
    pub fn keyed(&self, worker: WorkerSlot) -> Keyed<'_> {
        Keyed { table: self, worker }
    }
}

impl Keyed<'_> {
    /// Decides one request: takes `cost` units from the bucket of this key, or nothing.
    pub fn admit(self, limit: &KeyedLimit, key: &[u8], cost: u64, now_ns: u64) -> Verdict {
        let request = Request { hash: self.hash(limit, key), rate: &limit.rate, cost, now_ns };
        request.decide(&self.table.memory().keyed).unwrap_or_else(|| {
            self.table.counter(limit.overflowed).add(self.worker, 1);
            gcra::admit(self.table.word(limit.overflow), &limit.rate, cost, now_ns)
        })
    }

    fn hash(self, limit: &KeyedLimit, key: &[u8]) -> u64 {
        let mut hasher = self.table.hasher();
        hasher.write(key);
        hasher.write_u32(limit.overflow.number());
        hasher.finish()
    }
}

/// The key of a client: its IPv4 address, or the /64 of its IPv6 address, of which one
/// client often has all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientKey {
    bytes: [u8; 8],
    length: u8,
}

impl ClientKey {
    /// The key of the client at an address; an IPv4 address in IPv6 form counts as IPv4.
    pub fn new(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                Self { bytes: [a, b, c, d, 0, 0, 0, 0], length: 4 }
            }
            IpAddr::V6(address) => Self { bytes: ((address.to_bits() >> 64) as u64).to_be_bytes(), length: 8 },
        }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }
}

/// One question to the region.
#[derive(Debug, Clone, Copy)]
struct Request<'rate> {
    hash: u64,
    rate: &'rate Rate,
    cost: u64,
    now_ns: u64,
}

impl Request<'_> {
    /// The verdict of the key's own bucket; none: it has no place and there is none to take.
    fn decide(self, sets: &[KeyedSet]) -> Option<Verdict> {
        let set = sets.get((self.hash >> 32) as usize % sets.len().max(1))?;
        for _ in 0..ATTEMPTS {
            let found = match self.place_of(set) {
                Some(place) => self.decide_at(place),
                None => self.insert(set),
            };
            match found {
                Found::Verdict(verdict) => return Some(verdict),
                Found::NoPlace => return None,
                Found::Changed => std::hint::spin_loop(),
            }
        }
        None
    }

    /// 0 stands for no key.
    fn tag(self) -> u64 {
        self.hash.max(1)
    }

    fn place_of(self, set: &KeyedSet) -> Option<Place<'_>> {
        places(set).find(|place| place.tag.load(Acquire) == self.tag())
    }

    fn decide_at(self, place: Place<'_>) -> Found {
        let word = place.word.load(Acquire);
        if place.tag.load(Acquire) != self.tag() {
            return Found::Changed;
        }
        let (verdict, next) = self.rate.decide(word, self.cost, self.now_ns);
        match next {
            Some(next) if place.word.compare_exchange(word, next, AcqRel, Acquire).is_err() => Found::Changed,
            _ => Found::Verdict(verdict),
        }
    }

    fn insert(self, set: &KeyedSet) -> Found {
        let held = set.lease.load(Acquire);
        let is_free = held <= self.now_ns || held > self.now_ns.saturating_add(LEASE_NS + CLOCK_SLACK_NS);
        let lease = self.now_ns.saturating_add(LEASE_NS);
        if !is_free || set.lease.compare_exchange(held, lease, AcqRel, Acquire).is_err() {
            return Found::Changed;
        }
        let found = match self.place_of(set) {
            // Another worker was faster: its place is the key's.
            Some(_) => Found::Changed,
            None => places(set).find_map(|place| self.take(place)).map_or(Found::NoPlace, Found::Verdict),
        };
        // If the lease ran out meanwhile it is another's: leave it.
        let _ = set.lease.compare_exchange(lease, 0, AcqRel, Relaxed);
        found
    }

    /// Takes a place whose bucket is in its initial state, and decides there.
    fn take(self, place: Place<'_>) -> Option<Verdict> {
        let word = place.word.load(Acquire);
        // Strictly before now, so that the word after is larger whatever the cost.
        if word != 0 && word >= self.now_ns {
            return None;
        }
        let (verdict, next) = self.rate.decide(word, self.cost, self.now_ns);
        // What even a full bucket refuses needs no place.
        let Some(next) = next else { return Some(verdict) };
        let tag = place.tag.load(Acquire);
        if tag != 0 && place.tag.compare_exchange(tag, 0, AcqRel, Acquire).is_err() {
            return None;
        }
        let is_taken = place.word.compare_exchange(word, next, AcqRel, Acquire).is_ok();
        let tag = if is_taken { self.tag() } else { tag };
        place.tag.compare_exchange(0, tag, AcqRel, Acquire).ok().filter(|_| is_taken).map(|_| verdict)
    }
}

/// Where one key's bucket lies.
#[derive(Clone, Copy)]
struct Place<'set> {
    tag: &'set AtomicU64,
    word: &'set AtomicU64,
}

fn places(set: &KeyedSet) -> impl Iterator<Item = Place<'_>> {
    set.tags.iter().zip(&set.words).map(|(tag, word)| Place { tag, word })
}

/// What one attempt came to.
enum Found {
    Verdict(Verdict),
    /// Every place of the set has a running limit.
    NoPlace,
    /// Another worker changed the set meanwhile; look again.
    Changed,
}

#[cfg(test)]
#[path = "keyed_tests.rs"]
mod tests;
