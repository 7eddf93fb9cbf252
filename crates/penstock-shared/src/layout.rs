//! Where everything lies in the table.
//!
//! | offset | bytes | region | unit |
//! |---:|---:|---|---|
//! | `0x0000_0000` | 4 KiB | header | one page, written once by the creator; then the set of enrolled workers, and what the supervisor tells |
//! | `0x0000_1000` | 8 KiB | workers | 64 blocks of two cache lines: heartbeat, process, whose sockets it accepts from and why, longest stall; open connections, memory |
//! | `0x0000_3000` | 1 MiB | gauges | 16,384 shared words, a cache line each |
//! | `0x0010_3000` | 4 MiB | words | 65,536 decision words, a cache line each |
//! | `0x0050_3000` | 32 MiB | keyed | 262,144 sets of two cache lines: an insertion lease and 7 keys |
//! | `0x0250_3000` | 8 MiB | ledgers | 64 columns of 16,384 words: a worker's part of each gauge |
//! | `0x02d0_3000` | 64 MiB | counters | 64 columns of 131,072 words |
//! | `0x06d0_3000` | 256 MiB | histograms | 64 columns of 4,096 histograms of 128 words |
//! | `0x16d0_3000` | rest | reserved | up to 512 MiB |
//!
//! **Cache lines.** A word that several workers write has a line of its own. What one worker
//! writes lies in that worker's column, next to its other words and never beside another's.
//!
//! **Pages.** The memory is a sparse memfd: a page costs memory once it is touched, and even
//! reading touches. So slots are given out lowest first, every region starts on a page, and
//! sums visit only the columns of workers that have enrolled.
//!
//! **Words.** Everything is a 64-bit atomic and all-zero is the initial state of everything,
//! so a fresh table needs no initialisation beyond its header. Any other layout, however
//! small the difference, gets another [`VERSION`]: processes never guess.

use std::sync::atomic::AtomicU64;

/// Version of this layout; a table of another version is refused.
pub const VERSION: u64 = 7;

/// Bytes of address space of a whole table.
pub const TABLE_BYTES: usize = 512 << 20;

/// First word of every table: "penstock" in ASCII.
pub(crate) const MAGIC: u64 = u64::from_be_bytes(*b"penstock");

// Powers of two: masking an index then removes every bounds check.
pub(crate) const WORKERS: usize = 64;
pub(crate) const GAUGES: usize = 1 << 14;
pub(crate) const WORDS: usize = 1 << 16;
pub(crate) const KEYED_SETS: usize = 1 << 18;
pub(crate) const COUNTERS: usize = 1 << 17;
pub(crate) const HISTOGRAMS: usize = 1 << 12;

/// Keys of one set of the keyed region: with the lease, two cache lines.
pub(crate) const SET_KEYS: usize = 7;
/// Words of one histogram: its buckets and the sum of what was recorded.
pub(crate) const HISTOGRAM_WORDS: usize = 128;

const USED_BYTES: usize = 0x16d0_3000;

/// The whole table as it lies in memory.
#[repr(C)]
pub(crate) struct Memory {
    pub(crate) header: Header,
    pub(crate) workers: [WorkerBlock; WORKERS],
    pub(crate) gauges: [Line; GAUGES],
    pub(crate) words: [Line; WORDS],
    pub(crate) keyed: [KeyedSet; KEYED_SETS],
    pub(crate) ledgers: [[AtomicU64; GAUGES]; WORKERS],
    pub(crate) counters: [[AtomicU64; COUNTERS]; WORKERS],
    pub(crate) histograms: [[HistogramCells; HISTOGRAMS]; WORKERS],
    reserved: [u8; TABLE_BYTES - USED_BYTES],
}

const _: () = assert!(size_of::<Memory>() == TABLE_BYTES);

