//! Connections to destinations that requests name themselves, kept for others that go to the same address by the same
//! name.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;

use foldhash::fast::RandomState;

use super::endpoint::Endpoint;

/// Destinations to which connections are kept: clients may name any number of them.
const MOST: usize = 256;
/// Connections that are kept to one of them.
pub(super) const MOST_IDLE: u64 = 8;
/// Time that an unused one is kept: less than the minute after which many close.
const KEEP_MS: u64 = 55_000;

/// An address, and the name by which it was found.
type Destination = (SocketAddr, Box<str>);

/// Destinations to which connections are kept, or requests are under way.
#[derive(Default)]
pub(crate) struct Destinations {
    known: RefCell<HashMap<Destination, Rc<Endpoint>, RandomState>>,
}

impl Destinations {
    /// What is kept for an address and a name; none where too much is kept already.
    pub(super) fn of(
        &self,
        address: SocketAddr,
        name: &str,
        make: impl FnOnce() -> Rc<Endpoint>,
    ) -> Option<Rc<Endpoint>> {
        let mut known = self.known.borrow_mut();
        let key = (address, name.into());
        if let Some(endpoint) = known.get(&key) {
            return Some(Rc::clone(endpoint));
        }
        if known.len() >= MOST {
            return None;
        }
        Some(Rc::clone(known.entry(key).or_insert_with(make)))
    }

    /// Closes connections that waited too long, and forgets destinations that nobody goes to.
    pub(super) fn sweep(&self, now_ms: u64) {
        let oldest_ms = now_ms.saturating_sub(KEEP_MS);
        self.known.borrow_mut().retain(|_, endpoint| {
            endpoint.sweep(oldest_ms);
            endpoint.is_waited_at() || Rc::strong_count(endpoint) > 1
        });
    }

    /// Closes one connection that waits; says no where none does.
    pub(super) fn close_idle(&self) -> bool {
        self.known.borrow().values().any(|endpoint| endpoint.close_oldest())
    }
}
