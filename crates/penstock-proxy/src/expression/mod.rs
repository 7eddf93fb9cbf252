//! Conditions and templates: Jinja expressions over the facts of one exchange.
//!
//! The common shapes run in an evaluator of our own that allocates nothing; the rest runs
//! in minijinja. Both give the same answers, and what could grow without bound is refused
//! when the text is read.

mod check;
mod compile;
mod condition;
mod fact;
mod form;
mod interpreted;
mod names;
mod node;
mod operand;
mod problem;
mod source;
pub mod suggestion;
mod template;

pub use condition::Condition;
pub use form::Form;
pub use problem::ExpressionProblem;
pub use template::Template;

use compile::compiled;
use interpreted::Interpreted;
use node::Node;
use operand::Operand;

use crate::exchange::Facts;

/// An expression that is ready to be evaluated.
enum Expression {
    /// A common shape.
    Compiled(Node),
    /// Any other that is allowed.
    Interpreted(Interpreted),
}

impl Expression {
    /// Makes a checked tree ready; `text` is what it was parsed from.
    fn new(tree: &minijinja::machinery::ast::Expr<'_>, text: &str) -> Result<Self, ExpressionProblem> {
        match compiled(tree) {
            Some(node) => Ok(Self::Compiled(node)),
            None => Interpreted::new(text).map(Self::Interpreted),
        }
    }

    /// Whether the value is true; one that cannot be computed is not.
    fn holds(&self, facts: Facts<'_>) -> bool {
        match self {
            Self::Compiled(node) => node.evaluate(facts).is_true(),
            Self::Interpreted(interpreted) => interpreted.value(facts).is_true(),
        }
    }

    /// Calls `then` with the value; one that cannot be computed is undefined.
    fn with_value<T>(&self, facts: Facts<'_>, then: impl FnOnce(&Operand<'_>) -> T) -> T {
        match self {
            Self::Compiled(node) => then(&node.evaluate(facts)),
            Self::Interpreted(interpreted) => then(&interpreted::operand(&interpreted.value(facts))),
        }
    }
}

#[cfg(test)]
mod agreement_tests;
#[cfg(test)]
mod tests;