/// What a process checks before it trusts a table.
#[repr(C, align(4096))]
pub(crate) struct Header {
    /// [`MAGIC`], stored last: a table without it was never finished.
    pub(crate) magic: AtomicU64,
    pub(crate) version: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) boot_id: AtomicU64,
    /// Secret of the keyed region's hash.
    pub(crate) hash_seed: AtomicU64,
    /// Bit N: worker N has enrolled at some time, so its columns hold something.
    pub(crate) enrolled: Line,
    /// Memory that the supervisor has for itself, in bytes.
    pub(crate) supervisor_memory_bytes: Line,
    /// Among how many nodes a rate that holds for all of them is divided; 0: nobody has said.
    pub(crate) nodes: Line,
}

/// What one worker says about itself.
#[repr(C, align(128))]
pub(crate) struct WorkerBlock {
    pub(crate) beats: AtomicU64,
    pub(crate) beat_at_ns: AtomicU64,
    /// 0: nobody works in this column.
    pub(crate) process: AtomicU64,
    /// Whose listening sockets it accepts from: 0 nobody's, else the worker's index and one.
    pub(crate) accepts_for: AtomicU64,
    /// Whether it has so many connections that another shall accept for it.
    pub(crate) wants_relief: AtomicU64,
    /// For whom it accepts because they want that, one bit for each index.
    pub(crate) relieves: AtomicU64,
    /// The longest time for which its loop did not turn, in microseconds.
    pub(crate) longest_stall_us: AtomicU64,
    /// On lines of their own: neighbours read them.
    pub(crate) told: Told,
}

/// What a worker tells its neighbours about what it holds.
#[derive(Default)]
#[repr(C, align(64))]
pub(crate) struct Told {
    pub(crate) connections: AtomicU64,
    /// Memory that the process has for itself.
    pub(crate) memory_bytes: AtomicU64,
    /// How short memory is for this worker.
    pub(crate) memory_level: AtomicU64,
    /// Used of the limit that is nearest, and that limit; 0: there is none.
    pub(crate) memory_used_bytes: AtomicU64,
    pub(crate) memory_limit_bytes: AtomicU64,
}

/// A word that several processes write, alone on its cache line.
#[derive(Default)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) AtomicU64);

/// A few keys whose hashes share their low bits, and their rate-limit words.
#[derive(Default)]
#[repr(C, align(128))]
pub(crate) struct KeyedSet {
    /// Who may insert a key: 0 nobody, else until when.
    pub(crate) lease: AtomicU64,
    /// The key's whole hash; 0: none.
    pub(crate) tags: [AtomicU64; SET_KEYS],
    /// The key's rate-limit word.
    pub(crate) words: [AtomicU64; SET_KEYS],
}

/// One histogram of one worker: 127 buckets and the sum.
#[repr(C, align(64))]
pub(crate) struct HistogramCells(pub(crate) [AtomicU64; HISTOGRAM_WORDS]);

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn regions_lie_where_the_page_says() {
        // A change here is a change of layout: raise VERSION with it.
        let offsets = [
            (offset_of!(Memory, workers), 0x0000_1000),
            (offset_of!(Memory, gauges), 0x0000_3000),
            (offset_of!(Memory, words), 0x0010_3000),
            (offset_of!(Memory, keyed), 0x0050_3000),
            (offset_of!(Memory, ledgers), 0x0250_3000),
            (offset_of!(Memory, counters), 0x02d0_3000),
            (offset_of!(Memory, histograms), 0x06d0_3000),
            (offset_of!(Memory, reserved), USED_BYTES),
        ];
        for (found, written) in offsets {
            assert_eq!(found, written, "{found:#x}");
        }
        assert_eq!(VERSION, 7);
    }

    #[test]
    fn shared_words_have_cache_lines_of_their_own() {
        assert_eq!(size_of::<Line>(), 64);
        assert_eq!(size_of::<KeyedSet>(), 128);
        assert_eq!(size_of::<WorkerBlock>(), 128);
        assert_eq!(offset_of!(WorkerBlock, told), 64);
        assert_eq!(offset_of!(Header, enrolled) % 64, 0);
    }

    #[test]
    fn regions_start_on_pages() {
        for offset in [offset_of!(Memory, ledgers), offset_of!(Memory, counters), offset_of!(Memory, histograms)] {
            assert_eq!(offset % 4096, 0);
        }
    }
}
