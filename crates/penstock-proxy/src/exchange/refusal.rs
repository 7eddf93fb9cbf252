//! Answers in the gateway's own form, whoever refuses the request.

use serde::Serialize;

use super::{Exchange, LocalBody, Name};
use crate::grpc::escaped;
use crate::http1::reason_phrase;

/// A refusal as RFC 9457 has it.
#[derive(Serialize)]
struct ProblemDetails<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    reason: &'a str,
    request_id: &'a str,
}

impl Exchange {
    /// Answers in the gateway's own form, problem details or the text that `Accept` asks for; an earlier answer is
    /// replaced. `reason` is a stable word for the log and the counter, `detail` a sentence.
    pub fn refuse(&mut self, status: u16, reason: &'static str, detail: &str) {
        if self.grpc.is_some() {
            self.answer(status, LocalBody::Empty);
            self.response.head.set(b"grpc-message", escaped(detail).as_bytes());
            self.reason = reason;
            return;
        }
        let title = reason_phrase(status);
        let (body, content_type) = if takes_text(self.request.head.first(Name::ACCEPT)) {
            (format!("{status} {title}: {detail}\n").into_bytes(), &b"text/plain; charset=utf-8"[..])
        } else {
            let request_id = &self.request.id;
            let details = ProblemDetails { r#type: "about:blank", title, status, detail, reason, request_id };
            (serde_json::to_vec(&details).unwrap_or_default(), &b"application/problem+json"[..])
        };
        self.answer(status, LocalBody::Owned(body));
        self.response.head.add_known(Name::CONTENT_TYPE, content_type);
        self.reason = reason;
    }
}

/// A browser or a person at a terminal reads text; a program that says nothing gets JSON.
fn takes_text(accept: Option<&[u8]>) -> bool {
    let Some(accept) = accept else { return false };
    let has = |part: &[u8]| accept.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    has(b"text/") && !has(b"json")
}
