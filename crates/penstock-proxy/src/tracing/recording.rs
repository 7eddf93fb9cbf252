//! What is noted of an exchange that is recorded, while it runs.

use std::rc::Rc;
use std::sync::Arc;

use super::settings::Settings;
use crate::failure::Failure;
use crate::upstream::{Endpoint, Upstream};

/// Most spans and events of one exchange: a pipeline has few steps, and attempts are bounded.
const MOST_NOTES: usize = 128;

/// Notes of one exchange.
pub(crate) struct Recording {
    /// What was said of traces when it began.
    pub(super) settings: Arc<Settings>,
    pub(super) notes: Vec<Note>,
    /// Position of the step that runs.
    step: Option<usize>,
    /// Position of the attempt under way.
    attempt: Option<usize>,
}

/// Something that took time, or happened.
pub(super) struct Note {
    /// Number of its span.
    pub(super) id: u64,
    /// Number of the span that it belongs to; 0: the exchange's own.
    pub(super) parent: u64,
    pub(super) began_us: u64,
    /// 0: it has not ended.
    pub(super) ended_us: u64,
    pub(super) what: What,
}

pub(super) enum What {
    /// A step of a pipeline, on the way in or out.
    Step { name: Box<str>, is_response: bool, takes_time: bool, result: Box<str> },
    /// One try to have an endpoint answer.
    Attempt { number: u32, peer: Peer, end: AttemptEnd },
}

/// Whom an attempt was made at.
#[derive(Default)]
pub(super) struct Peer {
    pub(super) endpoint: Option<Rc<Endpoint>>,
    pub(super) upstream: Option<Rc<Upstream>>,
}

/// How an attempt went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AttemptEnd {
    /// The status of the answer; 0: there was none.
    pub(crate) status: u16,
    /// Why there was none; empty: there was, or nothing is known.
    pub(crate) reason: &'static str,
}

impl AttemptEnd {
    /// An answer's head came.
    pub(crate) fn answered(status: u16) -> Self {
        Self { status, reason: "" }
    }

    /// None came.
    pub(crate) fn failed(failure: Failure) -> Self {
        Self { status: 0, reason: failure.verdict().reason }
    }
}

impl Recording {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, notes: Vec::with_capacity(8), step: None, attempt: None }
    }

    fn add(&mut self, note: Note) -> Option<usize> {
        (self.notes.len() < MOST_NOTES).then(|| {
            self.notes.push(note);
            self.notes.len() - 1
        })
    }

    fn note(&mut self, position: Option<usize>) -> Option<&mut Note> {
        self.notes.get_mut(position?)
    }

    /// Notes that a step begins; one that still runs ends with it.
    pub(crate) fn begin_step(&mut self, (id, now_us): (u64, u64), name: &str, (is_response, takes_time): (bool, bool)) {
        self.end_step(now_us);
        let what = What::Step { name: name.into(), is_response, takes_time, result: Box::default() };
        self.step = self.add(Note { id, parent: 0, began_us: now_us, ended_us: 0, what });
    }

    /// Notes what the step that runs says.
    pub(crate) fn note_result(&mut self, said: &str) {
        let position = self.step;
        if let Some(Note { what: What::Step { result, .. }, .. }) = self.note(position) {
            *result = said.into();
        }
    }

    /// Notes that the step that runs waits for something.
    pub(crate) fn note_wait(&mut self) {
        let position = self.step;
        if let Some(Note { what: What::Step { takes_time, .. }, .. }) = self.note(position) {
            *takes_time = true;
        }
    }

    /// Notes that the step that runs has ended, if there is one.
    pub(crate) fn end_step(&mut self, now_us: u64) {
        let position = self.step.take();
        if let Some(note) = self.note(position) {
            note.ended_us = now_us;
        }
    }

    /// Notes an attempt; one that was under way has been given up for it.
    pub(crate) fn begin_attempt(&mut self, (id, now_us): (u64, u64), number: u32) {
        self.close_attempt(now_us);
        let parent = self.step.and_then(|step| self.notes.get(step)).map_or(0, |step| step.id);
        let what = What::Attempt { number, peer: Peer::default(), end: AttemptEnd::default() };
        self.attempt = self.add(Note { id, parent, began_us: now_us, ended_us: 0, what });
    }

    /// Notes what came of the attempt under way, and at whom it was made. Where an answer came, it ends with that.
    pub(crate) fn note_attempt(
        &mut self,
        now_us: u64,
        how: AttemptEnd,
        (at, of): (Option<&Rc<Endpoint>>, Option<&Rc<Upstream>>),
    ) {
        let position = self.attempt;
        let Some(Note { what: What::Attempt { peer, end, .. }, .. }) = self.note(position) else { return };
        *peer = Peer { endpoint: at.map(Rc::clone), upstream: of.map(Rc::clone) };
        *end = how;
        if how.status == 0 {
            self.close_attempt(now_us);
        }
    }

    /// Notes that the attempt under way has ended, if there is one.
    pub(crate) fn close_attempt(&mut self, now_us: u64) {
        let position = self.attempt.take();
        if let Some(note) = self.note(position) {
            note.ended_us = now_us;
        }
    }

    /// Notes that everything has ended.
    pub(super) fn end(&mut self, now_us: u64) {
        self.end_step(now_us);
        self.close_attempt(now_us);
    }
}
