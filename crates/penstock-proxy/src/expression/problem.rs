//! What is wrong with a condition or a template.

use std::fmt;

use minijinja::Error;

/// Why a condition or template is refused, where, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionProblem {
    /// What is wrong.
    pub message: String,
    /// What to write instead; may be empty.
    pub hint: String,
    /// Where it is, in bytes from the start of the text.
    pub offset: usize,
}

impl ExpressionProblem {
    /// A problem at a place.
    pub(super) fn new(message: impl Into<String>, hint: impl Into<String>, offset: usize) -> Self {
        Self { message: message.into(), hint: hint.into(), offset }
    }

    /// The problem of a text that minijinja cannot read; it knows the line only.
    pub(super) fn of_syntax(error: &Error, text: &str) -> Self {
        let line = error.line().unwrap_or(1).saturating_sub(1);
        let offset = text.split_inclusive('\n').take(line).map(str::len).sum();
        Self::new(error.detail().unwrap_or("this cannot be read"), "", offset)
    }
}

impl fmt::Display for ExpressionProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(formatter, "; {}", self.hint) }
    }
}
