//! From minijinja's tree to our own, for the shapes that our evaluator knows.

use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, Filter, Test, UnaryOpKind};
use minijinja::value::{Value, ValueKind};

use super::names::{Member, fact, member};
use super::node::{Comparison, DefaultTo, Node};
use super::operand::Constant;
use super::source::{Key, dotted};

/// Our form of a tree that passed the check; `None` where minijinja has to evaluate it.
pub(super) fn compiled(tree: &Expr<'_>) -> Option<Node> {
    match tree {
        Expr::Const(constant) => constant_of(&constant.value).map(Node::Constant),
        Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => {
            let name = dotted(tree)?;
            let key = match &name.key {
                Some(Key::Fixed(text)) => Some(&**text),
                Some(Key::Computed(_)) => return None,
                None => None,
            };
            fact(name.root, name.member?, key).map(Node::Fact)
        }
        Expr::UnaryOp(unary) => match unary.op {
            UnaryOpKind::Not => Some(Node::Not(Box::new(compiled(&unary.expr)?))),
            UnaryOpKind::Neg => match compiled(&unary.expr)? {
                Node::Constant(Constant::Int(number)) => Some(Node::Constant(Constant::Int(number.checked_neg()?))),
                _ => None,
            },
        },
        Expr::BinOp(binary) => match binary.op {
            BinOpKind::ScAnd => Some(Node::And(Box::new((compiled(&binary.left)?, compiled(&binary.right)?)))),
            BinOpKind::ScOr => Some(Node::Or(Box::new((compiled(&binary.left)?, compiled(&binary.right)?)))),
            other => compared(&binary.left, [(comparison_of_binary(other)?, &binary.right)]),
        },
        Expr::Compare(compare) => {
            compared(&compare.expr, compare.ops.iter().map(|step| (comparison(step.op), &step.expr)))
        }
        Expr::IfExpr(choice) => {
            let other = match &choice.false_expr {
                Some(other) => Some(compiled(other)?),
                None => None,
            };
            Some(Node::If(Box::new((compiled(&choice.test_expr)?, compiled(&choice.true_expr)?, other))))
        }
        Expr::Test(test) => tested(test),
        Expr::Filter(filter) => filtered(filter),
        Expr::Slice(_) | Expr::Call(_) | Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => None,
    }
}

fn compared<'t>(first: &Expr<'_>, rest: impl IntoIterator<Item = (Comparison, &'t Expr<'t>)>) -> Option<Node> {
    let rest: Vec<(Comparison, &Expr<'_>)> = rest.into_iter().collect();
    if let [(kind @ (Comparison::In | Comparison::NotIn), container)] = rest[..] {
        let found = contained(first, container)?;
        return Some(if kind == Comparison::In { found } else { Node::Not(Box::new(found)) });
    }
    let holds_membership = rest.iter().any(|(kind, _)| matches!(kind, Comparison::In | Comparison::NotIn));
    if holds_membership {
        return None;
    }
    let steps = rest.into_iter().map(|(kind, node)| Some((kind, compiled(node)?)));
    Some(Node::Compare(Box::new(compiled(first)?), steps.collect::<Option<_>>()?))
}

/// `"name" in request.headers`, `value in [constants]`, `"part" in text`.
fn contained(item: &Expr<'_>, container: &Expr<'_>) -> Option<Node> {
    if let Some(name) = dotted(container)
        && let (Some(inner), None) = (name.member, name.key)
        && let Some(Member::Mapping(_)) = member(name.root, inner)
    {
        let Expr::Const(key) = item else { return None };
        return fact(name.root, inner, Some(key.value.as_str()?)).map(Node::Has);
    }
    let container = match container.as_const() {
        Some(value) if matches!(value.kind(), ValueKind::Seq) => list_of(&value).map(Node::List)?,
        _ => compiled(container).filter(Node::is_text)?,
    };
    let item = compiled(item)?;
    let is_list = matches!(container, Node::List(_));
    (is_list || item.is_text()).then(|| Node::Compare(Box::new(item), Box::new([(Comparison::In, container)])))
}

fn tested(test: &Test<'_>) -> Option<Node> {
    let value = compiled(&test.expr)?;
    match (test.name, &test.args[..]) {
        ("defined", []) => Some(Node::Defined(Box::new(value))),
        ("undefined", []) => Some(Node::Not(Box::new(Node::Defined(Box::new(value))))),
        ("startingwith" | "endingwith", [CallArg::Pos(other)]) => {
            let other = compiled(other)?;
            let sides = (value.is_text() && other.is_text()).then(|| Box::new((value, other)))?;
            Some(if test.name == "startingwith" { Node::StartsWith(sides) } else { Node::EndsWith(sides) })
        }
        _ => None,
    }
}

fn filtered(filter: &Filter<'_>) -> Option<Node> {
    let ("default" | "d", Some(value)) = (filter.name, &filter.expr) else { return None };
    let (other, replaces_untrue) = match &filter.args[..] {
        [CallArg::Pos(other)] => (other, false),
        [CallArg::Pos(other), CallArg::Pos(Expr::Const(flag))] => (other, flag.value.is_true()),
        _ => return None,
    };
    let (value, other) = (compiled(value)?, compiled(other)?);
    Some(Node::Default(Box::new(DefaultTo { value, other, replaces_untrue })))
}

fn constant_of(value: &Value) -> Option<Constant> {
    match value.kind() {
        ValueKind::Bool => Some(Constant::Bool(value.is_true())),
        ValueKind::Number if value.is_integer() => value.as_i64().map(Constant::Int),
        ValueKind::String => value.as_str().map(|text| Constant::Text(text.into())),
        _ => None,
    }
}

fn list_of(value: &Value) -> Option<Box<[Constant]>> {
    value.try_iter().ok()?.map(|item| constant_of(&item)).collect()
}

fn comparison(kind: CompareOpKind) -> Comparison {
    match kind {
        CompareOpKind::Eq => Comparison::Equal,
        CompareOpKind::Ne => Comparison::Unequal,
        CompareOpKind::Lt => Comparison::Less,
        CompareOpKind::Lte => Comparison::AtMost,
        CompareOpKind::Gt => Comparison::Greater,
        CompareOpKind::Gte => Comparison::AtLeast,
        CompareOpKind::In => Comparison::In,
        CompareOpKind::NotIn => Comparison::NotIn,
    }
}

fn comparison_of_binary(kind: BinOpKind) -> Option<Comparison> {
    Some(match kind {
        BinOpKind::Eq => Comparison::Equal,
        BinOpKind::Ne => Comparison::Unequal,
        BinOpKind::Lt => Comparison::Less,
        BinOpKind::Lte => Comparison::AtMost,
        BinOpKind::Gt => Comparison::Greater,
        BinOpKind::Gte => Comparison::AtLeast,
        BinOpKind::In => Comparison::In,
        _ => return None,
    })
}
