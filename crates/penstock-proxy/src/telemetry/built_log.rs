//! An access log as a plan has it, made ready once.

use std::sync::Arc;

use penstock_plan::{AccessLog, LogPlace};
use serde::Serialize;

use super::log_choice::Choice;
use super::log_line::{LineFormat, Logged};
use super::log_mask::{Mask, unknown_members};
use super::log_queue::LogQueue;
use crate::export::LogReceiver;

/// An access log that is ready to be written.
pub struct BuiltLog {
    /// Where its lines go.
    pub to: LogPlace,
    /// Who takes them, where that is somebody on the network.
    pub receiver: Option<LogReceiver>,
    /// Its lines on their way there.
    pub queue: Arc<LogQueue>,
    pub(super) line: LineFormat,
    choice: Option<Choice>,
}

/// Something that is wrong with an access log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogProblem {
    /// Where, in the plan's words.
    pub path: Vec<String>,
    /// What.
    pub message: String,
}

impl LogProblem {
    pub(super) fn new(path: &[&str], message: impl Into<String>) -> Self {
        Self { path: path.iter().map(|&step| step.to_owned()).collect(), message: message.into() }
    }
}

impl BuiltLog {
    /// Makes ready what a plan says.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn build(plan: &AccessLog, queue: Arc<LogQueue>) -> Result<Self, Vec<LogProblem>> {
        let mut problems = Vec::new();
        let mask = Mask::new(&plan.mask, &mut problems);
        unknown_members(plan, &mut problems);
        let line = LineFormat::new(&plan.format, &mask, &mut problems);
        let choice = Choice::new(plan, &mut problems);
        let built = Self { to: plan.to.clone(), receiver: None, queue, line, choice };
        if problems.is_empty() { Ok(built) } else { Err(problems) }
    }

    /// Whether it has a line of an exchange.
    #[inline]
    pub(super) fn takes(&self, logged: &Logged<'_>) -> bool {
        self.choice.as_ref().is_none_or(|choice| choice.takes(logged))
    }
}

/// Everything that is wrong with an access log.
pub fn access_log_problems(plan: &AccessLog) -> Vec<LogProblem> {
    BuiltLog::build(plan, Arc::default()).err().unwrap_or_default()
}
