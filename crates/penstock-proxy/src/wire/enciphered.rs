//! A session over a plain socket, on whichever side: records in and out.

use std::io::{self, ErrorKind, IoSlice};
use std::task::{Context, Poll, ready};

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus, WriteTraffic};
use rustls::{Error, InvalidMessage};

use super::Socket;
use super::records::{FEW_BYTES, MOST_HELD, MOST_WAITING, Outgoing, with_incoming};

/// Most bytes enciphered at once.
const MOST_AT_ONCE: usize = 64 << 10;

/// A side of a session.
pub(super) trait Side {
    /// What the library keeps for it.
    type Data;

    /// Goes one step on with records that came.
    fn process<'c, 'i>(&'c mut self, records: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Side for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, records: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(records)
    }
}

impl Side for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, records: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(records)
    }
}

/// A plain socket with a session on top.
pub(super) struct Enciphered<S> {
    pub(super) plain: Socket,
    pub(super) session: S,
    /// Records that came in part.
    pub(super) held: Vec<u8>,
    /// What came and found no room.
    deciphered: Vec<u8>,
    taken: usize,
    pub(super) outgoing: Outgoing,
    /// Bytes whose records are in `outgoing`, until those have left.
    accepted: usize,
    pub(super) failure: Option<Error>,
    pub(super) has_begun: bool,
    pub(super) has_ended: bool,
    has_said_end: bool,
    /// Whether the end of the wire is no end of what the peer sends: anybody could have cut it off.
    needs_end: bool,
}

impl<S: Side> Enciphered<S> {
    pub(super) fn new(plain: Socket, session: S, needs_end: bool) -> Self {
        Self {
            plain,
            session,
            held: Vec::new(),
            deciphered: Vec::new(),
            taken: 0,
            outgoing: Outgoing::default(),
            accepted: 0,
            failure: None,
            has_begun: false,
            has_ended: false,
            has_said_end: false,
            needs_end,
        }
    }

