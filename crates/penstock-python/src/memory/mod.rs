//! Memory: what the gateway's processes hold, read beside the IO thread, and the limits that this is held against.

mod groups;
mod limit;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io, thread};

use penstock_proxy::worker::{MemoryLevel, MemoryReading, Share};
use penstock_shared::MemoryTold;

use groups::Group;
pub(crate) use limit::MemoryLimit;

/// Time between two readings.
const TURN: Duration = Duration::from_millis(100);
/// Readings after which limits are looked for again: whoever runs containers may change them.
const LOOK_AGAIN: u32 = 100;
/// Readings between two requests that the allocator give back what it keeps.
const RELEASE: u32 = 20;
/// Parts of what is left that a worker's one is divided by where others tell what they hold: that may be a turn old, and
/// they may have taken as much since.
const SHARES_OF_TOLD: u64 = 2;
/// Part of what a group uses that has to be the gateway's for its limit to count: shedding frees nothing else.
const OWN_PART: u64 = 4;

/// Begins to read what is used, as long as the process lives.
pub(crate) fn watch(limit: MemoryLimit, share: Share) -> io::Result<Arc<MemoryReading>> {
    let reading = Arc::new(MemoryReading::default());
    let noted = Arc::clone(&reading);
    let mut watch = Watch { limit, share, reading, groups: Vec::new(), turn: 0 };
    thread::Builder::new().name("memory".to_owned()).spawn(move || {
        loop {
            // Whatever goes wrong in a turn, the next one comes.
            let _ = catch_unwind(AssertUnwindSafe(|| watch.turn()));
            thread::sleep(TURN);
        }
    })?;
    Ok(noted)
}

struct Watch {
    limit: MemoryLimit,
    share: Share,
    reading: Arc<MemoryReading>,
    groups: Vec<Group>,
    turn: u32,
}

impl Watch {
    fn turn(&mut self) {
        if self.turn.is_multiple_of(LOOK_AGAIN) {
            self.groups = if self.limit == MemoryLimit::Off { Vec::new() } else { groups::limited() };
        }
        let told = MemoryTold { own_bytes: own_bytes(), ..self.share.table.memory_told(self.share.column) };
        self.share.table.tell_memory(self.share.column, &told);
        // Before what is used: what is taken in between is then counted twice, not lost.
        let taken_bytes = self.reading.taken_bytes();
        let Nearest { used_bytes, limit_bytes, is_told } = self.nearest();
        let workers = self.share.table.workers().count() as u64;
        let shares = if is_told && workers > 1 { workers * SHARES_OF_TOLD } else { workers };
        let level = self.reading.note((used_bytes, limit_bytes), taken_bytes, shares);
        let told = MemoryTold { level: level.number(), used_bytes, limit_bytes, ..told };
        self.share.table.tell_memory(self.share.column, &told);
        if level >= MemoryLevel::Scarce && self.turn.is_multiple_of(RELEASE) {
            release();
        }
        self.turn = self.turn.wrapping_add(1);
    }

    /// Where use is nearest to its limit; zeros where there is none.
    fn nearest(&self) -> Nearest {
        let own_bytes = self.share.table.memory_bytes();
        let of_groups = self.groups.iter().filter_map(|group| {
            Some(Nearest { used_bytes: group.used_bytes()?, limit_bytes: group.limit_bytes, is_told: false })
        });
        let of_groups = of_groups.filter(|group| own_bytes >= group.used_bytes / OWN_PART);
        let of_own = self.limit.bytes();
        let of_own = of_own.map(|limit_bytes| Nearest { used_bytes: own_bytes, limit_bytes, is_told: true });
        of_groups.chain(of_own).reduce(Nearest::or).unwrap_or_default()
    }
}

/// What is used of a limit.
#[derive(Default)]
struct Nearest {
    used_bytes: u64,
    limit_bytes: u64,
    /// Whether it is what the processes tell, each at its time, rather than what the system knows at once.
    is_told: bool,
}

impl Nearest {
    /// Whichever is nearer to its limit.
    fn or(self, other: Self) -> Self {
        // Compared as shares, in 128 bits: no product of two sizes is too large.
        let [own, others] = [(self.used_bytes, other.limit_bytes), (other.used_bytes, self.limit_bytes)]
            .map(|(used, limit)| u128::from(used) * u128::from(limit));
        if others > own { other } else { self }
    }
}

/// Memory that this process shares with no other, in bytes.
///
/// Source: proc(5), `/proc/PID/statm`: resident pages, and those of them that files or shared memory are behind.
pub(crate) fn own_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mut pages = text.split_ascii_whitespace().skip(1).filter_map(|word| word.parse::<u64>().ok());
    let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
    resident.saturating_sub(shared) * rustix::param::page_size() as u64
}

/// Gives back to the system what the allocator keeps of what was freed; without this, use would not fall again.
fn release() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes a number, locks what it touches, and moves nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}
