//! The table itself: making it, opening it, and the way to its regions.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;

use crate::layout::{MAGIC, Memory, TABLE_BYTES, VERSION, WORKERS};
use crate::slots::WordSlot;

/// With these no process can cut the memory short under another's feet.
const SEALS: libc::c_int = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

/// The shared table, mapped into this process.
///
/// Dropping it unmaps it here; the memory lives as long as any process holds its descriptor.
#[derive(Debug)]
pub struct Table {
    memory: NonNull<Memory>,
    descriptor: OwnedFd,
    hash_seeds: HashSeeds,
}

/// The keyed region's hash, made of the secret in the header.
#[derive(Debug)]
struct HashSeeds {
    own: u64,
    shared: SharedSeed,
}

impl HashSeeds {
    fn new(secret: u64) -> Self {
        Self { own: secret, shared: SharedSeed::from_u64(secret) }
    }
}

// SAFETY: the memory consists of atomics and is unmapped only by `drop`, which has the table
// to itself; nothing in it belongs to a thread.
unsafe impl Send for Table {}
// SAFETY: as above; a shared table gives out shared references to atomics only.
unsafe impl Sync for Table {}

impl Table {
    /// Makes a new, empty table that carries the id of this start of the gateway.
    ///
    /// It takes 512 MiB of address space and as much memory as is touched.
    pub fn create(boot_id: u64) -> io::Result<Self> {
        let descriptor = sealed_memory()?;
        let mut table = Self::map(descriptor)?;
        let seed = random_word()?;
        let header = &table.memory().header;
        header.version.store(VERSION, Relaxed);
        header.bytes.store(TABLE_BYTES as u64, Relaxed);
        header.boot_id.store(boot_id, Relaxed);
        header.hash_seed.store(seed, Relaxed);
        header.magic.store(MAGIC, Release);
        table.hash_seeds = HashSeeds::new(seed);
        Ok(table)
    }

    /// Opens a table that another process made, by its descriptor.
    ///
    /// # Errors
    /// `InvalidData` if it is no finished table of this layout and this boot id, or could
    /// still change its size.
    pub fn open(descriptor: OwnedFd, boot_id: u64) -> io::Result<Self> {
        check_memory(&descriptor)?;
        let mut table = Self::map(descriptor)?;
        let header = &table.memory().header;
        expect("first word", header.magic.load(Acquire), MAGIC)?;
        expect("layout version", header.version.load(Relaxed), VERSION)?;
        expect("size", header.bytes.load(Relaxed), TABLE_BYTES as u64)?;
        expect("boot id", header.boot_id.load(Relaxed), boot_id)?;
        table.hash_seeds = HashSeeds::new(header.hash_seed.load(Relaxed));
        Ok(table)
    }

    /// The descriptor to hand to other processes.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// The id of the start of the gateway that made it.
    pub fn boot_id(&self) -> u64 {
        self.memory().header.boot_id.load(Relaxed)
    }

    /// A decision word, for [`crate::gcra`], [`crate::breaker`] and state machines elsewhere.
    pub fn word(&self, slot: WordSlot) -> &AtomicU64 {
        &self.memory().words[slot.position()].0
    }

    /// Says among how many nodes a rate that holds for all of them is divided; only the supervisor calls this.
    pub fn tell_nodes(&self, count: u64) {
        self.memory().header.nodes.0.store(count, Relaxed);
    }

    /// Among how many nodes such a rate is divided, as was said last; at least this one.
    #[inline]
    pub fn nodes(&self) -> u64 {
        self.memory().header.nodes.0.load(Relaxed).max(1)
    }

    pub(crate) fn memory(&self) -> &Memory {
        // SAFETY: `map` mapped exactly this many zeroed, sealed, page-aligned bytes, which stay
        // until `drop`; every field is an atomic or never read, and any bits are valid in both.
        unsafe { self.memory.as_ref() }
    }

    /// Positions of the columns that hold something.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> {
        let enrolled = self.memory().header.enrolled.0.load(Acquire);
        (0..WORKERS).filter(move |column| enrolled >> column & 1 == 1)
    }

    /// A hasher keyed by the table's secret: the same in every process, unknown outside.
    pub(crate) fn hasher(&self) -> FoldHasher<'_> {
        FoldHasher::with_seed(self.hash_seeds.own, &self.hash_seeds.shared)
    }

    fn map(descriptor: OwnedFd) -> io::Result<Self> {
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_NORESERVE);
        // SAFETY: a fresh mapping at an address the kernel picks touches nothing that exists.
        let address = unsafe { libc::mmap(ptr::null_mut(), TABLE_BYTES, access, flags, descriptor.as_raw_fd(), 0) };
        let memory = NonNull::new(address.cast()).filter(|_| address != libc::MAP_FAILED);
        let memory = memory.ok_or_else(io::Error::last_os_error)?;
        Ok(Self { memory, descriptor, hash_seeds: HashSeeds::new(0) })
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: `map` made this mapping with this size; every reference into it borrows `self`.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), TABLE_BYTES) };
    }
}

