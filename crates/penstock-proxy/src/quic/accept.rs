//! Connections that begin, and which of them are let in.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use quinn_proto::{ConnectionHandle, Incoming};

use super::endpoint::Endpoint;
use crate::http3::{Limits, Session};
use crate::listener::OpenConnection;
use crate::tls::{Asked, ServerTls, take_asked};

/// Handshakes under way from which on a client has to show that it is where it says, before anything is kept of it.
const MOST_UNPROVED: usize = 200;
/// Those from which on each has less time, so that there are soon fewer.
const MANY: usize = MOST_UNPROVED / 2;
/// Time that a handshake may take while there are so many.
pub(crate) const HURRIED_MS: u64 = 3_000;

/// A connection that has just begun.
pub(crate) struct Fresh {
    pub(crate) handle: ConnectionHandle,
    pub(crate) session: Rc<RefCell<Session>>,
    /// What was asked of the client.
    pub(crate) terms: Arc<ServerTls>,
    /// What it asks for, if that is known yet.
    pub(crate) remote: SocketAddr,
    pub(crate) local_ip: Option<IpAddr>,
    pub(crate) open: OpenConnection,
}

impl Endpoint {
    /// Whether there are so many handshakes under way that each is hurried.
    pub(crate) fn is_crowded(&self) -> bool {
        self.handshakes.borrow().len() >= MANY
    }

    /// Lets a connection begin, has it prove its address first, or turns it away.
    pub(super) fn admit(&self, incoming: Incoming, out: &mut Vec<u8>) -> Option<Fresh> {
        let mut inner = self.inner.borrow_mut();
        if self.is_closing() || self.worker.memory.is_closed() {
            let refusal = inner.refuse(incoming, out);
            self.socket.send(&refusal, out);
            return None;
        }
        if self.handshakes.borrow().len() >= MOST_UNPROVED
            && incoming.may_retry()
            && !incoming.remote_address_validated()
        {
            if let Ok(retry) = inner.retry(incoming, out) {
                self.socket.send(&retry, out);
            }
            return None;
        }
        let Some(open) = OpenConnection::enter(&self.worker, &self.listener) else {
            let refusal = inner.refuse(incoming, out);
            self.socket.send(&refusal, out);
            return None;
        };
        let listener = self.listener.current();
        let (Some(quic), Some(terms)) = (&listener.quic, &listener.tls) else {
            inner.ignore(incoming);
            return None;
        };
        let (remote, local_ip) = (incoming.remote_address(), incoming.local_ip());
        let accepted = inner.accept(incoming, Instant::now(), out, Some(Arc::clone(&quic.server)));
        let (handle, connection) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                self.worker.recorder.count(self.listener.meter.get().accept_failures, 1);
                if let Some(response) = error.response {
                    self.socket.send(&response, out);
                }
                return None;
            }
        };
        let streams = listener.plan.limits.streams;
        let limits = Limits { head: listener.head_limits, takes_early: terms.takes_early(), streams };
        let mut session = Session::new(connection, limits, self.worker.spare_requests.clone());
        session.note_asked(take_asked());
        let session = Rc::new(RefCell::new(session));
        self.connections.borrow_mut().insert(handle, Rc::clone(&session));
        self.handshakes.borrow_mut().insert(handle, self.worker.clock.coarse_ms());
        Some(Fresh { handle, session, terms: Arc::clone(terms), remote, local_ip, open })
    }
}

impl Session {
    /// Keeps what the client asked for in its handshake.
    pub(super) fn note_asked(&mut self, asked: Option<Asked>) {
        if asked.is_some() {
            self.asked = asked;
        }
    }
}
