//! An answer that a filter has made.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use penstock_proxy::exchange::{Exchange, Head, LocalBody};

/// Status, headers and body of an answer that no exchange holds yet.
#[derive(Default)]
pub(super) struct Made {
    pub(super) status: u16,
    pub(super) head: Head,
    pub(super) body: Arc<[u8]>,
}

/// An answer that its Python objects share.
#[derive(Clone, Default)]
pub(super) struct SharedMade(Arc<Mutex<Made>>);

impl SharedMade {
    /// Puts an answer where objects can share it.
    pub(super) fn new(made: Made) -> Self {
        Self(Arc::new(Mutex::new(made)))
    }

    /// The answer; what holds it never calls Python.
    pub(super) fn lock(&self) -> MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the exchange hold a copy: a filter may give the same answer again.
    pub(super) fn answer(&self, exchange: &mut Exchange) {
        let made = self.lock();
        let body = if made.body.is_empty() { LocalBody::Empty } else { LocalBody::Shared(Arc::clone(&made.body)) };
        exchange.answer(made.status, body);
        for (name, value) in made.head.iter() {
            exchange.response.head.add(name, value);
        }
    }
}
