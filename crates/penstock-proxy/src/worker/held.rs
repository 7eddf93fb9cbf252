//! A listening socket as a worker holds it: accepted from for as long as that is this worker's turn.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use penstock_plan::Protocol;
use socket2::{SockRef, Type};
use tokio::task::AbortHandle;

use super::context::Worker;
use super::run::Listening;
use crate::connection::begin_http3;
use crate::listener::{ListenSocket, ListenerState, accept, accept_waiting};
use crate::quic::{Endpoint, receive};
use crate::stream::carry_datagrams;

/// One listening socket, of this worker or of a neighbour.
pub(super) struct Held {
    /// Index of the worker that accepts from it first of all; none: all do.
    pub(super) owner: Option<u32>,
    /// Position among the sockets of its address, which connections of QUIC name.
    index: u8,
    /// Whether it is a socket of datagrams.
    pub(super) is_datagrams: bool,
    socket: Arc<OwnedFd>,
    accepting: RefCell<Option<Accepting>>,
}

/// How a socket is accepted from.
enum Accepting {
    /// Connections, or the datagrams of clients, by a task.
    By(AbortHandle, Rc<ListenSocket>),
    /// Connections of QUIC, which stay here.
    Own,
    /// Such for a neighbour: no more than their first datagrams.
    For(AbortHandle),
}

impl Held {
    /// Holds a socket, and does not accept from it yet.
    pub(super) fn new(Listening { owner, index, socket, .. }: Listening) -> Self {
        let is_datagrams = SockRef::from(&*socket).r#type().is_ok_and(|kind| kind == Type::DGRAM);
        Self { owner, index, is_datagrams, socket, accepting: RefCell::default() }
    }

    /// Begins or ends to accept; as it was, nothing happens.
    ///
    /// # Errors
    /// The socket cannot be adopted; the next turn tries again.
    pub(super) fn attend(&self, is_needed: bool, worker: &Rc<Worker>, state: &Rc<ListenerState>) -> io::Result<()> {
        let mut accepting = self.accepting.borrow_mut();
        if is_needed && accepting.is_none() && state.speaks(Protocol::H3) && self.is_datagrams {
            *accepting = self.receive(worker, state)?;
        } else if !is_needed {
            // Not held open: a descriptor that is polled for nobody would wake this thread in vain.
            // Connections of QUIC are this worker's even while others are to have the next ones.
            if let Some(Accepting::By(task, _) | Accepting::For(task)) =
                accepting.take_if(|accepting| !matches!(accepting, Accepting::Own))
            {
                task.abort();
            }
        } else if accepting.is_none() {
            let socket = Rc::new(self.adopt(state)?);
            let (worker, state, own) = (Rc::clone(worker), Rc::clone(state), Rc::clone(&socket));
            let task = match &*socket {
                ListenSocket::Udp(_) => tokio::task::spawn_local(carry_datagrams(worker, state, own)),
                _ => tokio::task::spawn_local(accept(worker, state, own)),
            };
            *accepting = Some(Accepting::By(task.abort_handle(), socket));
        }
        Ok(())
    }

    /// Accepts no more than what waits already, where that is for this worker to do.
    pub(super) fn stop(&self, worker: &Rc<Worker>, state: &Rc<ListenerState>) {
        let accepting = self.accepting.borrow_mut().take();
        match accepting {
            Some(Accepting::By(task, socket)) => {
                task.abort();
                accept_waiting(worker, state, &socket);
            }
            Some(Accepting::Own) => state.end_quic(),
            Some(Accepting::For(task)) => task.abort(),
            None => self.accept_rest(worker, state),
        }
    }

    /// Accepts what waits at a socket from which nobody accepted here.
    fn accept_rest(&self, worker: &Rc<Worker>, state: &Rc<ListenerState>) {
        if self.owner.is_none_or(|owner| owner == worker.share.index)
            && !self.is_datagrams
            && let Ok(socket) = self.adopt(state)
        {
            // Its neighbour that accepted from it may be about to end as well.
            accept_waiting(worker, state, &socket);
        }
    }

    /// Begins to take connections of QUIC: from the listener's own socket for good, from a neighbour's until it does so.
    /// Their clients' next datagrams come by the own one, which the numbers of the connections name.
    fn receive(&self, worker: &Rc<Worker>, state: &Rc<ListenerState>) -> io::Result<Option<Accepting>> {
        let is_own = self.owner.is_none_or(|owner| owner == worker.share.index);
        let ListenSocket::Udp(socket) = self.adopt(state)? else { return Ok(None) };
        let (endpoint, neighbours) = match state.quic().filter(|endpoint| !endpoint.is_closing()) {
            Some(endpoint) if is_own => (endpoint, None),
            Some(endpoint) => (endpoint, Some(socket)),
            None if is_own => {
                let listener = state.current();
                let Some(terms) = &listener.quic else { return Ok(None) };
                let (index, own) = (self.index, (Rc::clone(worker), Rc::clone(state)));
                let endpoint = Rc::new(Endpoint::new(own.0, own.1, socket, index, terms)?);
                state.set_quic(Rc::clone(&endpoint));
                (endpoint, None)
            }
            None => return Ok(None),
        };
        let task = tokio::task::spawn_local(receive(endpoint, neighbours, begin_http3));
        Ok(Some(if is_own { Accepting::Own } else { Accepting::For(task.abort_handle()) }))
    }

    fn adopt(&self, state: &ListenerState) -> io::Result<ListenSocket> {
        ListenSocket::adopt(self.socket.try_clone()?, &state.current().plan.address)
    }
}
