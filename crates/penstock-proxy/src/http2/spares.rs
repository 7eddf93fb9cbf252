//! Requests whose memory waits for the next stream.

use std::cell::RefCell;
use std::rc::Rc;

use crate::exchange::Request;

/// Most of them; a burst's are let go of.
const MOST: usize = 256;
/// Bytes that each part of one may keep.
const KEPT_BYTES: usize = 8 << 10;

/// The spare requests of one thread.
#[derive(Debug, Clone, Default)]
#[allow(clippy::vec_box, reason = "they are lent one by one: moving a pointer beats moving the request")]
pub(crate) struct Spares(Rc<RefCell<Vec<Box<Request>>>>);

impl Spares {
    /// An empty request.
    pub(crate) fn take(&self) -> Box<Request> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes one back.
    pub(crate) fn give(&self, mut request: Box<Request>) {
        let mut spares = self.0.borrow_mut();
        if spares.len() < MOST {
            request.clear(KEPT_BYTES);
            spares.push(request);
        }
    }

    /// Lets go of all but a few.
    pub(crate) fn trim(&self, most: usize) {
        self.0.borrow_mut().truncate(most);
    }
}
