//! A socket whose bytes are enciphered: records in and out around a plain socket.

use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::{Error, InvalidMessage, ProtocolVersion};

use super::Socket;
use super::records::{MOST_HELD, Outgoing, with_incoming};
use crate::exchange::Session;
use crate::tls::{Agreed, Asked, HTTP2_ID, ServerTls, take_asked};

/// Most bytes enciphered at once.
const MOST_AT_ONCE: usize = 64 << 10;

/// A connected socket with a session on top.
pub(crate) struct TlsSocket {
    plain: Socket,
    session: UnbufferedServerConnection,
    /// Records that came in part.
    held: Vec<u8>,
    /// What came and found no room.
    deciphered: Vec<u8>,
    taken: usize,
    outgoing: Outgoing,
    /// Bytes whose records are in `outgoing`, until those have left.
    accepted: usize,
    /// What was asked of the client, and what it asked for.
    terms: Arc<ServerTls>,
    asked: Asked,
    /// What is known of it once the handshake is done.
    facts: Option<Arc<Session>>,
    failure: Option<Error>,
    has_begun: bool,
    has_ended: bool,
    has_said_end: bool,
    is_clear: bool,
}

/// Why a handshake came to nothing.
#[derive(Debug)]
pub(crate) enum HandshakeFailure {
    /// The peer said nothing at all.
    Silent,
    /// The peer left in the middle.
    Gone,
    /// The peer speaks HTTP in clear text.
    PlainHttp,
    /// What the library says.
    Refused(Error),
}

impl std::fmt::Debug for TlsSocket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TlsSocket").field("plain", &self.plain).finish_non_exhaustive()
    }
}

