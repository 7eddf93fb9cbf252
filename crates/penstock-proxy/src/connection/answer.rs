//! Answers that the gateway makes itself: one form for every failure.

use super::work::Work;
use crate::failure::Failure;

/// Seconds after which a client may come again whom there was no memory for: about what it takes to be had again.
const RETRY_AFTER: &[u8] = b"5";

/// Makes the exchange hold the gateway's own answer to a failure; an answer in hand is dropped.
pub(crate) fn answer_failure(work: &mut Work, failure: Failure) {
    let verdict = failure.verdict();
    work.attempt = None;
    work.exchange.refuse(verdict.status, verdict.reason, &failure.to_string());
    if failure == Failure::OutOfMemory {
        work.exchange.response.head.add(b"retry-after", RETRY_AFTER);
    }
    work.record.blame = Some(verdict.blame);
}
