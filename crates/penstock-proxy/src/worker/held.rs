//! A listening socket as a worker holds it: accepted from for as long as that is this worker's turn.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use tokio::task::AbortHandle;

use super::context::Worker;
use crate::listener::{ListenSocket, ListenerState, accept, accept_waiting};
use crate::stream::carry_datagrams;

/// One listening socket, of this worker or of a neighbour.
pub(super) struct Held {
    /// Index of the worker that accepts from it first of all; none: all do.
    pub(super) owner: Option<u32>,
    socket: Arc<OwnedFd>,
    accepting: RefCell<Option<(AbortHandle, Rc<ListenSocket>)>>,
}

impl Held {
    /// Holds a socket, and does not accept from it yet.
    pub(super) fn new(owner: Option<u32>, socket: Arc<OwnedFd>) -> Self {
        Self { owner, socket, accepting: RefCell::default() }
    }

    /// Begins or ends to accept; as it was, nothing happens.
    ///
    /// # Errors
    /// The socket cannot be adopted; the next turn tries again.
    pub(super) fn attend(&self, is_needed: bool, worker: &Rc<Worker>, state: &Rc<ListenerState>) -> io::Result<()> {
        let mut accepting = self.accepting.borrow_mut();
        if !is_needed {
            // Not held open: a descriptor that is polled for nobody would wake this thread in vain.
            if let Some((task, _)) = accepting.take() {
                task.abort();
            }
        } else if accepting.is_none() {
            let socket = Rc::new(self.adopt(state)?);
            let (worker, state, own) = (Rc::clone(worker), Rc::clone(state), Rc::clone(&socket));
            let task = match &*socket {
                ListenSocket::Udp(_) => tokio::task::spawn_local(carry_datagrams(worker, state, own)),
                _ => tokio::task::spawn_local(accept(worker, state, own)),
            };
            *accepting = Some((task.abort_handle(), socket));
        }
        Ok(())
    }

    /// Accepts no more than what waits already, where that is for this worker to do.
    pub(super) fn stop(&self, worker: &Rc<Worker>, state: &Rc<ListenerState>) {
        if let Some((task, socket)) = self.accepting.borrow_mut().take() {
            task.abort();
            accept_waiting(worker, state, &socket);
        } else if self.owner.is_none_or(|owner| owner == worker.share.index)
            && let Ok(socket) = self.adopt(state)
        {
            // Its neighbour that accepted from it may be about to end as well.
            accept_waiting(worker, state, &socket);
        }
    }

    fn adopt(&self, state: &ListenerState) -> io::Result<ListenSocket> {
        ListenSocket::adopt(self.socket.try_clone()?, &state.current().plan.address)
    }
}
