//! Buffers of one IO thread, lent while they hold bytes and handed back when they are empty.

use std::cell::RefCell;

/// Size of a read buffer.
pub(crate) const READ_BYTES: usize = 64 << 10;
/// Buffers kept of each kind; more are freed.
const KEPT: usize = 256;
/// Buffers of each kind that are kept though nothing has needed them lately.
const KEPT_WHEN_QUIET: usize = 16;
/// Largest write buffer worth keeping.
const KEPT_WRITE_BYTES: usize = 32 << 10;

/// The thread's free buffers. The last one handed back is lent first: its memory is warm.
#[derive(Default)]
pub(crate) struct Buffers {
    read: RefCell<Vec<Box<[u8]>>>,
    write: RefCell<Vec<Vec<u8>>>,
}

impl Buffers {
    /// A read buffer of [`READ_BYTES`].
    pub(crate) fn lend_read(&self) -> Box<[u8]> {
        self.read.borrow_mut().pop().unwrap_or_else(|| vec![0; READ_BYTES].into_boxed_slice())
    }

    /// Takes a read buffer back.
    pub(crate) fn return_read(&self, buffer: Box<[u8]>) {
        let mut free = self.read.borrow_mut();
        if free.len() < KEPT && buffer.len() == READ_BYTES {
            free.push(buffer);
        }
    }

    /// Frees what is kept beyond a few, so that a burst leaves nothing behind for long (R31).
    ///
    /// Under load hardly any are free, since a wire holds one only while it has bytes.
    pub(crate) fn trim(&self) {
        trim(&self.read);
        trim(&self.write);
    }

    /// Frees all that are kept.
    pub(crate) fn clear(&self) {
        self.read.borrow_mut().clear();
        self.write.borrow_mut().clear();
    }

    /// An empty write buffer.
    pub(crate) fn lend_write(&self) -> Vec<u8> {
        self.write.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(8 << 10))
    }

    /// Takes a write buffer back.
    pub(crate) fn return_write(&self, mut buffer: Vec<u8>) {
        let mut free = self.write.borrow_mut();
        if free.len() < KEPT && buffer.capacity() <= KEPT_WRITE_BYTES && buffer.capacity() > 0 {
            buffer.clear();
            free.push(buffer);
        }
    }
}

fn trim<T>(free: &RefCell<Vec<T>>) {
    let mut free = free.borrow_mut();
    let surplus = free.len().saturating_sub(KEPT_WHEN_QUIET);
    // The oldest go: those handed back last are the warm ones.
    free.drain(..surplus).for_each(drop);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r31_what_a_burst_leaves_is_freed_but_for_a_few() {
        let buffers = Buffers::default();
        let lent: Vec<_> = (0..KEPT + 10).map(|_| (buffers.lend_read(), buffers.lend_write())).collect();
        for (read, write) in lent {
            buffers.return_read(read);
            buffers.return_write(write);
        }
        assert_eq!((buffers.read.borrow().len(), buffers.write.borrow().len()), (KEPT, KEPT));
        buffers.trim();
        let kept = (buffers.read.borrow().len(), buffers.write.borrow().len());
        assert_eq!(kept, (KEPT_WHEN_QUIET, KEPT_WHEN_QUIET));
    }
}
