//! Runs the steps of an exchange: in, through `Forward`, and out again in reverse.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::answer::answer_failure;
use super::deliver::buffer_body;
use super::forward::forward;
use super::forward_proxy::forward_proxy;
use super::serve::Connection;
use super::work::{Passed, Sequence, Work};
use crate::exchange::{Answer, LocalBody};
use crate::failure::Failure;
use crate::filters::VerifyKey;
use crate::listener::{BuiltListener, ListenerRoutes};
use crate::pipeline::{Action, BuiltPipeline, BuiltStep, Finish, ForwardResult, Outcome, Pending, ResultId, Target};
use crate::routing::Verdict;
use crate::tracing::FAILED;
use crate::wire::begin_turn;
use crate::worker::Worker;

/// Runs `before`, routing, the route's pipeline and every response side. When it returns
/// well, the exchange holds an answer.
///
/// # Errors
/// Only where nobody is left to be answered.
pub(crate) async fn run_exchange(
    connection: &mut Connection,
    work: &mut Work,
    listener: &Arc<BuiltListener>,
    routes: Arc<ListenerRoutes>,
) -> Result<(), Failure> {
    run_in(connection, work, &listener.before, Sequence::Before, listener).await?;
    let mut pipeline = None;
    if !work.exchange.is_answered() {
        match routes.router.find(&mut work.exchange.request, &mut work.scratch) {
            Verdict::Chosen { index } => {
                pipeline = routes.enter(index, work, &connection.worker);
            }
            Verdict::NotFound => answer_failure(work, Failure::NoRoute),
            Verdict::WholeServer => work.exchange.answer(200, LocalBody::Empty),
            Verdict::MethodNotAllowed => {
                answer_failure(work, Failure::MethodNotAllowed);
                work.exchange.response.head.add(b"allow", work.scratch.allow().as_bytes());
            }
        }
    }
    // What follows may last for days.
    drop(routes);
    if let Some(pipeline) = &pipeline {
        run_in(connection, work, pipeline, Sequence::Route, listener).await?;
    }
    if !work.exchange.is_answered() {
        answer_failure(work, Failure::NoAnswer);
    }
    run_out(connection, work, pipeline.as_deref(), listener).await?;
    if !listener.after.steps.is_empty() {
        run_in(connection, work, &listener.after, Sequence::After, listener).await?;
        run_out(connection, work, pipeline.as_deref(), listener).await?;
    }
    Ok(())
}

/// Runs the request sides of some steps in order.
async fn run_in(
    connection: &mut Connection,
    work: &mut Work,
    pipeline: &BuiltPipeline,
    sequence: Sequence,
    listener: &BuiltListener,
) -> Result<(), Failure> {
    let mut index = 0;
    while let Some(step) = pipeline.steps.get(index) {
        if step.when.as_ref().is_some_and(|when| !when.holds(&work.exchange.facts())) {
            index += 1;
            continue;
        }
        let answers_made = work.exchange.answers_made;
        if work.recording.is_some() {
            begin_step(connection, work, step, false);
        }
        let outcome = match &step.action {
            Action::End => return Ok(()),
            Action::Forward(settings) => Some(forward(connection, work, settings).await?),
            // Boxed: every idle client connection would else hold room for it.
            Action::ForwardProxy(settings) => Some(Box::pin(forward_proxy(connection, work, settings)).await?),
            Action::VerifyKey(settings) => verify_key(connection, work, step, settings),
            Action::Filter(filter) => {
                if filter.buffers_body(&work.exchange) && !work.exchange.is_answered() {
                    buffer_body(connection, work, listener.plan.limits.buffered_body_bytes).await?;
                    if work.exchange.is_answered() {
                        return Ok(());
                    }
                }
                work.passed.push(Passed { sequence, index });
                let outcome = filter.on_request(&mut work.exchange);
                if filter.takes_time() {
                    begin_turn();
                }
                match outcome {
                    Outcome::Wait(pending) => Some(finish(connection, work, pending).await?),
                    Outcome::Continue => None,
                    Outcome::Failed => {
                        return {
                            fail(work);
                            end_step(connection, work, None);
                            Ok(())
                        };
                    }
                    Outcome::Answer => {
                        return {
                            drop_upstream_answer(work);
                            end_step(connection, work, Some("answered"));
                            Ok(())
                        };
                    }
                    Outcome::Result(result) => Some(result),
                }
            }
        };
        if work.recording.is_some() {
            end_step(connection, work, outcome.and_then(|result| step.result_text(result)));
        }
        index = match outcome.and_then(|result| step.target(result)) {
            Some(Target::End) => return Ok(()),
            Some(Target::Step(target)) => target,
            None if ended_by_filter(work, &step.action, answers_made, outcome) => {
                drop_upstream_answer(work);
                return Ok(());
            }
            None => index + 1,
        };
    }
    Ok(())
}

