//! The exchange: a request, its answer, and what a filter may do to both.

use std::sync::Arc;

use super::{Facts, Request, Response};
use crate::grpc::Call;
use crate::websocket::Limits;

/// Bytes of a body that the gateway makes itself.
#[derive(Debug, Clone, Default)]
pub enum LocalBody {
    /// No body.
    #[default]
    Empty,
    /// Text that a filter's settings own; shared, never copied.
    Shared(Arc<[u8]>),
    /// Text made for this answer.
    Owned(Vec<u8>),
}

impl LocalBody {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Empty => &[],
            Self::Shared(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// Where the answer in hand comes from.
#[derive(Debug, Default)]
pub enum Answer {
    /// There is none yet.
    #[default]
    None,
    /// The gateway made it.
    Local(LocalBody),
    /// An upstream sends it; the core holds the connection.
    Upstream,
}

/// A route as an exchange remembers it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RouteName {
    /// The resource's name.
    pub name: Box<str>,
    /// Names of its path parameters, in order.
    pub param_names: Box<[Box<str>]>,
    /// Whether it serves named hosts only (exact or with a wildcard), so that a link may be
    /// built from the request's host (D11).
    pub names_hosts: bool,
    /// Pattern of its paths, as traces name it; empty where that is a regular expression.
    pub pattern: Box<str>,
}

/// One request and its answer, as filters see them.
///
/// Framing (`Content-Length`, `Transfer-Encoding`, `Connection`) is not here: the core
/// decides it when it serialises.
#[derive(Debug, Default)]
pub struct Exchange {
    /// The request.
    pub request: Request,
    /// The answer's head; its status is 0 while there is no answer.
    pub response: Response,
    /// Where the answer comes from.
    pub answer: Answer,
    /// How many answers the gateway has made: by it a filter that answers is known from one that finds an answer.
    pub answers_made: u32,
    /// The chosen route.
    pub route: Option<Arc<RouteName>>,
    /// Largest request body still accepted; the core cuts it off there with 413.
    pub body_limit: Option<u64>,
    /// Largest message of a call that is still accepted.
    pub message_limit: Option<u64>,
    /// The whole request body, once a filter that buffers it was reached.
    pub buffered_body: Option<Vec<u8>>,
    /// How it is a call of gRPC, if it is one.
    pub grpc: Option<Call>,
    /// What a WebSocket connection is held to, should the request open one.
    pub websocket: Limits,
    /// Why the gateway itself answered, in stable words; empty where it did not.
    pub reason: &'static str,
}

impl Exchange {
    /// Answers with a status, a body and no fields; an earlier answer is replaced.
    pub fn answer(&mut self, status: u16, body: LocalBody) {
        self.response.head.clear(usize::MAX);
        self.response.status = status;
        self.answer = Answer::Local(body);
        self.answers_made += 1;
    }

    /// Whether there is an answer in hand.
    pub fn is_answered(&self) -> bool {
        !matches!(self.answer, Answer::None)
    }

    /// What conditions and templates may look at.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            request: &self.request,
            response: self.is_answered().then_some(&self.response),
            route: self.route.as_ref().map_or("", |route| &route.name),
            param_names: self.route.as_ref().map_or(&[], |route| &route.param_names),
        }
    }

    /// Empties it for the next request and keeps its memory.
    pub fn clear(&mut self, keep_bytes: usize) {
        self.request.clear(keep_bytes);
        self.response.clear(keep_bytes);
        self.answer = Answer::None;
        self.answers_made = 0;
        self.route = None;
        self.body_limit = None;
        self.message_limit = None;
        self.buffered_body = None;
        self.grpc = None;
        self.websocket = Limits::default();
        self.reason = "";
    }
}
