//! What an expression may hold: known names, and nothing that can grow without bound.
//!
//! Filters, tests and operators are allowed by list, never refused by list: a multiplied
//! text, `range`, `join`, `replace`, `format` and loops would turn a short expression into
//! any amount of memory, which minijinja's fuel does not count.

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Filter, Test};

use super::ExpressionProblem;
use super::names::{Member, member, members, unknown_member, unknown_root, whole_mapping};
use super::source::{Dotted, Key, dotted};
use super::suggestion::hint;
use crate::exchange::ClientField;

/// Filters whose result is at most a few times as long as what they are given.
const FILTERS: &[&str] = &[
    "abs",
    "bool",
    "capitalize",
    "count",
    "d",
    "default",
    "e",
    "escape",
    "first",
    "float",
    "int",
    "last",
    "length",
    "lower",
    "reverse",
    "round",
    "split",
    "string",
    "title",
    "tojson",
    "trim",
    "upper",
    "urlencode",
];

/// Tests; `divisibleby` is left out because minijinja divides by zero in it.
const TESTS: &[&str] = &[
    "defined",
    "undefined",
    "none",
    "startingwith",
    "endingwith",
    "in",
    "eq",
    "equalto",
    "ne",
    "lt",
    "lessthan",
    "le",
    "gt",
    "greaterthan",
    "ge",
    "true",
    "false",
    "string",
    "number",
    "integer",
    "odd",
    "even",
    "lower",
    "upper",
];

/// Checks a whole expression.
pub(super) fn check(tree: &Expr<'_>) -> Result<(), ExpressionProblem> {
    let mut check = Check { quoted: false };
    check.value(tree)
}

struct Check {
    /// Whether `tojson` was seen: used twice, it doubles the backslashes of its own output.
    quoted: bool,
}

type Checked = Result<(), ExpressionProblem>;

impl Check {
    /// Checks an expression whose value is used.
    fn value(&mut self, tree: &Expr<'_>) -> Checked {
        match tree {
            Expr::Const(_) => Ok(()),
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => self.name(tree),
            Expr::UnaryOp(unary) => self.value(&unary.expr),
            Expr::BinOp(binary) => {
                operator(binary.op, offset(tree))?;
                self.value(&binary.left)?;
                if matches!(binary.op, BinOpKind::In) {
                    self.container(&binary.right)
                } else {
                    self.value(&binary.right)
                }
            }
            Expr::Compare(compare) => {
                use minijinja::machinery::ast::CompareOpKind::{In, NotIn};
                self.value(&compare.expr)?;
                compare.ops.iter().try_for_each(|step| {
                    if matches!(step.op, In | NotIn) { self.container(&step.expr) } else { self.value(&step.expr) }
                })
            }
            Expr::IfExpr(choice) => {
                self.value(&choice.test_expr)?;
                self.value(&choice.true_expr)?;
                self.all(choice.false_expr.as_ref())
            }
            Expr::Filter(filter) => self.filter(filter, offset(tree)),
            Expr::Test(test) => self.test(test, offset(tree)),
            Expr::List(list) => self.all(&list.items),
            Expr::Tuple(tuple) => self.all(&tuple.items),
            Expr::Slice(slice) => {
                if let Some(step) = &slice.step {
                    return Err(refused("a slice with a step", offset(step)));
                }
                self.all([Some(&slice.expr), slice.start.as_ref(), slice.stop.as_ref()].into_iter().flatten())
            }
            Expr::Call(_) => Err(refused("a call", offset(tree))),
            Expr::Map(_) => Err(refused("a mapping", offset(tree))),
        }
    }

