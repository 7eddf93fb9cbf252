//! Tells a supervisor of requests as they come, on a connection of its own and for as long as that lasts.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::frame;
use super::message::Reply;
use crate::telemetry::{Interest, Tap};
use crate::worker::{Command, Remote};

/// Time in which a batch must be taken: whoever takes none for so long is given up.
const LONGEST_WRITE: Duration = Duration::from_secs(10);

/// Answers as soon as the IO thread has the tap, and then writes a frame for each batch.
///
/// # Errors
/// The connection has ended.
pub(super) fn tell(stream: &mut UnixStream, interest: Interest, remote: &Remote) -> io::Result<()> {
    let (tap, tapped) = match Tap::new(interest) {
        Ok(ends) => ends,
        Err(message) => return frame::write(stream, &Reply::Problem { message }, &[]),
    };
    if !remote.send(Command::Tap(Box::new(tap))) || tapped.next().is_none() {
        let message = "the worker is ending, or is looked at by too many".to_owned();
        return frame::write(stream, &Reply::Problem { message }, &[]);
    }
    frame::write(stream, &Reply::Ok {}, &[])?;
    stream.set_write_timeout(Some(LONGEST_WRITE))?;
    while let Some(batch) = tapped.next() {
        frame::write_body(stream, &batch.to_json(), &[])?;
    }
    Ok(())
}
