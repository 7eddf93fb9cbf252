//! Conditions: expressions of which only the truth counts.

use minijinja::machinery::parse_expr;

use super::check::check;
use super::source::checked_length;
use super::{Expression, ExpressionProblem};
use crate::exchange::Facts;

/// A condition, `request.headers["x-beta"] == "1"`.
///
/// Something missing is undefined, and a condition that cannot be computed is false.
pub struct Condition {
    expression: Expression,
}

impl Condition {
    /// Reads and checks a condition.
    pub fn parse(text: &str) -> Result<Self, ExpressionProblem> {
        checked_length(text, 0)?;
        if text.trim().is_empty() {
            let hint = "write an expression, such as `request.method == \"POST\"`";
            return Err(ExpressionProblem::new("the condition is empty", hint, 0));
        }
        let tree = parse_expr(text).map_err(|error| bracketed(text, &ExpressionProblem::of_syntax(&error, text)))?;
        check(&tree)?;
        Ok(Self { expression: Expression::new(&tree, text)? })
    }

    /// Whether it holds for the exchange.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        self.expression.holds(*facts)
    }

    /// Whether our own evaluator runs it, without allocating.
    pub fn is_compiled(&self) -> bool {
        matches!(self.expression, Expression::Compiled(_))
    }
}

/// The problem of a condition that was written as a template.
fn bracketed(text: &str, problem: &ExpressionProblem) -> ExpressionProblem {
    let is_template = text.trim_start().starts_with("{{") || text.trim_start().starts_with("{%");
    let hint = if is_template { "write the condition without `{{ }}`" } else { problem.hint.as_str() };
    ExpressionProblem::new(problem.message.clone(), hint, problem.offset)
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Condition").field("is_compiled", &self.is_compiled()).finish()
    }
}
