//! Takes plans apart that were replaced, away from the IO thread.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::server::Prepared;

/// Time between two looks at plans that requests still use.
const PAUSE: Duration = Duration::from_millis(250);

/// Starts the thread; what is sent to it is dropped there once nothing else uses it. To free ten
/// thousand routes takes milliseconds, in which an IO thread would serve nobody.
///
/// # Errors
/// The system has no room for a thread.
pub(super) fn start() -> io::Result<Sender<Prepared>> {
    let (sender, receiver) = channel();
    thread::Builder::new().name("retire".to_owned()).spawn(move || retire(&receiver))?;
    Ok(sender)
}

fn retire(receiver: &Receiver<Prepared>) {
    let mut waiting: Vec<Prepared> = Vec::new();
    loop {
        let next = if waiting.is_empty() {
            receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            receiver.recv_timeout(PAUSE)
        };
        match next {
            Ok(replaced) => waiting.push(replaced),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // After each, not only in a pause: there may be none for long.
        waiting.retain(is_used);
    }
}

fn is_used(replaced: &Prepared) -> bool {
    Arc::strong_count(&replaced.built) > 1 || !replaced.built.is_unused()
}