    /// Reads what records hold; 0 is the end of what the peer sends.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let count = self.take_deciphered(buffer);
            if count > 0 || buffer.is_empty() || self.has_ended {
                return Poll::Ready(Ok(count));
            }
            if self.failure.take().is_some() {
                let _ = self.poll_outgoing(context);
                return Poll::Ready(Err(ErrorKind::InvalidData.into()));
            }
            // What the session has to say, as that it renegotiates nothing, has nothing left to go with.
            let _ = self.poll_outgoing(context);
            let count = ready!(self.poll_records(context, buffer))?;
            if count > 0 {
                return Poll::Ready(Ok(count));
            }
        }
    }

    /// Writes once, from several places.
    ///
    /// What has been enciphered counts as written when its records have left. Until then the caller comes back
    /// with the same bytes in front, as it does after any write that has to wait.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.accepted == 0 {
            self.encipher(parts)?;
        }
        ready!(self.poll_outgoing(context))?;
        Poll::Ready(Ok(std::mem::take(&mut self.accepted)))
    }

    /// Says that nothing more will be sent.
    pub(super) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.has_said_end {
            self.has_said_end = true;
            let outgoing = &mut self.outgoing;
            with_writer(&mut self.session, &mut self.held, outgoing, |traffic, outgoing| {
                outgoing.put(|room| enciphered(&traffic.queue_close_notify(room)))
            })?;
        }
        ready!(self.poll_outgoing(context))?;
        self.plain.poll_shutdown(context)
    }

    /// Whether nothing came and nobody closed; costs no system call while that is so.
    pub(super) fn is_quiet(&self) -> bool {
        self.held.is_empty() && self.deciphered.is_empty() && !self.has_ended && self.plain.is_quiet()
    }

    fn take_deciphered(&mut self, buffer: &mut [u8]) -> usize {
        let rest = self.deciphered.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.taken += count;
        if self.taken == self.deciphered.len() {
            (self.deciphered, self.taken) = (Vec::new(), 0);
        }
        count
    }

    /// Reads from the socket once; what the records hold goes into the buffer, and what finds no room is kept.
    pub(super) fn poll_records(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        with_incoming(|memory| {
            let held = self.held.len();
            let room = memory.get_mut(held..).unwrap_or_default();
            let count = ready!(self.plain.poll_read(context, room))?;
            if count == 0 {
                self.has_ended = true;
                let is_cut_off = self.needs_end && self.failure.is_none();
                return Poll::Ready(if is_cut_off { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(0) });
            }
            self.has_begun = true;
            if let Some(start) = memory.get_mut(..held) {
                start.copy_from_slice(&self.held);
            }
            let records = memory.get_mut(..held + count).unwrap_or_default();
            Poll::Ready(self.decipher(records, buffer))
        })
    }

    /// Reads from the socket once and keeps what came as it is; a message of a handshake that becomes too long shows
    /// when it is deciphered.
    pub(super) fn poll_held(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        with_incoming(|memory| {
            let room = (MOST_HELD + 1).saturating_sub(self.held.len());
            let room = memory.get_mut(..room).unwrap_or_default();
            let count = ready!(self.plain.poll_read(context, room))?;
            self.has_begun |= count > 0;
            self.has_ended |= count == 0;
            self.held.extend_from_slice(room.get(..count).unwrap_or_default());
            Poll::Ready(Ok(count))
        })
    }

    /// Goes on with what is kept.
    pub(super) fn decipher_held(&mut self) -> io::Result<usize> {
        let mut held = std::mem::take(&mut self.held);
        self.decipher(&mut held, &mut [])
    }

    pub(super) fn decipher(&mut self, records: &mut [u8], buffer: &mut [u8]) -> io::Result<usize> {
        let (mut at, mut filled) = (0, 0);
        loop {
            // After it has refused something it may still have an alert to send. It is shown what is left all the same:
            // where a message has come in part it looks behind that part, whatever it is given.
            let UnbufferedStatus { discard, state, .. } =
                self.session.process(records.get_mut(at..).unwrap_or_default());
            let is_last = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        let (fits, rest) =
                            record.payload.split_at(record.payload.len().min(buffer.len().saturating_sub(filled)));
                        if let Some(to) = buffer.get_mut(filled..filled + fits.len()) {
                            to.copy_from_slice(fits);
                        }
                        filled += fits.len();
                        self.deciphered.extend_from_slice(rest);
                    }
                    false
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    self.outgoing.put(|room| io::Result::Ok(encoded(&data.encode(room))))?;
                    false
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    false
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.has_ended = true;
                    false
                }
                Ok(_) => true,
                Err(error) => {
                    let is_known = self.failure.is_some();
                    self.failure.get_or_insert(error);
                    is_known
                }
            };
            at += discard;
            if is_last {
                break;
            }
        }
        self.hold(records.get(at..).unwrap_or_default());
        // What the session itself has to say may wait long for something to go with.
        self.outgoing.shrink(FEW_BYTES);
        Ok(filled)
    }

    fn hold(&mut self, rest: &[u8]) {
        if rest.len() > MOST_HELD {
            self.failure = Some(InvalidMessage::HandshakePayloadTooLarge.into());
        } else if rest.is_empty() {
            self.held = Vec::new();
        } else {
            self.held.clear();
            self.held.extend_from_slice(rest);
        }
    }

    fn encipher(&mut self, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let mut left = MOST_AT_ONCE;
        for part in parts.iter().filter(|part| !part.is_empty()) {
            let bytes = part.get(..part.len().min(left)).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            with_writer(&mut self.session, &mut self.held, &mut self.outgoing, |traffic, outgoing| {
                outgoing.put(|room| enciphered(&traffic.encrypt(bytes, room)))
            })?;
            left -= bytes.len();
            self.accepted += bytes.len();
        }
        Ok(())
    }

    /// Whether something has come that was not taken yet.
    pub(super) fn holds_input(&self) -> bool {
        !self.deciphered.is_empty() || !self.held.is_empty()
    }

    pub(super) fn poll_outgoing(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let bytes = self.outgoing.bytes();
            if bytes.is_empty() {
                return Poll::Ready(Ok(()));
            }
            match self.plain.poll_write(context, &[IoSlice::new(bytes)])? {
                Poll::Ready(0) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Poll::Ready(count) => self.outgoing.sent(count),
                Poll::Pending => {
                    // A slow peer lets it wait, and what it was enciphered from.
                    self.outgoing.shrink(MOST_WAITING);
                    return Poll::Pending;
                }
            }
        }
    }
}

/// Calls with the session's writing side; what the session itself has to say goes first. It is shown what came in
/// part, which it may be in the middle of.
fn with_writer<S: Side>(
    session: &mut S,
    held: &mut [u8],
    outgoing: &mut Outgoing,
    write: impl FnOnce(&mut WriteTraffic<'_, S::Data>, &mut Outgoing) -> io::Result<()>,
) -> io::Result<()> {
    loop {
        let UnbufferedStatus { state, .. } = session.process(held);
        match state {
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                outgoing.put(|room| io::Result::Ok(encoded(&data.encode(room))))?;
            }
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::WriteTraffic(mut traffic)) => return write(&mut traffic, outgoing),
            Ok(ConnectionState::PeerClosed) => {}
            _ => return Err(ErrorKind::BrokenPipe.into()),
        }
    }
}

/// How many bytes of records were written, or how many they need.
fn encoded(outcome: &Result<usize, EncodeError>) -> Result<usize, usize> {
    match outcome {
        Ok(count) => Ok(*count),
        Err(EncodeError::InsufficientSize(needed)) => Err(needed.required_size),
        Err(EncodeError::AlreadyEncoded) => Ok(0),
    }
}

/// The same, unless the session's keys have served long enough.
fn enciphered(outcome: &Result<usize, EncryptError>) -> io::Result<Result<usize, usize>> {
    match outcome {
        Ok(count) => Ok(Ok(*count)),
        Err(EncryptError::InsufficientSize(needed)) => Ok(Err(needed.required_size)),
        Err(EncryptError::EncryptExhausted) => Err(ErrorKind::BrokenPipe.into()),
    }
}

#[cfg(test)]
#[path = "enciphered_tests.rs"]
mod tests;
