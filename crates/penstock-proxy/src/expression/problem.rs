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
        Self::new(error.detail().unwrap_or("this cannot be read"), habit(text), offset)
    }
}

/// What to write instead of the words of other languages; empty where none of them is there.
fn habit(text: &str) -> &'static str {
    let bare = outside_quotes(text);
    let compares = ["==", "!=", "<=", ">="].iter().fold(bare.clone(), |rest, sign| rest.replace(sign, ""));
    if bare.contains('$') {
        "names are written as in `request.headers[\"x-beta\"]`"
    } else if bare.contains("&&") {
        "write `and` for `&&`"
    } else if bare.contains("||") {
        "write `or` for `||`"
    } else if compares.contains('=') {
        "compare with `==`"
    } else if compares.contains('!') {
        "write `not` for `!`"
    } else {
        ""
    }
}

/// The text without what stands in quotes.
fn outside_quotes(text: &str) -> String {
    let mut open = None;
    text.chars()
        .filter(|character| match open {
            Some(quote) => {
                if *character == quote {
                    open = None;
                }
                false
            }
            None if matches!(character, '"' | '\'') => {
                open = Some(*character);
                false
            }
            None => true,
        })
        .collect()
}

impl fmt::Display for ExpressionProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(formatter, "; {}", self.hint) }
    }
}
