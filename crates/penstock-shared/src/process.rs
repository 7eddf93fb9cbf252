//! Other processes: whether one has ended.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// A descriptor of a process, readable once it has ended; it never means another one of the same number.
///
/// # Errors
/// There is no such process, or no room for a descriptor.
pub fn open(process: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two integers and touches no memory of ours.
    let raw = unsafe { libc::syscall(libc::SYS_pidfd_open, libc::c_long::from(process), 0) };
    let raw = i32::try_from(raw).ok().filter(|raw| *raw >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Whether the process behind a descriptor of [`open`] has ended.
pub fn has_ended(process: &OwnedFd) -> bool {
    let mut question = libc::pollfd { fd: process.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one structure, alive; without a timeout the call does not wait.
    unsafe { libc::poll(&raw mut question, 1, 0) == 1 && question.revents & libc::POLLIN != 0 }
}

/// Sends a signal to the process behind a descriptor of [`open`].
///
/// # Errors
/// It has ended, or is somebody else's.
pub fn send_signal(process: &OwnedFd, signal: i32) -> io::Result<()> {
    let (no_details, no_flags) = (std::ptr::null::<libc::siginfo_t>(), 0);
    // SAFETY: the call takes a descriptor that is open and a number, and reads no memory of ours.
    let outcome =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, no_details, no_flags) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whether a process with this number is certainly not there any more; one that nobody has asked
/// for its exit code does not count as there.
pub fn is_gone(process: u32) -> bool {
    match open(process) {
        Ok(opened) => has_ended(&opened),
        Err(problem) => problem.raw_os_error() == Some(libc::ESRCH),
    }
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_gone_as_soon_as_it_has_ended() {
        assert!(!is_gone(std::process::id()));
        let mut child = Command::new("sleep").arg("20").spawn().unwrap();
        let opened = open(child.id()).unwrap();
        assert!(!is_gone(child.id()) && !has_ended(&opened));
        send_signal(&opened, libc::SIGKILL).unwrap();
        while !has_ended(&opened) {
            std::thread::yield_now();
        }
        assert!(is_gone(child.id()), "though nobody has waited for it");
        child.wait().unwrap();
        assert!(is_gone(child.id()));
        assert!(send_signal(&opened, libc::SIGKILL).is_err());
    }
}
