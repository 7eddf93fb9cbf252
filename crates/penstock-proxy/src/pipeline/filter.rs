//! The face of a filter: what it may answer and how the core calls it.

use std::future::Future;
use std::pin::Pin;

use crate::exchange::Exchange;

/// A filter as a step of a pipeline runs it: settings resolved, nothing left to look up.
///
/// It never blocks. What needs time is returned as [`Outcome::Wait`] and parks only its
/// own exchange.
pub trait Filter: Send + Sync {
    /// Sees the request on its way in, or the answer in hand where it stands behind a `Forward`.
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        let _ = exchange;
        Outcome::Continue
    }

    /// Sees the answer on its way out, in reverse order of the steps.
    fn on_response(&self, exchange: &mut Exchange) -> Outcome {
        let _ = exchange;
        Outcome::Continue
    }

    /// Whether a call may take so long that the loop's reading of the clock is old after it.
    fn takes_time(&self) -> bool {
        false
    }

    /// Whether the whole request body must be in `buffered_body` before `on_request`.
    fn buffers_body(&self, exchange: &Exchange) -> bool {
        let _ = exchange;
        false
    }
}

/// What a filter says.
pub enum Outcome {
    /// Go on with the next step.
    Continue,
    /// The exchange holds an answer now; the pipeline ends.
    Answer,
    /// A named result, by its position in the kind's `results`. Without a jump the
    /// pipeline ends if the exchange holds an answer made by this call, else goes on.
    Result(ResultId),
    /// The filter itself failed: the gateway answers for it, with 500.
    Failed,
    /// Not finished: polled by the exchange's own task until it says what comes of it.
    Wait(Pending),
}

/// Position of a result in its kind's list of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResultId(pub u8);

impl ResultId {
    /// No result: no jump is ever written for it.
    pub const NONE: Self = Self(u8::MAX);
}

/// What `Forward` says of how it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ForwardResult {
    Failed,
    TimedOut,
    ServerError,
    ClientError,
}

impl ForwardResult {
    /// The texts, by position.
    pub const TEXTS: &'static [&'static str] = &["failed", "timed_out", "server_error", "client_error"];

    /// The result's position.
    pub fn id(self) -> ResultId {
        ResultId(self as u8)
    }
}

/// A filter's unfinished work. It owns what it needs and changes the exchange when it is done.
pub type Pending = Pin<Box<dyn Future<Output = Finish>>>;

/// The last part of a filter's waiting work: applied to the exchange, it gives the outcome.
pub type Finish = Box<dyn FnOnce(&mut Exchange) -> Outcome>;