/// A memory file of the table's size that can never change its size again.
fn sealed_memory() -> io::Result<OwnedFd> {
    // SAFETY: the name is a C string; the call touches nothing else of ours.
    let raw = unsafe { libc::memfd_create(c"penstock-table".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
    if raw < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us alone.
    let file = File::from(unsafe { OwnedFd::from_raw_fd(raw) });
    file.set_len(TABLE_BYTES as u64)?;
    // SAFETY: the descriptor is open, and this command takes an integer.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, SEALS) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(file.into())
}

/// Refuses what is not a memory file of the table's size under its seals.
fn check_memory(descriptor: &OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor is open, and this command takes no argument.
    let seals = unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_GET_SEALS) };
    if seals < 0 || seals & SEALS != SEALS {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "shared table: not sealed memory"));
    }
    let bytes = File::from(descriptor.try_clone()?).metadata()?.len();
    expect("size", bytes, TABLE_BYTES as u64)
}

fn expect(what: &str, found: u64, needed: u64) -> io::Result<()> {
    if found == needed {
        return Ok(());
    }
    let message = format!("shared table: {what} is {found}, this process needs {needed}");
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

fn random_word() -> io::Result<u64> {
    let mut bytes = [0_u8; 8];
    // SAFETY: the kernel writes at most the eight bytes it is pointed to.
    let count = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    // Requests of up to 256 bytes are answered whole or not at all.
    if count < 0 { Err(io::Error::last_os_error()) } else { Ok(u64::from_ne_bytes(bytes)) }
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use super::*;

    fn open_copy(table: &Table, boot_id: u64) -> io::Result<Table> {
        Table::open(table.descriptor().try_clone_to_owned().unwrap(), boot_id)
    }

    #[track_caller]
    fn assert_refused(result: io::Result<Table>, part: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains(part), "{error}");
    }

    #[test]
    fn two_mappings_of_one_table_see_the_same_words() {
        let table = Table::create(7).unwrap();
        let copy = open_copy(&table, 7).unwrap();
        let last = WordSlot::new(WordSlot::CAPACITY - 1).unwrap();
        table.word(last).store(42, Relaxed);
        assert_eq!(copy.word(last).load(Relaxed), 42);
        assert_eq!(copy.boot_id(), 7);
    }

    #[test]
    fn a_node_of_which_nobody_has_said_otherwise_is_alone() {
        let table = Table::create(7).unwrap();
        let copy = open_copy(&table, 7).unwrap();
        assert_eq!(copy.nodes(), 1);
        table.tell_nodes(3);
        assert_eq!(copy.nodes(), 3);
        table.tell_nodes(0);
        assert_eq!(copy.nodes(), 1);
    }

    #[test]
    fn a_table_of_another_boot_version_or_size_is_refused() {
        let table = Table::create(7).unwrap();
        assert_refused(open_copy(&table, 8), "boot id is 7, this process needs 8");
        table.memory().header.version.store(VERSION + 1, Relaxed);
        assert_refused(open_copy(&table, 7), &format!("layout version is {}", VERSION + 1));
        table.memory().header.version.store(VERSION, Relaxed);
        table.memory().header.bytes.store(4096, Relaxed);
        assert_refused(open_copy(&table, 7), "size is 4096");
    }

    #[test]
    fn an_unfinished_table_is_refused() {
        let empty = sealed_memory().unwrap();
        assert_refused(Table::open(empty, 0), "first word is 0");
    }

    #[test]
    fn what_is_not_sealed_memory_is_refused() {
        let file = File::open("/proc/self/exe").unwrap();
        assert_refused(Table::open(file.into(), 0), "not sealed memory");
    }

    #[test]
    fn the_memory_cannot_change_its_size() {
        let table = Table::create(7).unwrap();
        let file = File::from(table.descriptor().try_clone_to_owned().unwrap());
        assert!(file.set_len(0).is_err());
        assert!(file.set_len(2 * TABLE_BYTES as u64).is_err());
    }

    #[test]
    fn the_descriptor_is_closed_on_exec() {
        let table = Table::create(7).unwrap();
        // SAFETY: the descriptor is open, and this command takes no argument.
        let flags = unsafe { libc::fcntl(table.descriptor().as_raw_fd(), libc::F_GETFD) };
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
    }

    #[test]
    fn an_empty_table_costs_a_few_pages() {
        use std::os::unix::fs::MetadataExt;
        let table = Table::create(7).unwrap();
        let file = File::from(table.descriptor().try_clone_to_owned().unwrap());
        assert!(file.metadata().unwrap().blocks() * 512 <= 64 << 10);
    }

    #[test]
    fn two_tables_have_different_secrets() {
        let [first, second] = [Table::create(7).unwrap(), Table::create(7).unwrap()];
        let secret = |table: &Table| table.memory().header.hash_seed.load(Relaxed);
        assert_ne!(secret(&first), secret(&second));
    }
}
