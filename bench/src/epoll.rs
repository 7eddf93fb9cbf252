//! `epoll`, edge-triggered: the only place here that speaks to the kernel without the standard library.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Most events taken in one turn of the loop.
const TURN: usize = 256;

/// A set of watched descriptors.
pub struct Epoll {
    descriptor: OwnedFd,
}

/// The events of one turn of the loop; its room is used again in the next.
pub struct Turn {
    events: Vec<libc::epoll_event>,
}

/// What happened to one descriptor since the turn before.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// The descriptor that was watched.
    pub descriptor: RawFd,
    /// Bytes, an end or an error can be read.
    pub readable: bool,
    /// There is room to write again.
    pub writable: bool,
    /// The peer has sent its last byte: one short read does not mean that no more follows.
    pub ending: bool,
}

impl Epoll {
    /// An empty set.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes no pointer; the result is checked before use.
        let descriptor = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the kernel has just given this descriptor to us alone.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Self { descriptor })
    }

    /// Watches a descriptor both ways until it is closed.
    ///
    /// # Errors
    /// The kernel refuses the descriptor.
    pub fn watch(&self, watched: &impl AsFd) -> io::Result<()> {
        let watched = watched.as_fd().as_raw_fd();
        let interest = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
        let mut event = libc::epoll_event { events: interest.cast_unsigned(), u64: u64::from(watched.cast_unsigned()) };
        // SAFETY: `event` lives through the call, and the kernel copies it.
        check(unsafe { libc::epoll_ctl(self.descriptor.as_raw_fd(), libc::EPOLL_CTL_ADD, watched, &raw mut event) })?;
        Ok(())
    }

    /// Waits for the next events, without a limit of time. A signal makes an empty turn.
    ///
    /// # Errors
    /// Only a mistake in this program.
    pub fn wait(&self, turn: &mut Turn) -> io::Result<()> {
        turn.events.clear();
        let room = i32::try_from(turn.events.capacity()).unwrap_or(i32::MAX);
        // SAFETY: the vector has room for `room` events, and the kernel writes no more than that.
        let result = unsafe { libc::epoll_wait(self.descriptor.as_raw_fd(), turn.events.as_mut_ptr(), room, -1) };
        let count = match check(result) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            other => usize::try_from(other?).unwrap_or(0),
        };
        // SAFETY: the kernel has filled the first `count` events.
        unsafe { turn.events.set_len(count) };
        Ok(())
    }
}

impl Turn {
    /// Room for the events of a turn.
    #[must_use]
    pub fn new() -> Self {
        Self { events: Vec::with_capacity(TURN) }
    }

    /// The events, in the kernel's order.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        self.events.iter().map(Event::from_kernel)
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self::new()
    }
}

impl Event {
    fn from_kernel(event: &libc::epoll_event) -> Self {
        let (mask, descriptor) = (event.events.cast_signed(), event.u64);
        Self {
            descriptor: RawFd::try_from(descriptor).unwrap_or(-1),
            readable: mask & (libc::EPOLLIN | libc::EPOLLHUP | libc::EPOLLERR) != 0,
            writable: mask & libc::EPOLLOUT != 0,
            ending: mask & (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) != 0,
        }
    }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