impl TlsSocket {
    /// The gateway's side of a fresh connection.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub(crate) fn accept(plain: Socket, terms: Arc<ServerTls>) -> Result<Self, Error> {
        Ok(Self {
            plain,
            session: UnbufferedServerConnection::new(Arc::clone(&terms.config))?,
            held: Vec::new(),
            deciphered: Vec::new(),
            taken: 0,
            outgoing: Outgoing::default(),
            accepted: 0,
            terms,
            asked: Asked::default(),
            facts: None,
            failure: None,
            has_begun: false,
            has_ended: false,
            has_said_end: false,
            is_clear: false,
        })
    }

    /// The socket underneath.
    pub(crate) fn plain(&self) -> &Socket {
        &self.plain
    }

    /// From now on bytes go as they are: the peer speaks no TLS, and is told so.
    pub(crate) fn give_way(&mut self) {
        self.outgoing = Outgoing::default();
        self.is_clear = true;
    }

    /// What the client asked for in its handshake.
    pub(crate) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// What is known of the connection, once the handshake is done.
    pub(crate) fn facts(&self) -> Option<Arc<Session>> {
        self.facts.clone()
    }

    /// What outlives the handshake, for streams that share the connection.
    pub(crate) fn agreed(&self) -> Agreed {
        Agreed { terms: Arc::clone(&self.terms), asked: self.asked.clone(), facts: self.facts() }
    }

    /// Whether both sides have agreed on HTTP/2.
    pub(crate) fn speaks_http2(&self) -> bool {
        self.session.alpn_protocol() == Some(HTTP2_ID)
    }

    /// Whether a request for a host came by a connection that was made for another certificate.
    pub(crate) fn is_misdirected(&self, host: &str) -> bool {
        self.terms.is_misdirected(&self.asked, host)
    }

    /// Whether the peer has sent anything yet.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Goes through the handshake.
    pub(crate) fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<Result<(), HandshakeFailure>> {
        loop {
            if self.failure.is_some() {
                // The alert is best sent; whoever takes it not will not miss it.
                let _ = self.poll_outgoing(context);
                return Poll::Ready(Err(self.failure.take().map_or(HandshakeFailure::Gone, HandshakeFailure::Refused)));
            }
            let is_done = !self.session.is_handshaking();
            if is_done && self.facts.is_none() {
                match ServerTls::session(&self.asked, &self.session) {
                    Ok(facts) => self.facts = Some(Arc::new(facts)),
                    Err(error) => return Poll::Ready(Err(HandshakeFailure::Refused(error))),
                }
            }
            if is_done && self.session.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
                // What is left are tickets: they go with the first answer.
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_outgoing(context)).map_err(|_| HandshakeFailure::Gone)?;
            if is_done {
                return Poll::Ready(Ok(()));
            }
            let has_begun = self.has_begun;
            match ready!(self.poll_records(context, &mut [])) {
                Ok(_) if self.is_plain_http() => return Poll::Ready(Err(HandshakeFailure::PlainHttp)),
                Ok(_) if self.has_ended && self.failure.is_none() => {
                    return Poll::Ready(Err(if has_begun { HandshakeFailure::Gone } else { HandshakeFailure::Silent }));
                }
                Ok(_) => {}
                Err(_) => {
                    return Poll::Ready(Err(if has_begun { HandshakeFailure::Gone } else { HandshakeFailure::Silent }));
                }
            }
        }
    }

    /// Reads what records hold; 0 is the end of what the peer sends.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.is_clear {
            return self.plain.poll_read(context, buffer);
        }
        loop {
            let count = self.take_deciphered(buffer);
            if count > 0 || buffer.is_empty() || self.has_ended {
                return Poll::Ready(Ok(count));
            }
            if self.failure.take().is_some() {
                let _ = self.poll_outgoing(context);
                return Poll::Ready(Err(ErrorKind::InvalidData.into()));
            }
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
        if self.is_clear {
            return self.plain.poll_write(context, parts);
        }
        if self.accepted == 0 {
            self.encipher(parts)?;
        }
        ready!(self.poll_outgoing(context))?;
        Poll::Ready(Ok(std::mem::take(&mut self.accepted)))
    }

    /// Says that nothing more will be sent.
    pub(super) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.has_said_end && !self.is_clear {
            self.has_said_end = true;
            let outgoing = &mut self.outgoing;
            with_writer(&mut self.session, outgoing, |traffic, outgoing| {
                outgoing.put(|room| enciphered(&traffic.queue_close_notify(room)))
            })?;
        }
        ready!(self.poll_outgoing(context))?;
        self.plain.poll_shutdown(context)
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
    fn poll_records(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        with_incoming(|memory| {
            let held = self.held.len();
            let room = memory.get_mut(held..).unwrap_or_default();
            let count = ready!(self.plain.poll_read(context, room))?;
            if count == 0 {
                self.has_ended = true;
                return Poll::Ready(Ok(0));
            }
            self.has_begun = true;
            if let Some(start) = memory.get_mut(..held) {
                start.copy_from_slice(&self.held);
            }
            let records = memory.get_mut(..held + count).unwrap_or_default();
            Poll::Ready(self.decipher(records, buffer))
        })
    }

    fn decipher(&mut self, records: &mut [u8], buffer: &mut [u8]) -> io::Result<usize> {
        let (mut at, mut filled) = (0, 0);
        loop {
            // What was refused once must not be shown to it again; it may still have an alert to send.
            let from = if self.failure.is_some() { records.len() } else { at };
            let UnbufferedStatus { discard, state, .. } =
                self.session.process_tls_records(records.get_mut(from..).unwrap_or_default());
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
                Err(error) => self.failure.replace(error).is_some(),
            };
            at += discard;
            if is_last {
                break;
            }
        }
        if let Some(asked) = take_asked() {
            self.asked = asked;
        }
        self.hold(records.get(at..).unwrap_or_default());
        // What the session itself has to say may wait long for something to go with.
        self.outgoing.shrink();
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
            with_writer(&mut self.session, &mut self.outgoing, |traffic, outgoing| {
                outgoing.put(|room| enciphered(&traffic.encrypt(bytes, room)))
            })?;
            left -= bytes.len();
            self.accepted += bytes.len();
        }
        Ok(())
    }

    fn poll_outgoing(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let bytes = self.outgoing.bytes();
            if bytes.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let count = ready!(self.plain.poll_write(context, &[IoSlice::new(bytes)]))?;
            if count == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.outgoing.sent(count);
        }
    }

    /// Whether the first bytes are a request's, not a record's: a method and a space.
    fn is_plain_http(&self) -> bool {
        let method = self.held.iter().take_while(|letter| letter.is_ascii_uppercase()).count();
        self.failure.is_some() && self.asked.shown.is_none() && method > 0 && self.held.get(method) == Some(&b' ')
    }
}

type Traffic<'a> = rustls::unbuffered::WriteTraffic<'a, rustls::server::ServerConnectionData>;

/// Calls with the session's writing side; what the session itself has to say goes first.
fn with_writer(
    session: &mut UnbufferedServerConnection,
    outgoing: &mut Outgoing,
    write: impl FnOnce(&mut Traffic<'_>, &mut Outgoing) -> io::Result<()>,
) -> io::Result<()> {
    loop {
        let UnbufferedStatus { state, .. } = session.process_tls_records(&mut []);
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
