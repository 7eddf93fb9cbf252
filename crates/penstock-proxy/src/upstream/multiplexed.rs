//! Connections to one endpoint that carry many requests at once.
//!
//! While one of them is being made, and until the endpoint has said how many streams it takes, other requests wait for
//! it: a burst of them would else make a connection each.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};

use crate::http2::Session;

/// Connections of HTTP/2 to one endpoint, as one worker has them.
#[derive(Default)]
pub(crate) struct Multiplexed {
    sessions: RefCell<Vec<Rc<RefCell<Session>>>>,
    /// Whether the endpoint has chosen HTTP/1.1 when it was asked.
    is_declined: Cell<bool>,
    is_connecting: Cell<bool>,
    /// Requests that wait for the connection that is being made.
    waiting: RefCell<Vec<Waker>>,
}

impl Multiplexed {
    /// A connection that takes another request.
    pub(crate) fn find(&self) -> Option<Rc<RefCell<Session>>> {
        self.sessions.borrow().iter().find(|session| session.borrow().may_ask()).map(Rc::clone)
    }

    /// Keeps a connection for others. Whoever serves it calls `look` once the endpoint has spoken, or has not.
    pub(crate) fn add(&self, session: &Rc<RefCell<Session>>) {
        self.sessions.borrow_mut().push(Rc::clone(session));
    }

    /// Makes the caller the one who connects; none where a connection is on its way already.
    pub(crate) fn begin(&self) -> Option<Connecting<'_>> {
        if self.is_one_coming() {
            return None;
        }
        self.is_connecting.set(true);
        Some(Connecting { of: self })
    }

    /// Whether a connection is being made, or has not heard from the endpoint yet.
    pub(crate) fn is_one_coming(&self) -> bool {
        let is_unheard = |session: &Session| session.ended().is_none() && !session.is_heard();
        self.is_connecting.get() || self.sessions.borrow().iter().any(|session| is_unheard(&session.borrow()))
    }

    /// Has the task woken when the connection that is on its way stands or has failed.
    pub(crate) fn wait(&self, context: &Context<'_>) {
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|known| known.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
    }

    /// Has those look again who wait.
    pub(crate) fn look(&self) {
        self.waiting.borrow_mut().drain(..).for_each(Waker::wake);
    }

    /// Notes whether the endpoint would rather speak HTTP/1.1.
    pub(crate) fn set_declined(&self, is_declined: bool) {
        self.is_declined.set(is_declined);
    }

    /// Whether it would.
    pub(crate) fn is_declined(&self) -> bool {
        self.is_declined.get()
    }

    /// Ends connections that have carried nothing since this moment, and forgets those that have ended; says whether
    /// there were any of the first.
    pub(super) fn retire_idle(&self, oldest_ms: u64) -> bool {
        let mut has_retired = false;
        self.sessions.borrow_mut().retain(|session| {
            let mut session = session.borrow_mut();
            if session.is_idle_since(oldest_ms) {
                session.retire();
                has_retired = true;
            }
            !session.is_spent() && session.ended().is_none()
        });
        has_retired
    }

    /// Connections without a request.
    pub(super) fn count_idle(&self) -> usize {
        self.sessions.borrow().iter().filter(|session| session.borrow().open_streams() == 0).count()
    }
}

impl Drop for Multiplexed {
    fn drop(&mut self) {
        self.sessions.borrow().iter().for_each(|session| session.borrow_mut().retire());
    }
}

/// The right to connect; others wait while it lives.
pub(crate) struct Connecting<'a> {
    of: &'a Multiplexed,
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        self.of.is_connecting.set(false);
        self.of.look();
    }
}
