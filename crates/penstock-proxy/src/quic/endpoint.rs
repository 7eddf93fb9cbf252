//! A listener's connections of QUIC in one worker: each datagram is for one of them, or begins one.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use quinn_proto::{ConnectionHandle, EndpointConfig, EndpointEvent};
use tokio::net::UdpSocket;

use super::Terms;
use super::identifiers::Identifiers;
use super::socket::{Sending, Socket};
use crate::http3::Session;
use crate::listener::ListenerState;
use crate::worker::Worker;

/// Time between two notices that a connection is gone: a worker in the place of a dead one has many to send.
const BETWEEN_RESETS: Duration = Duration::from_millis(1);
/// Calls to send of one connection before others have their turn.
const MOST_SENDS: usize = 8;

/// The connections of a listener, and the socket that they send by.
pub(crate) struct Endpoint {
    pub(crate) worker: Rc<Worker>,
    pub(crate) listener: Rc<ListenerState>,
    pub(super) inner: RefCell<quinn_proto::Endpoint>,
    pub(super) socket: Rc<Socket>,
    pub(super) connections: RefCell<HashMap<ConnectionHandle, Rc<RefCell<Session>>, RandomState>>,
    /// When each handshake that is under way began, by the thread's clock.
    pub(super) handshakes: RefCell<HashMap<ConnectionHandle, u64, RandomState>>,
    is_closing: Cell<bool>,
    /// Wakes the task that receives, for it to end.
    receiver: RefCell<Option<Waker>>,
}

impl Endpoint {
    /// Of the socket with an index among those of the listener.
    ///
    /// # Errors
    /// The socket is none of datagrams.
    pub(crate) fn new(
        worker: Rc<Worker>,
        listener: Rc<ListenerState>,
        socket: UdpSocket,
        index: u8,
        terms: &Terms,
    ) -> io::Result<Self> {
        let mut config = EndpointConfig::new(Arc::clone(&terms.keys.resets));
        config.cid_generator(move || Box::new(Identifiers { socket: index })).min_reset_interval(BETWEEN_RESETS);
        let socket = Rc::new(Socket::new(socket)?);
        let inner = quinn_proto::Endpoint::new(Arc::new(config), Some(Arc::clone(&terms.server)), true, None);
        Ok(Self {
            worker,
            listener,
            inner: RefCell::new(inner),
            socket,
            connections: RefCell::default(),
            handshakes: RefCell::default(),
            is_closing: Cell::new(false),
            receiver: RefCell::default(),
        })
    }

    /// The address that its socket is bound to.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        self.socket.local_address()
    }

    /// Takes no further connections; those that are open go on.
    pub(crate) fn close(&self) {
        self.is_closing.set(true);
        self.wake_receiver();
    }

    fn wake_receiver(&self) {
        if let Some(receiver) = &*self.receiver.borrow() {
            receiver.wake_by_ref();
        }
    }

    /// Whether it takes no further connections.
    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.get() || self.worker.is_draining()
    }

    /// Whether nothing is left to be received; if something is, the task is woken when that changes.
    pub(super) fn is_over(&self, context: &Context<'_>) -> bool {
        *self.receiver.borrow_mut() = Some(context.waker().clone());
        self.is_closing.get() && self.connections.borrow().is_empty()
    }

    /// Lets a connection's events take effect on the others' common state; says whether it is over.
    pub(crate) fn settle(&self, handle: ConnectionHandle, session: &RefCell<Session>) {
        loop {
            let Some(event) = session.borrow_mut().quic().poll_endpoint_events() else { return };
            let answer = self.inner.borrow_mut().handle_event(handle, event);
            if let Some(answer) = answer {
                session.borrow_mut().quic().handle_event(answer);
            }
        }
    }

    /// Forgets a connection, whatever becomes of it.
    pub(crate) fn forget(&self, handle: ConnectionHandle, is_drained: bool) {
        self.handshakes.borrow_mut().remove(&handle);
        if self.connections.borrow_mut().remove(&handle).is_some() && !is_drained {
            self.inner.borrow_mut().handle_event(handle, EndpointEvent::drained());
        }
        if self.is_closing.get() {
            self.wake_receiver();
        }
    }

    /// Notes that a handshake is no more under way; says whether it was.
    pub(crate) fn end_handshake(&self, handle: ConnectionHandle) -> bool {
        self.handshakes.borrow_mut().remove(&handle).is_some()
    }

    /// Sends what a connection has to send. Ready when that is all.
    pub(crate) fn poll_send(
        &self,
        context: &mut Context<'_>,
        session: &RefCell<Session>,
        sending: &mut Sending,
    ) -> Poll<()> {
        for _ in 0..MOST_SENDS {
            let buffer = ready!(sending.poll_ready(context, &self.socket));
            let most = self.socket.most_segments();
            let Some(transmit) = session.borrow_mut().quic().poll_transmit(Instant::now(), most, buffer) else {
                sending.rest();
                return Poll::Ready(());
            };
            sending.send(transmit, &self.socket);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