    fn all<'t>(&mut self, trees: impl IntoIterator<Item = &'t Expr<'t>>) -> Checked {
        trees.into_iter().try_for_each(|tree| self.value(tree))
    }

    /// Checks what stands behind `in`: here a whole mapping makes sense.
    fn container(&mut self, tree: &Expr<'_>) -> Checked {
        match dotted(tree) {
            Some(Dotted { root, member: Some(name), key: None })
                if matches!(member(root, name), Some(Member::Mapping(_))) =>
            {
                Ok(())
            }
            _ => self.value(tree),
        }
    }

    fn name(&mut self, tree: &Expr<'_>) -> Checked {
        let at = offset(tree);
        let Some(name) = dotted(tree) else { return self.part(tree) };
        let root = name.root;
        let Some(known) = members(root) else { return Err(unknown_root(root, at)) };
        let Some(inner) = name.member else {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let advice = format!("name one of its parts: {}", names.join(", "));
            return Err(ExpressionProblem::new(format!("`{root}` alone is no value"), advice, at));
        };
        match (member(root, inner), name.key) {
            (None, _) => Err(unknown_member(root, inner, at)),
            (Some(Member::Plain(_)), None) => Ok(()),
            (Some(Member::Plain(_)), Some(_)) => {
                Err(ExpressionProblem::new(format!("`{root}.{inner}` is one value and has no parts"), "", at))
            }
            (Some(Member::Mapping(_)), None) => Err(whole_mapping(root, inner, at)),
            (Some(Member::Mapping(_)), Some(Key::Computed(key))) => self.value(key),
            (Some(Member::Mapping(_)), Some(Key::Fixed(key))) => reachable(root, inner, &key, at),
        }
    }

    /// A part of something that is no name: of a list, say. More than three names are none.
    fn part(&mut self, tree: &Expr<'_>) -> Checked {
        match tree {
            Expr::GetItem(inner) if !is_name(&inner.expr) => {
                self.value(&inner.expr)?;
                self.value(&inner.subscript_expr)
            }
            Expr::GetItem(_) | Expr::GetAttr(_) => {
                Err(ExpressionProblem::new("this is one value and has no parts", "", offset(tree)))
            }
            other => Err(refused(other.description(), offset(other))),
        }
    }

    fn filter(&mut self, filter: &Filter<'_>, at: usize) -> Checked {
        if !FILTERS.contains(&filter.name) {
            return Err(unknown("filter", filter.name, FILTERS, at));
        }
        if filter.name == "tojson" && std::mem::replace(&mut self.quoted, true) {
            return Err(ExpressionProblem::new("`tojson` twice in one expression", "use it once", at));
        }
        self.all(filter.expr.as_ref())?;
        self.arguments(&filter.args, at)
    }

    fn test(&mut self, test: &Test<'_>, at: usize) -> Checked {
        if !TESTS.contains(&test.name) {
            return Err(unknown("test", test.name, TESTS, at));
        }
        self.value(&test.expr)?;
        match &test.args[..] {
            [CallArg::Pos(container)] if test.name == "in" => self.container(container),
            arguments => self.arguments(arguments, at),
        }
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>], at: usize) -> Checked {
        arguments.iter().try_for_each(|argument| match argument {
            CallArg::Pos(value) | CallArg::Kwarg(_, value) => self.value(value),
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => Err(refused("a spread argument", at)),
        })
    }
}

fn operator(kind: BinOpKind, at: usize) -> Checked {
    match kind {
        BinOpKind::Mul | BinOpKind::Pow => Err(refused("multiplication, which repeats texts without bound,", at)),
        _ => Ok(()),
    }
}

/// Refuses a name that nothing can have: fields with underscores are never let in.
fn reachable(root: &str, inner: &str, key: &str, at: usize) -> Checked {
    if (root, inner) == ("request", "headers") && key.contains('_') {
        let advice = format!("did you mean `request.headers[\"{}\"]`?", key.replace('_', "-"));
        return Err(ExpressionProblem::new(
            format!("no request has a header `{key}`: underscores are not let in"),
            advice,
            at,
        ));
    }
    if (root, inner) == ("tls", "client") && ClientField::of(key).is_none() {
        let words = ClientField::ALL.map(|(word, _)| word);
        return Err(ExpressionProblem::new(format!("`tls.client` has no `{key}`"), hint(key, &words), at));
    }
    Ok(())
}

/// Whether a tree is a chain of names that begins with a variable.
fn is_name(tree: &Expr<'_>) -> bool {
    match tree {
        Expr::Var(_) => true,
        Expr::GetAttr(inner) => is_name(&inner.expr),
        Expr::GetItem(inner) => is_name(&inner.expr),
        _ => false,
    }
}

fn refused(what: &str, at: usize) -> ExpressionProblem {
    ExpressionProblem::new(format!("{what} is not allowed here"), "", at)
}

fn unknown(what: &str, name: &str, known: &[&str], at: usize) -> ExpressionProblem {
    ExpressionProblem::new(format!("there is no {what} `{name}` here"), hint(name, known), at)
}

/// Where a tree begins; a name's parts have spans of their own.
fn offset(tree: &Expr<'_>) -> usize {
    match tree {
        Expr::GetAttr(inner) => offset(&inner.expr),
        Expr::GetItem(inner) => offset(&inner.expr),
        other => other.span().start_offset as usize,
    }
}
