//! Descriptors: whether the process has room for another socket.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

/// Hundredths of the limit up to which connections are accepted (R57); what is left serves those that are open.
const ACCEPTED: u64 = 95;
/// Descriptors that no connection takes: they are for those who command the worker.
const RESERVED: u64 = 4;
/// `EMFILE` and `ENFILE`: the process, or the system, has no descriptor left.
const NONE_LEFT: [i32; 2] = [24, 23];

/// How near the process is to its limit of descriptors.
///
/// The kernel gives the lowest number that is free, so a fresh descriptor's own number says that all below it
/// are taken: nothing is counted, and nobody is asked.
pub(crate) struct Descriptors {
    accept_below: RawFd,
    connect_below: RawFd,
    are_short: Cell<bool>,
}

impl Descriptors {
    /// With the process's limit; none: the first failure says that it is reached.
    pub(crate) fn new(limit: Option<u64>) -> Self {
        let number = |number: u64| RawFd::try_from(number).unwrap_or(RawFd::MAX);
        let limit = limit.unwrap_or(u64::MAX);
        let connect_below = number(limit.saturating_sub(RESERVED));
        let accept_below = number(limit / 100 * ACCEPTED + limit % 100 * ACCEPTED / 100).min(connect_below);
        Self { accept_below, connect_below, are_short: Cell::new(false) }
    }

    /// Whether no connection is to be accepted.
    pub(crate) fn are_short(&self) -> bool {
        self.are_short.get()
    }

    /// Judges by an accepted socket; says yes where this one has made descriptors short.
    pub(crate) fn note_accepted(&self, socket: &impl AsFd) -> bool {
        number(socket) >= self.accept_below && !self.are_short.replace(true)
    }

    /// Whether a failure means that none is left; then they are short.
    pub(crate) fn note_failure(&self, error: &io::Error) -> bool {
        let are_none = is_none_left(error);
        if are_none {
            self.are_short.set(true);
        }
        are_none
    }

    /// Looks once more, by a copy of a descriptor: whether connections may be accepted again.
    pub(crate) fn recover(&self, any: &impl AsFd) -> bool {
        let has_room = any.as_fd().try_clone_to_owned().is_ok_and(|copy| number(&copy) < self.accept_below);
        if has_room {
            self.are_short.set(false);
        }
        !self.are_short.get()
    }

    /// Lets a socket on its way to an endpoint stay open, unless it has taken one of those kept back.
    ///
    /// # Errors
    /// It has, as if none had been left.
    pub(crate) fn admit_connecting(&self, socket: &impl AsFd) -> io::Result<()> {
        let [none_left, _] = NONE_LEFT;
        if number(socket) < self.connect_below { Ok(()) } else { Err(io::Error::from_raw_os_error(none_left)) }
    }
}

/// Whether a failure means that no descriptor is left.
pub(crate) fn is_none_left(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| NONE_LEFT.contains(&number))
}

fn number(descriptor: &impl AsFd) -> RawFd {
    descriptor.as_fd().as_raw_fd()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn r57_connections_are_accepted_up_to_95_percent_and_made_up_to_a_reserve() {
        for (limit, accept_below, connect_below) in [(256, 243, 252), (64, 60, 60), (1_048_576, 996_147, 1_048_572)] {
            let descriptors = Descriptors::new(Some(limit));
            assert_eq!((descriptors.accept_below, descriptors.connect_below), (accept_below, connect_below));
        }
        assert_eq!(Descriptors::new(None).accept_below, RawFd::MAX);
    }

    #[test]
    fn a_number_at_the_bound_makes_descriptors_short_once_and_a_free_one_below_it_ends_that() {
        let descriptors = Descriptors { accept_below: 0, connect_below: 0, are_short: Cell::new(false) };
        let file = File::open("/dev/null").unwrap();
        assert!(descriptors.note_accepted(&file));
        assert!(!descriptors.note_accepted(&file), "said once");
        assert!(!descriptors.recover(&file) && descriptors.are_short());
        let roomy = Descriptors { are_short: Cell::new(true), ..Descriptors::new(None) };
        assert!(roomy.recover(&file) && !roomy.are_short());
    }

    #[test]
    fn only_a_lack_of_descriptors_makes_them_short() {
        let descriptors = Descriptors::new(None);
        assert!(!descriptors.note_failure(&io::ErrorKind::ConnectionAborted.into()));
        assert!(!descriptors.are_short());
        assert!(descriptors.note_failure(&io::Error::from_raw_os_error(24)));
        assert!(descriptors.are_short());
    }
}
