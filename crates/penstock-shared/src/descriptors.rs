//! Passing open descriptors between processes over a unix socket (`SCM_RIGHTS`).
//!
//! Descriptors travel with bytes: the receiver gets them with the first of the bytes they
//! were sent with. Framing those bytes is left to the callers.
//!
//! Source: unix(7), cmsg(3).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// Most descriptors of one message: the kernel's own limit, `SCM_MAX_FD`.
pub const MOST_DESCRIPTORS: usize = 253;

/// Bytes of a descriptor in a message.
const WIDTH: usize = size_of::<RawFd>();

/// Words of the control buffer: room for one header and the most descriptors.
const CONTROL_WORDS: usize = 16 + MOST_DESCRIPTORS * WIDTH / size_of::<u64>();

/// Ancillary data of a message. Of words, for the alignment that its headers need.
type Control = [u64; CONTROL_WORDS];

/// Sends bytes and descriptors as one message; the number of bytes that were taken.
///
/// The descriptors go with the first byte: what is left of a stream is sent without them.
///
/// # Errors
/// `InvalidInput` without bytes or with too many descriptors; otherwise the socket's.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
    if bytes.is_empty() || descriptors.len() > MOST_DESCRIPTORS {
        let message = format!("{} descriptors cannot go with {} bytes", descriptors.len(), bytes.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut control: Control = [0; CONTROL_WORDS];
    let mut vector = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut message = message(&mut vector, &mut control);
    message.msg_controllen = write_control(&mut message, descriptors);
    // SAFETY: the message points to `bytes`, which are only read, and to `control`, both alive.
    retrying(|| unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) })
}

/// Receives bytes and at most `most` descriptors, all of them closed on exec.
///
/// No bytes: the other side has closed.
///
/// # Errors
/// `InvalidData` if more came than allowed; every one of them is closed then.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8], most: usize) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut control: Control = [0; CONTROL_WORDS];
    let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut message = message(&mut vector, &mut control);
    // SAFETY: the message points to `buffer` and `control` with their true sizes, both alive.
    let receive = || unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
    let count = retrying(receive)?;
    let descriptors = take_control(&message);
    let is_cut = message.msg_flags & libc::MSG_CTRUNC != 0;
    if is_cut || descriptors.len() > most {
        let text = format!("{} descriptors or more came, at most {most} may", descriptors.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok((count, descriptors))
}

/// A message of one piece of bytes and a control buffer.
fn message(vector: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    libc::msghdr {
        msg_name: ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: vector,
        msg_iovlen: 1,
        msg_control: control.as_mut_ptr().cast(),
        msg_controllen: size_of::<Control>(),
        msg_flags: 0,
    }
}

/// Writes the descriptors into a message's control buffer; the bytes it takes.
fn write_control(message: &mut libc::msghdr, descriptors: &[BorrowedFd<'_>]) -> usize {
    let payload = size_of_val(descriptors) as u32;
    // SAFETY: the control buffer is aligned and has room for one header and the most
    // descriptors, which the caller has checked; a borrowed descriptor is a plain integer.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(message);
        if descriptors.is_empty() || header.is_null() {
            return 0;
        }
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(payload) as usize;
        ptr::copy_nonoverlapping(descriptors.as_ptr().cast(), libc::CMSG_DATA(header), payload as usize);
        libc::CMSG_SPACE(payload) as usize
    }
}

/// Takes every descriptor out of a received message's control buffer.
fn take_control(message: &libc::msghdr) -> Vec<OwnedFd> {
    let mut descriptors = Vec::new();
    // SAFETY: the kernel has written well-formed headers into the aligned control buffer, each
    // with its true length; the descriptors in it are new and nobody else's.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let data = libc::CMSG_DATA(header);
                let bytes = (*header).cmsg_len - libc::CMSG_LEN(0) as usize;
                let taken = (0..bytes / WIDTH).map(|index| data.add(index * WIDTH).cast::<[u8; WIDTH]>().read());
                descriptors.extend(taken.map(|raw| OwnedFd::from_raw_fd(RawFd::from_ne_bytes(raw))));
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    descriptors
}

/// Repeats a call that a signal interrupted.
fn retrying(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        if let Ok(count) = usize::try_from(call()) {
            return Ok(count);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn pipes(count: usize) -> Vec<(std::io::PipeReader, std::io::PipeWriter)> {
        (0..count).map(|_| std::io::pipe().unwrap()).collect()
    }

    #[test]
    fn descriptors_arrive_in_order_and_work() {
        for count in [0, 1, 2, 3, MOST_DESCRIPTORS] {
            let (near, far) = UnixStream::pair().unwrap();
            let pipes = pipes(count);
            let readers: Vec<BorrowedFd<'_>> = pipes.iter().map(|(reader, _)| reader.as_fd()).collect();
            assert_eq!(send(near.as_fd(), b"hello", &readers).unwrap(), 5);
            let mut buffer = [0; 16];
            let (bytes, received) = receive(far.as_fd(), &mut buffer, MOST_DESCRIPTORS).unwrap();
            assert_eq!((&buffer[..bytes], received.len()), (&b"hello"[..], count));
            for (index, ((reader, mut writer), copy)) in pipes.into_iter().zip(received).enumerate() {
                drop(reader);
                writer.write_all(&[index as u8]).unwrap();
                drop(writer);
                let mut text = Vec::new();
                File::from(copy).read_to_end(&mut text).unwrap();
                assert_eq!(text, [index as u8]);
            }
        }
    }

    #[test]
    fn received_descriptors_are_closed_on_exec() {
        let (near, far) = UnixStream::pair().unwrap();
        send(near.as_fd(), b"x", &[near.as_fd()]).unwrap();
        let (_, received) = receive(far.as_fd(), &mut [0; 4], 1).unwrap();
        // SAFETY: the descriptor is open, and this command takes no argument.
        let flags = unsafe { libc::fcntl(received[0].as_raw_fd(), libc::F_GETFD) };
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
    }

    #[test]
    fn more_than_allowed_are_refused_and_closed() {
        let (near, far) = UnixStream::pair().unwrap();
        let pipes = pipes(3);
        let writers: Vec<BorrowedFd<'_>> = pipes.iter().map(|(_, writer)| writer.as_fd()).collect();
        send(near.as_fd(), b"x", &writers).unwrap();
        let error = receive(far.as_fd(), &mut [0; 4], 2).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        for (mut reader, writer) in pipes {
            drop(writer);
            // Ends at once only if no copy of the writing end is open any more.
            assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0);
        }
    }

    #[test]
    fn messages_the_kernel_would_not_take_are_refused() {
        let (near, _far) = UnixStream::pair().unwrap();
        let many = vec![near.as_fd(); MOST_DESCRIPTORS + 1];
        for (bytes, descriptors) in [(&b"x"[..], &many[..]), (&b""[..], &many[..1])] {
            assert_eq!(send(near.as_fd(), bytes, descriptors).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn a_closed_or_busy_socket_is_an_error_and_no_signal() {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        assert_eq!(receive(far.as_fd(), &mut [0; 4], 1).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(near);
        assert_eq!(receive(far.as_fd(), &mut [0; 4], 1).unwrap().0, 0);
        assert_eq!(send(far.as_fd(), b"x", &[]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
