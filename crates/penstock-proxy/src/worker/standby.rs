//! Listening sockets of neighbours: accepted from while their own worker does not.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use tokio::task::AbortHandle;

use super::context::Worker;
use crate::listener::{ListenSocket, ListenerState, accept};

/// One listening socket of another worker.
pub(super) struct Standby {
    owner: u32,
    socket: Arc<OwnedFd>,
    accepting: RefCell<Option<AbortHandle>>,
}

impl Standby {
    /// Holds the socket of the worker with this index.
    pub(super) fn new(owner: u32, socket: Arc<OwnedFd>) -> Self {
        Self { owner, socket, accepting: RefCell::default() }
    }

    /// Begins or ends to accept, as `attended` has it: one bit for each worker that accepts itself.
    ///
    /// # Errors
    /// The socket cannot be adopted; the next turn tries again.
    pub(super) fn attend(&self, attended: u64, worker: &Rc<Worker>, state: &Rc<ListenerState>) -> io::Result<()> {
        let is_needed = attended >> self.owner & 1 == 0;
        let mut accepting = self.accepting.borrow_mut();
        if !is_needed {
            // Not held open: a descriptor that is polled for nobody would wake this thread in vain.
            if let Some(task) = accepting.take() {
                task.abort();
            }
        } else if accepting.is_none() {
            let is_unix = state.current().plan.address.starts_with("unix:");
            let socket = Rc::new(ListenSocket::adopt(self.socket.try_clone()?, is_unix)?);
            let task = accept(Rc::clone(worker), Rc::clone(state), socket);
            *accepting = Some(tokio::task::spawn_local(task).abort_handle());
        }
        Ok(())
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        if let Some(task) = self.accepting.get_mut().take() {
            task.abort();
        }
    }
}
