//! Answers that the gateway makes itself: one form for every failure.

use serde::Serialize;

use super::work::Work;
use crate::exchange::{Answer, LocalBody, Name};
use crate::failure::Failure;
use crate::http1::reason_phrase;

/// A failure as RFC 9457 has it.
#[derive(Serialize)]
struct ProblemDetails<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    reason: &'a str,
    request_id: &'a str,
}

/// Makes the exchange hold the gateway's own answer to a failure; an answer in hand is dropped.
pub(crate) fn answer_failure(work: &mut Work, failure: Failure) {
    let verdict = failure.verdict();
    let detail = failure.to_string();
    work.attempt = None;
    let exchange = &mut work.exchange;
    let (body, content_type) = if takes_text(exchange.request.head.first(Name::ACCEPT)) {
        let text = format!("{} {}: {detail}\n", verdict.status, reason_phrase(verdict.status));
        (text.into_bytes(), &b"text/plain; charset=utf-8"[..])
    } else {
        let details = ProblemDetails {
            r#type: "about:blank",
            title: reason_phrase(verdict.status),
            status: verdict.status,
            detail: &detail,
            reason: verdict.reason,
            request_id: &exchange.request.id,
        };
        (serde_json::to_vec(&details).unwrap_or_default(), &b"application/problem+json"[..])
    };
    exchange.response.head.clear(usize::MAX);
    exchange.response.status = verdict.status;
    exchange.response.head.add_known(Name::CONTENT_TYPE, content_type);
    exchange.answer = Answer::Local(LocalBody::Owned(body));
    exchange.reason = verdict.reason;
    work.record.blame = Some(verdict.blame);
}

/// A browser or a person at a terminal reads text; a program that says nothing gets JSON.
fn takes_text(accept: Option<&[u8]>) -> bool {
    let Some(accept) = accept else { return false };
    let has = |part: &[u8]| accept.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    has(b"text/") && !has(b"json")
}
