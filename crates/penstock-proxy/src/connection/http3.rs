//! Serves a connection that speaks HTTP/3: one task keeps its state and its datagrams moving, one for each stream serves
//! a request.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use quinn_proto::ConnectionHandle;
use rustls::pki_types::CertificateDer;

use super::client::Client;
use super::client_stream::ClientStream;
use super::handshake::note_unserved;
use super::http2::note_fault;
use super::identify::Peer;
use super::serve::Connection;
use crate::exchange::Version;
use crate::failure::Failure;
use crate::http2::Opened;
use crate::http3::{Code, End, Session};
use crate::listener::OpenConnection;
use crate::proxy_header::Addresses;
use crate::quic::{Endpoint, Fresh, HURRIED_MS, Sending};
use crate::tls::{Agreed, QuicFacts, ServerTls};
use crate::worker::TICK_MS;

/// Part of the idle time after which a client that waits for its answer is asked whether it is there.
const ASKED_IN_IDLE: u64 = 3;
/// Time that the last of an answer has to arrive once a drain has nothing else to wait for.
const DELIVERY_MS: u64 = 1_000;

/// Begins to serve a connection.
pub(crate) fn begin_http3(endpoint: &Rc<Endpoint>, fresh: Fresh) {
    tokio::task::spawn_local(serve_http3(Rc::clone(endpoint), fresh));
}

async fn serve_http3(endpoint: Rc<Endpoint>, fresh: Fresh) {
    let Fresh { handle, session, terms, remote, local_ip, open } = fresh;
    let mut connection = carried(&endpoint, &session, remote.ip().to_canonical());
    if let Some((ip, bound)) = local_ip.zip(endpoint.local_address()) {
        let source = (remote.ip().to_canonical(), remote.port()).into();
        connection.came_from(Addresses { source, destination: (ip.to_canonical(), bound.port()).into() });
    }
    connection.watch_deadline().await;
    let now_ms = endpoint.worker.clock.coarse_ms();
    let mut turn = Turn {
        endpoint: &endpoint,
        handle,
        session: &session,
        terms,
        agreed: None,
        began_ms: now_ms,
        moved: (0, now_ms),
        asked_ms: now_ms,
        looked_ms: now_ms,
        drain: Drain::None,
        opened: Vec::new(),
        sending: Sending::default(),
        timer: Box::pin(tokio::time::sleep_until(tokio::time::Instant::now())),
        open: Some(open),
    };
    let outcome = poll_fn(|context| {
        // What goes wrong in the library, too, ends this connection only (R40).
        let poll = AssertUnwindSafe(|| turn.poll(context, &mut connection));
        catch_unwind(poll).unwrap_or_else(|_| {
            endpoint.worker.recorder.panicked();
            Poll::Ready(false)
        })
    })
    .await;
    endpoint.forget(handle, outcome);
}

/// A connection without a wire, from which those of its streams are made.
fn carried(endpoint: &Rc<Endpoint>, session: &Rc<RefCell<Session>>, ip: std::net::IpAddr) -> Connection {
    let nothing = ClientStream::nothing(Rc::clone(session) as _);
    let peer = Peer { ip, port: endpoint.listener.port, is_enciphered: true };
    Connection::carried(
        Rc::clone(&endpoint.worker),
        Rc::clone(&endpoint.listener),
        Client::Stream(Box::new(nothing)),
        peer,
    )
}

/// How far a drain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drain {
    None,
    /// The client was told; what it sent before it heard of that is served (RFC 9114, section 5.2).
    Told {
        at_ms: u64,
    },
    /// What comes now is not served; since then nothing is.
    Closed {
        at_ms: u64,
    },
}

