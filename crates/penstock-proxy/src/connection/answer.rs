//! Answers that the gateway makes itself: one form for every failure.

use super::work::Work;
use crate::failure::Failure;

/// Makes the exchange hold the gateway's own answer to a failure; an answer in hand is dropped.
pub(crate) fn answer_failure(work: &mut Work, failure: Failure) {
    let verdict = failure.verdict();
    work.attempt = None;
    work.exchange.refuse(verdict.status, verdict.reason, &failure.to_string());
    work.record.blame = Some(verdict.blame);
}
