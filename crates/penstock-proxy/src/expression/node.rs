//! Our own evaluator: a compiled expression and its value.

use super::fact::Fact;
use super::operand::{Constant, Operand};
use crate::exchange::Facts;

/// A compiled expression.
#[derive(Debug)]
pub(super) enum Node {
    Constant(Constant),
    List(Box<[Constant]>),
    Fact(Fact),
    /// Whether the fact is there.
    Has(Fact),
    Not(Box<Node>),
    And(Box<(Node, Node)>),
    Or(Box<(Node, Node)>),
    Compare(Box<Node>, Box<[(Comparison, Node)]>),
    Defined(Box<Node>),
    StartsWith(Box<(Node, Node)>),
    EndsWith(Box<(Node, Node)>),
    Default(Box<DefaultTo>),
    /// A test, the value where it holds, the value where it does not.
    If(Box<(Node, Node, Option<Node>)>),
}

/// `value|default(other)`.
#[derive(Debug)]
pub(super) struct DefaultTo {
    pub(super) value: Node,
    pub(super) other: Node,
    /// Whether `other` stands in for everything untrue, too.
    pub(super) replaces_untrue: bool,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    NotIn,
}

impl Comparison {
    fn holds(self, left: &Operand<'_>, right: &Operand<'_>) -> bool {
        match self {
            Self::Equal => left.equals(right),
            Self::Unequal => !left.equals(right),
            Self::Less => left.order(right).is_lt(),
            Self::AtMost => left.order(right).is_le(),
            Self::Greater => left.order(right).is_gt(),
            Self::AtLeast => left.order(right).is_ge(),
            Self::In => right.contains(left),
            Self::NotIn => !right.contains(left),
        }
    }
}

impl Node {
    /// The value in one exchange.
    pub(super) fn evaluate<'a>(&'a self, facts: Facts<'a>) -> Operand<'a> {
        let holds = |node: &'a Self| node.evaluate(facts).is_true();
        match self {
            Self::Constant(constant) => constant.operand(),
            Self::List(items) => Operand::List(items),
            Self::Fact(fact) => fact.value(facts),
            Self::Has(fact) => Operand::Bool(!matches!(fact.value(facts), Operand::Undefined)),
            Self::Not(inner) => Operand::Bool(!holds(inner)),
            Self::And(sides) => {
                let left = sides.0.evaluate(facts);
                if left.is_true() { sides.1.evaluate(facts) } else { left }
            }
            Self::Or(sides) => {
                let left = sides.0.evaluate(facts);
                if left.is_true() { left } else { sides.1.evaluate(facts) }
            }
            Self::Compare(first, rest) => Operand::Bool(chain_holds(first, rest, facts)),
            Self::Defined(inner) => Operand::Bool(!matches!(inner.evaluate(facts), Operand::Undefined)),
            Self::StartsWith(sides) => {
                Operand::Bool(sides.0.evaluate(facts).as_str().starts_with(sides.1.evaluate(facts).as_str()))
            }
            Self::EndsWith(sides) => {
                Operand::Bool(sides.0.evaluate(facts).as_str().ends_with(sides.1.evaluate(facts).as_str()))
            }
            Self::Default(default) => default.evaluate(facts),
            Self::If(parts) => match (holds(&parts.0), &parts.2) {
                (true, _) => parts.1.evaluate(facts),
                (false, Some(other)) => other.evaluate(facts),
                (false, None) => Operand::Undefined,
            },
        }
    }

    /// Whether its value is a text wherever it is defined.
    pub(super) fn is_text(&self) -> bool {
        match self {
            Self::Constant(Constant::Text(_)) => true,
            Self::Fact(fact) => fact.is_text(),
            Self::And(sides) | Self::Or(sides) => sides.0.is_text() && sides.1.is_text(),
            Self::Default(default) => default.value.is_text() && default.other.is_text(),
            Self::If(parts) => parts.1.is_text() && parts.2.as_ref().is_none_or(Self::is_text),
            _ => false,
        }
    }
}

impl DefaultTo {
    fn evaluate<'a>(&'a self, facts: Facts<'a>) -> Operand<'a> {
        let value = self.value.evaluate(facts);
        let is_replaced = matches!(value, Operand::Undefined) || (self.replaces_untrue && !value.is_true());
        if is_replaced { self.other.evaluate(facts) } else { value }
    }
}

/// Whether `a < b < c` holds: every neighbouring pair.
fn chain_holds<'a>(first: &'a Node, rest: &'a [(Comparison, Node)], facts: Facts<'a>) -> bool {
    let mut left = first.evaluate(facts);
    for (comparison, node) in rest {
        let right = node.evaluate(facts);
        if !comparison.holds(&left, &right) {
            return false;
        }
        left = right;
    }
    true
}
