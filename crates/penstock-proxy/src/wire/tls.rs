//! A client's socket whose bytes are enciphered.

use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use rustls::server::UnbufferedServerConnection;
use rustls::{Error, ProtocolVersion};

use super::Socket;
use super::enciphered::Enciphered;
use super::handshake_turns::{HandshakeTurns, Place};
use super::records::Outgoing;
use crate::exchange::Session;
use crate::http1::begins_request;
use crate::tls::{Agreed, Asked, HTTP2_ID, ServerTls, take_asked};

/// A connected socket of a client with a session on top.
pub(crate) struct TlsSocket {
    records: Enciphered<UnbufferedServerConnection>,
    /// What was asked of the client, and what it asked for.
    terms: Arc<ServerTls>,
    asked: Asked,
    /// What is known of it once the handshake is done.
    facts: Option<Arc<Session>>,
    is_clear: bool,
    /// Whether something of the handshake has come that was not gone through yet.
    is_due: bool,
    /// Where it waits for its turn.
    place: Option<Rc<Place>>,
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
        formatter.debug_struct("TlsSocket").field("plain", &self.records.plain).finish_non_exhaustive()
    }
}

impl TlsSocket {
    /// The gateway's side of a fresh connection.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub(crate) fn accept(plain: Socket, terms: Arc<ServerTls>) -> Result<Self, Error> {
        let session = UnbufferedServerConnection::new(Arc::clone(&terms.config))?;
        // A client that leaves without a word is no worse than one that leaves: what it has sent has a length.
        let records = Enciphered::new(plain, session, false);
        let (asked, facts, place) = (Asked::default(), None, None);
        Ok(Self { records, terms, asked, facts, is_clear: false, is_due: false, place })
    }

    /// The socket underneath.
    pub(crate) fn plain(&self) -> &Socket {
        &self.records.plain
    }

    /// From now on bytes go as they are: the peer speaks no TLS, and is told so.
    pub(crate) fn give_way(&mut self) {
        self.records.outgoing = Outgoing::default();
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
        self.records.session.alpn_protocol() == Some(HTTP2_ID)
    }

    /// Whether a request for a host came by a connection that was made for another certificate.
    pub(crate) fn is_misdirected(&self, host: &str) -> bool {
        self.terms.is_misdirected(&self.asked, host)
    }

    /// Whether the peer has sent anything yet.
    pub(crate) fn has_begun(&self) -> bool {
        self.records.has_begun
    }

    /// Goes through the handshake, each step when it is its turn.
    pub(crate) fn poll_handshake(
        &mut self,
        context: &mut Context<'_>,
        turns: &HandshakeTurns,
    ) -> Poll<Result<(), HandshakeFailure>> {
        loop {
            if self.records.failure.is_some() {
                // The alert is best sent; whoever takes it not will not miss it.
                let _ = self.records.poll_outgoing(context);
                return Poll::Ready(Err(self
                    .records
                    .failure
                    .take()
                    .map_or(HandshakeFailure::Gone, HandshakeFailure::Refused)));
            }
            let is_done = !self.records.session.is_handshaking();
            if is_done && self.facts.is_none() {
                match ServerTls::session(&self.asked, &self.records.session) {
                    Ok(facts) => self.facts = Some(Arc::new(facts)),
                    Err(error) => return Poll::Ready(Err(HandshakeFailure::Refused(error))),
                }
            }
            if is_done && self.records.session.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
                // What is left are tickets. The answer takes them along where a request has come already; a client that
                // waits for what it sent to be acknowledged (RFC 896) must not wait for the answer.
                if !self.records.holds_input() {
                    let _ = self.records.poll_outgoing(context);
                }
                return Poll::Ready(Ok(()));
            }
            ready!(self.records.poll_outgoing(context)).map_err(|_| HandshakeFailure::Gone)?;
            if is_done {
                return Poll::Ready(Ok(()));
            }
            if let Err(failure) = ready!(self.poll_step(context, turns)) {
                return Poll::Ready(Err(failure));
            }
        }
    }

    /// Goes one step on, once something has come and it is this handshake's turn.
    fn poll_step(&mut self, context: &mut Context<'_>, turns: &HandshakeTurns) -> Poll<Result<(), HandshakeFailure>> {
        let has_begun = self.records.has_begun;
        let gone = || if has_begun { HandshakeFailure::Gone } else { HandshakeFailure::Silent };
        if !self.is_due {
            match ready!(self.records.poll_held(context)) {
                Ok(count) if count > 0 => self.is_due = true,
                _ => return Poll::Ready(Err(gone())),
            }
        }
        ready!(turns.poll_turn(&mut self.place, context));
        self.is_due = false;
        let began = Instant::now();
        let came = self.records.decipher_held();
        turns.spent(began.elapsed());
        if let Some(asked) = take_asked() {
            self.asked = asked;
        }
        Poll::Ready(match came {
            Ok(_) if self.is_plain_http() => Err(HandshakeFailure::PlainHttp),
            Ok(_) if self.records.has_ended && self.records.failure.is_none() => Err(HandshakeFailure::Gone),
            Ok(_) => Ok(()),
            Err(_) => Err(HandshakeFailure::Gone),
        })
    }

    /// Reads what records hold; 0 is the end of what the peer sends.
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.is_clear {
            return self.records.plain.poll_read(context, buffer);
        }
        self.records.poll_read(context, buffer)
    }

    /// Writes once, from several places.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.is_clear {
            return self.records.plain.poll_write(context, parts);
        }
        self.records.poll_write(context, parts)
    }

    /// Says that nothing more will be sent.
    pub(super) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_clear {
            return self.records.plain.poll_shutdown(context);
        }
        self.records.poll_shutdown(context)
    }

    /// Whether the first bytes are a request's, not a record's: a method and a space.
    fn is_plain_http(&self) -> bool {
        self.records.failure.is_some() && self.asked.shown.is_none() && begins_request(&self.records.held)
    }
}
