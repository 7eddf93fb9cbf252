//! Memory of one IO thread for records on their way: enciphered ones that came, and those that are to go.

use std::cell::{Cell, RefCell};

/// Most bytes of records held before they make a whole: a record, or a message of a handshake.
pub(super) const MOST_HELD: usize = 32 << 10;
/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// Records that go at once: what one write may take, enciphered.
const WRITE_BYTES: usize = 72 << 10;
/// Records that are worth the copy into memory of their own size: tickets and alerts.
pub(super) const FEW_BYTES: usize = 4 << 10;
/// And those that are when the peer has no room for them: memory that is still larger by much.
pub(super) const MOST_WAITING: usize = WRITE_BYTES - (8 << 10);

thread_local! {
    static INCOMING: RefCell<Box<[u8]>> = RefCell::new(vec![0; MOST_HELD + READ_BYTES].into_boxed_slice());
    static SPARE: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Lends the thread's memory for records that come.
pub(super) fn with_incoming<T>(take: impl FnOnce(&mut [u8]) -> T) -> T {
    INCOMING.with_borrow_mut(|memory| take(memory))
}

/// Records that are to go. While there are none it holds the thread's memory only for a moment.
#[derive(Default)]
pub(super) struct Outgoing {
    memory: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Outgoing {
    /// What is to be sent.
    pub(super) fn bytes(&self) -> &[u8] {
        self.memory.get(self.start..self.end).unwrap_or_default()
    }

    /// Notes how much was sent; when all was, the memory goes to the next one.
    pub(super) fn sent(&mut self, count: usize) {
        self.start += count;
        if self.start >= self.end {
            (self.start, self.end) = (0, 0);
            let memory = std::mem::take(&mut self.memory);
            if memory.len() == WRITE_BYTES {
                SPARE.set(Some(memory));
            }
        }
    }

    /// Puts records behind those that are there; `write` says how many bytes it wrote, or how many it needs.
    ///
    /// # Errors
    /// `write` failed for another reason than want of room.
    pub(super) fn put<E>(
        &mut self,
        mut write: impl FnMut(&mut [u8]) -> Result<Result<usize, usize>, E>,
    ) -> Result<(), E> {
        loop {
            if self.memory.is_empty() {
                self.memory = SPARE.take().unwrap_or_else(|| vec![0; WRITE_BYTES].into_boxed_slice());
            }
            match write(self.memory.get_mut(self.end..).unwrap_or_default())? {
                Ok(count) => {
                    self.end += count;
                    return Ok(());
                }
                Err(needed) => {
                    let mut larger = vec![0; self.end + needed];
                    if let (Some(to), Some(from)) = (larger.get_mut(..self.end), self.memory.get(..self.end)) {
                        to.copy_from_slice(from);
                    }
                    self.memory = larger.into_boxed_slice();
                }
            }
        }
    }

    /// Keeps no more memory than records need that wait, unless they are more than `most` bytes.
    pub(super) fn shrink(&mut self, most: usize) {
        if (1..=most).contains(&self.bytes().len()) && self.memory.len() >= WRITE_BYTES {
            let rest: Box<[u8]> = self.bytes().into();
            self.sent(self.end - self.start);
            self.end = rest.len();
            self.memory = rest;
        }
    }
}
