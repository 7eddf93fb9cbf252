//! Frames: a length of four bytes, then JSON; descriptors ride on the first byte.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use penstock_shared::descriptors;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Largest frame: a whole plan of 100,000 routes fits.
const MOST_BYTES: usize = 64 << 20;
/// Most descriptors beside one frame.
const MOST_DESCRIPTORS: usize = 64;

/// Reads a frame; `None` where the peer has closed between frames.
///
/// # Errors
/// The connection failed, or the frame is too large.
pub(super) fn read(stream: &mut UnixStream) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    let mut length = [0; 4];
    let (count, received) = descriptors::receive(stream.as_fd(), &mut length, MOST_DESCRIPTORS)?;
    if count == 0 {
        return Ok(None);
    }
    stream.read_exact(length.get_mut(count..).unwrap_or_default())?;
    let length = u32::from_be_bytes(length) as usize;
    if length > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "frame is too large"));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some((body, received)))
}

/// Parses a frame's JSON.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// Writes a frame.
///
/// # Errors
/// The connection failed.
pub(super) fn write(stream: &mut UnixStream, message: &impl Serialize, beside: &[BorrowedFd<'_>]) -> io::Result<()> {
    write_body(stream, &serde_json::to_vec(message).map_err(io::Error::other)?, beside)
}

/// Writes a frame of what is JSON already.
///
/// # Errors
/// The connection failed.
pub(super) fn write_body(stream: &mut UnixStream, body: &[u8], beside: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut frame = (body.len() as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(body);
    let sent = descriptors::send(stream.as_fd(), &frame, beside)?;
    stream.write_all(frame.get(sent..).unwrap_or_default())
}
