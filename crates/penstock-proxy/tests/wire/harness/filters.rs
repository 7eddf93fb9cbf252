//! Filters of the tests' own; they enter as foreign filters do.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use penstock_proxy::exchange::{Exchange, LocalBody};
use penstock_proxy::pipeline::{Filter, Finish, ForeignFilter, ForeignFilters, ForeignStep, Outcome};
use serde_json::Value;

/// Builds them.
pub(crate) struct TestFilters;

impl ForeignFilters for TestFilters {
    fn build(&self, step: &ForeignStep<'_>) -> Result<ForeignFilter, String> {
        let (kind, settings) = (step.kind, step.settings);
        let filter: Box<dyn Filter> = match kind {
            "Respond" => Box::new(Respond::new(settings)),
            "Buffer" => Box::new(Buffer),
            "LimitBody" => Box::new(LimitBody(settings["bytes"].as_u64().ok_or("bytes")?)),
            "PanicIn" => Box::new(PanicIn),
            "PanicOut" => Box::new(PanicOut),
            "PanicInDrop" => Box::new(PanicInDrop),
            "Mark" => Box::new(Mark),
            "Hold" => Box::new(Hold(Duration::from_millis(settings["ms"].as_u64().ok_or("ms")?))),
            _ => return Err(format!("no test filter {kind}")),
        };
        Ok(ForeignFilter { filter, results: Some(Vec::new()) })
    }
}

/// Answers.
struct Respond {
    status: u16,
    body: Vec<u8>,
}

impl Respond {
    fn new(settings: &Value) -> Self {
        let body = settings["body"].as_str().unwrap_or_default().as_bytes().to_vec();
        Self { status: settings["status"].as_u64().unwrap_or(200) as u16, body }
    }
}

impl Filter for Respond {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        exchange.answer(self.status, LocalBody::Owned(self.body.clone()));
        Outcome::Answer
    }
}

/// Wants the whole body and changes nothing.
struct Buffer;

impl Filter for Buffer {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        assert!(exchange.buffered_body.is_some());
        Outcome::Continue
    }

    fn buffers_body(&self, _: &Exchange) -> bool {
        true
    }
}

/// Limits the body that streams through.
struct LimitBody(u64);

impl Filter for LimitBody {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        exchange.body_limit = Some(self.0);
        Outcome::Continue
    }
}

/// Panics on the way in.
struct PanicIn;

impl Filter for PanicIn {
    fn on_request(&self, _: &mut Exchange) -> Outcome {
        panic!("a test's filter panics on purpose")
    }
}

/// Panics on the way out.
struct PanicOut;

impl Filter for PanicOut {
    fn on_response(&self, _: &mut Exchange) -> Outcome {
        panic!("a test's filter panics on purpose")
    }
}

/// Waits for ever, and panics when its work is given up.
struct PanicInDrop;

impl Filter for PanicInDrop {
    fn on_request(&self, _: &mut Exchange) -> Outcome {
        Outcome::Wait(Box::pin(Unfinished))
    }
}

struct Unfinished;

impl Future for Unfinished {
    type Output = Finish;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Finish> {
        Poll::Pending
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        panic!("a test's filter panics on purpose")
    }
}

/// Holds the whole worker up, as no filter may.
struct Hold(Duration);

impl Filter for Hold {
    fn on_request(&self, _: &mut Exchange) -> Outcome {
        std::thread::sleep(self.0);
        Outcome::Continue
    }
}

/// Marks request and answer, each side once.
struct Mark;

impl Filter for Mark {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        exchange.request.head.add(b"x-mark", b"in");
        Outcome::Continue
    }

    fn on_response(&self, exchange: &mut Exchange) -> Outcome {
        exchange.response.head.add(b"x-mark", b"out");
        Outcome::Continue
    }
}
