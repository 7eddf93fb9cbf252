//! Who may hand the connection something, where it has no room for all: each in turn.
//!
//! The library wakes first whoever began to wait last, so that others could wait for ever.

use quinn_proto::WriteError;

use super::session::Session;

/// What became of a stream's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flushed {
    /// The connection has all of it, or the stream is no more.
    Whole,
    /// The stream itself is not granted more; it is told when it is.
    StreamFull,
    /// The connection has no room for anybody.
    ConnectionFull,
}

impl Session {
    /// Hands the connection what it takes of a stream, and its end behind that; behind others who wait for room.
    pub(super) fn flush(&mut self, id: u64) {
        if self.waiting.is_empty() && self.hand_over(id) != Flushed::ConnectionFull {
            return;
        }
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.is_waiting) else { return };
        stream.is_waiting = true;
        self.waiting.push_back(id);
    }

    /// Lets those who wait have the room there is, the one first that has waited longest.
    pub(super) fn flush_waiting(&mut self) {
        while let Some(id) = self.waiting.front().copied() {
            if self.hand_over(id) == Flushed::ConnectionFull {
                return;
            }
            self.waiting.pop_front();
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.is_waiting = false;
                stream.wake();
            }
        }
    }

    fn hand_over(&mut self, id: u64) -> Flushed {
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.is_reset) else { return Flushed::Whole };
        let mut sending = self.quic.send_stream(stream.id);
        let mut is_blocked = false;
        while !stream.output.is_empty() && !is_blocked {
            match sending.write_chunks(&mut stream.output) {
                Ok(written) => drop(stream.output.drain(..written.chunks)),
                Err(WriteError::Blocked) => is_blocked = true,
                Err(WriteError::Stopped(_) | WriteError::ClosedStream) => {
                    stream.is_reset = true;
                    stream.wake();
                    break;
                }
            }
        }
        if stream.output.is_empty() && stream.has_ended && !stream.is_finished {
            stream.is_finished = true;
            let _ = sending.finish();
        }
        self.wake_sender();
        match is_blocked {
            false => Flushed::Whole,
            true if self.is_full() => Flushed::ConnectionFull,
            true => Flushed::StreamFull,
        }
    }

    /// Whether the connection takes nothing of any stream: not even what is empty, of the one that is ours.
    fn is_full(&mut self) -> bool {
        self.control.is_some_and(|id| self.quic.send_stream(id).write(&[]).is_err())
    }
}