/// What the connection's task keeps from turn to turn.
struct Turn<'a> {
    endpoint: &'a Rc<Endpoint>,
    handle: ConnectionHandle,
    session: &'a Rc<RefCell<Session>>,
    terms: Arc<ServerTls>,
    /// What the handshake came to, once a stream needed it.
    agreed: Option<Rc<Agreed>>,
    began_ms: u64,
    /// Bytes of requests that had come when that last changed, and when it did.
    moved: (u64, u64),
    asked_ms: u64,
    /// When it was last looked for heads that do not come.
    looked_ms: u64,
    drain: Drain,
    opened: Vec<Opened>,
    sending: Sending,
    timer: Pin<Box<tokio::time::Sleep>>,
    /// Counts it, until it is over.
    open: Option<OpenConnection>,
}

impl Turn<'_> {
    /// Ready once nothing is left of the connection; with no where it has to be forgotten before that.
    fn poll(&mut self, context: &mut Context<'_>, connection: &mut Connection) -> Poll<bool> {
        self.session.borrow_mut().set_sender(context.waker());
        loop {
            self.session.borrow_mut().quic().handle_timeout(Instant::now());
            self.advance(connection);
            if self.serve(connection) {
                // Those that have just come may be answered before anything is sent: one datagram then serves all.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.endpoint.settle(self.handle, self.session);
            let sent = self.endpoint.poll_send(context, self.session, &mut self.sending);
            self.endpoint.settle(self.handle, self.session);
            self.end(connection);
            if self.session.borrow_mut().quic().is_drained() {
                return Poll::Ready(true);
            }
            if sent.is_pending() || !self.is_timer_due(context) {
                return Poll::Pending;
            }
        }
    }

    /// Lets what has happened take effect, and time that has passed.
    fn advance(&mut self, connection: &Connection) {
        let now_ms = connection.worker.clock.coarse_ms();
        self.session.borrow_mut().advance(now_ms, &mut self.opened);
        if self.session.borrow().ended().is_some() {
            return;
        }
        self.watch_drain(connection, now_ms);
        self.watch_time(connection, now_ms);
    }

    /// Begins to serve the requests that have come; says whether there were any.
    fn serve(&mut self, connection: &Connection) -> bool {
        let has_begun = !self.opened.is_empty();
        for opened in std::mem::take(&mut self.opened) {
            let agreed = self.agreed();
            let stream = ClientStream::new(Rc::clone(self.session) as _, Some(agreed), opened);
            connection.worker.stream_tasks.serve(connection, stream);
        }
        has_begun
    }

    /// What the handshake came to. Of one that is under way not all is known, and it may still fail.
    fn agreed(&mut self) -> Rc<Agreed> {
        if let Some(agreed) = &self.agreed {
            return Rc::clone(agreed);
        }
        let mut session = self.session.borrow_mut();
        let asked = session.asked.clone().unwrap_or_default();
        let shown = session.quic().crypto_session().peer_identity();
        let chain = shown.and_then(|shown| shown.downcast::<Vec<CertificateDer<'static>>>().ok());
        let leaf = chain.as_ref().and_then(|chain| chain.first()).map(|leaf| &**leaf);
        let known = QuicFacts::of(session.quic().crypto_session());
        let facts = ServerTls::quic_session(&asked, known, leaf).map(Arc::new).ok();
        if facts.is_none() {
            session.end(Code::Internal, "quic_certificate_expired");
        }
        let agreed = Rc::new(Agreed { terms: Arc::clone(&self.terms), asked, facts });
        if session.is_connected() {
            self.agreed = Some(Rc::clone(&agreed));
        }
        agreed
    }

    /// Tells the client, twice, that the connection ends, and ends it when all is served.
    fn watch_drain(&mut self, connection: &Connection, now_ms: u64) {
        let mut session = self.session.borrow_mut();
        match self.drain {
            Drain::None if connection.worker.is_draining() && session.is_connected() => {
                session.go_away(false);
                self.drain = Drain::Told { at_ms: now_ms };
            }
            Drain::Told { at_ms } if now_ms >= at_ms + TICK_MS => {
                session.go_away(true);
                self.drain = Drain::Closed { at_ms: now_ms };
            }
            Drain::Closed { .. } if session.open_streams() > 0 => self.drain = Drain::Closed { at_ms: now_ms },
            Drain::Closed { at_ms } => {
                if session.is_delivered() || now_ms >= at_ms + DELIVERY_MS {
                    session.end(Code::NoError, "");
                }
            }
            Drain::None | Drain::Told { .. } => {}
        }
    }

    /// Ends a connection on which nothing moved for as long as it may.
    fn watch_time(&mut self, connection: &Connection, now_ms: u64) {
        let mut session = self.session.borrow_mut();
        let limits = &connection.listener.current().plan.limits;
        if !session.is_connected() {
            let most_ms = if self.endpoint.is_crowded() { HURRIED_MS } else { limits.header_time_ms };
            if now_ms >= self.began_ms.saturating_add(most_ms) {
                session.end(Code::NoError, "");
            }
            connection.deadline.arm(now_ms + TICK_MS.max(most_ms / 4));
            return;
        }
        let moved = session.received_bytes() ^ (session.open_streams() as u64) << 48;
        if moved != self.moved.0 {
            self.moved = (moved, now_ms);
        }
        let still_ms = now_ms.saturating_sub(self.moved.1);
        if now_ms >= self.looked_ms + TICK_MS {
            self.looked_ms = now_ms;
            session.give_up_late_heads(now_ms, limits.header_time_ms);
        }
        if session.open_streams() == 0 && still_ms >= limits.idle_ms {
            session.end(Code::NoError, "");
            return;
        }
        let ask_ms = limits.idle_ms / ASKED_IN_IDLE;
        if session.open_streams() > 0 && now_ms >= self.asked_ms.saturating_add(ask_ms) {
            self.asked_ms = now_ms;
            session.quic().ping();
        }
        let next_ms = if self.drain == Drain::None { ask_ms.min(limits.header_time_ms).max(TICK_MS) } else { TICK_MS };
        connection.deadline.arm(now_ms.saturating_add(next_ms));
    }

    /// Counts and logs what the connection came to, once.
    fn end(&mut self, connection: &mut Connection) {
        let (resets, end, is_connected) = {
            let mut session = self.session.borrow_mut();
            (session.take_resets(), session.ended().cloned(), session.is_connected())
        };
        if let Some(resets) = resets {
            connection.worker.recorder.streams_reset(&resets, false);
        }
        let has_just_ended = (is_connected || end.is_some()) && self.endpoint.end_handshake(self.handle);
        if has_just_ended
            && is_connected
            && let Some(facts) = &self.agreed().facts
        {
            connection.worker.recorder.shaken_hands(&connection.listener.meter.get(), facts);
        }
        let Some(end) = end.filter(|_| self.open.take().is_some()) else { return };
        match end {
            End::Quiet => {}
            End::Fault(reason) => note_fault(connection, Version::Http3, reason),
            End::Handshake(alert) => note_unserved(connection, refusal(alert)),
        }
    }

    /// Waits for the connection's next moment; says whether it has come.
    fn is_timer_due(&mut self, context: &mut Context<'_>) -> bool {
        let Some(at) = self.session.borrow_mut().quic().poll_timeout() else { return false };
        let at = tokio::time::Instant::from_std(at);
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        self.timer.as_mut().poll(context).is_ready()
    }
}

/// Why a handshake failed, by the alert that told the client (RFC 8446, section 6.2).
fn refusal(alert: Option<u8>) -> Failure {
    match alert {
        Some(116) => Failure::NoClientCertificate,
        Some(42..=46 | 48) => Failure::ClientCertificateRefused,
        Some(40 | 70 | 120) => Failure::NothingInCommon,
        Some(49 | 112) => Failure::UnknownServerName,
        _ => Failure::HandshakeMalformed,
    }
}