/// A filter that answers ends the pipeline, whatever answer was in hand before; a `Forward` never does.
fn ended_by_filter(work: &Work, action: &Action, answers_made: u32, outcome: Option<ResultId>) -> bool {
    match action {
        Action::Filter(_) => work.exchange.answers_made != answers_made,
        Action::VerifyKey(_) => outcome.is_some(),
        Action::Forward(_) | Action::ForwardProxy(_) | Action::End => false,
    }
}

/// Looks whose request it is; who is not let in is answered, unless a jump leads to a step that decides.
#[inline(never)]
fn verify_key(connection: &Connection, work: &mut Work, step: &BuiltStep, settings: &VerifyKey) -> Option<ResultId> {
    let result = settings.verify(&mut work.exchange, &connection.worker.consumers.borrow())?;
    if !matches!(step.target(result), Some(Target::Step(_))) {
        VerifyKey::refuse(&mut work.exchange, result);
        drop_upstream_answer(work);
    }
    Some(result)
}

/// A gateway's own answer replaces one an upstream was still sending.
fn drop_upstream_answer(work: &mut Work) {
    if !matches!(work.exchange.answer, Answer::Upstream) {
        work.attempt = None;
    }
}

/// Runs the response sides of the steps that were passed, the last first.
async fn run_out(
    connection: &mut Connection,
    work: &mut Work,
    route: Option<&BuiltPipeline>,
    listener: &BuiltListener,
) -> Result<(), Failure> {
    while let Some(Passed { sequence, index }) = work.passed.pop() {
        let pipeline = match sequence {
            Sequence::Before => Some(&listener.before),
            Sequence::Route => route,
            Sequence::After => Some(&listener.after),
        };
        let Some(Action::Filter(filter)) = pipeline.and_then(|built| built.steps.get(index)).map(|step| &step.action)
        else {
            continue;
        };
        if work.recording.is_some()
            && let Some(step) = pipeline.and_then(|built| built.steps.get(index))
        {
            begin_step(connection, work, step, true);
        }
        let outcome = filter.on_response(&mut work.exchange);
        if filter.takes_time() {
            begin_turn();
        }
        match outcome {
            Outcome::Wait(pending) => {
                finish(connection, work, pending).await?;
            }
            Outcome::Failed => answer_failure(work, Failure::FilterFailed),
            Outcome::Continue | Outcome::Answer | Outcome::Result(_) => {}
        }
        if work.recording.is_some() {
            end_step(connection, work, None);
        }
        drop_upstream_answer(work);
    }
    Ok(())
}

/// Waits for a filter's unfinished work; only this exchange waits.
async fn finish(connection: &mut Connection, work: &mut Work, mut pending: Pending) -> Result<ResultId, Failure> {
    if let Some(recording) = &mut work.recording {
        recording.note_wait();
    }
    loop {
        let finish: Finish = poll_fn(|context| {
            if let Poll::Ready(finish) = pending.as_mut().poll(context) {
                return Poll::Ready(Some(finish));
            }
            let now_ms = connection.worker.clock.coarse_ms();
            connection.deadline.arm(work.late_at_ms);
            if work.late_at_ms <= now_ms { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
        .unwrap_or_else(|| Box::new(|_| Outcome::Result(ResultId::NONE)));
        match finish(&mut work.exchange) {
            Outcome::Wait(more) => pending = more,
            Outcome::Result(result) => return Ok(result),
            Outcome::Failed => {
                fail(work);
                return Ok(ResultId::NONE);
            }
            Outcome::Continue | Outcome::Answer => {
                drop_upstream_answer(work);
                return Ok(ResultId::NONE);
            }
        }
    }
}

/// Answers for a filter that failed by itself.
fn fail(work: &mut Work) {
    if let Some(recording) = &mut work.recording {
        recording.note_result(FAILED);
    }
    answer_failure(work, Failure::FilterFailed);
}

/// Notes for the trace that a step begins.
#[cold]
fn begin_step(connection: &Connection, work: &mut Work, step: &BuiltStep, is_response: bool) {
    let Worker { tracer, clock, .. } = &*connection.worker;
    let takes_time = match &step.action {
        Action::Filter(filter) => filter.takes_time(),
        Action::Forward(_) | Action::ForwardProxy(_) => true,
        Action::VerifyKey(_) => false,
        Action::End => return,
    };
    if let Some(recording) = &mut work.recording {
        recording.begin_step((tracer.span_id(), clock.now_us()), &step.name, (is_response, takes_time));
    }
}

/// Notes for the trace that it has ended, and what it says.
#[cold]
fn end_step(connection: &Connection, work: &mut Work, said: Option<&str>) {
    if let Some(recording) = &mut work.recording {
        if let Some(said) = said {
            recording.note_result(said);
        }
        recording.end_step(connection.worker.clock.now_us());
    }
}

/// What `Forward` says of the answer in hand.
pub(crate) fn forward_result(work: &Work) -> ResultId {
    let result = match work.exchange.response.status {
        500.. => ForwardResult::ServerError,
        400.. => ForwardResult::ClientError,
        _ => return ResultId::NONE,
    };
    result.id()
}
