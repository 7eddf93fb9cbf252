//! Reading texts: the parts of a dotted name, and where the expressions of a template are.

use std::borrow::Cow;

use minijinja::machinery::ast::Expr;
use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;

use super::ExpressionProblem;

/// Longest expression: enough for any condition, and the depth of its tree stays harmless.
pub(super) const EXPRESSION_BYTES: usize = 4096;

/// Most `{% %}` tags of a template: they nest.
const TAGS: usize = 100;

/// `root.member`, `root.member.key` or `root.member["key"]`.
pub(super) struct Dotted<'t> {
    /// First name.
    pub(super) root: &'t str,
    /// Second name.
    pub(super) member: Option<&'t str>,
    /// What follows it.
    pub(super) key: Option<Key<'t>>,
}

/// The last part of a dotted name.
pub(super) enum Key<'t> {
    /// Written out.
    Fixed(Cow<'t, str>),
    /// To be computed.
    Computed(&'t Expr<'t>),
}

/// Takes a dotted name apart; `None` for any other tree and for a name with more parts.
pub(super) fn dotted<'t>(tree: &'t Expr<'t>) -> Option<Dotted<'t>> {
    match tree {
        Expr::Var(name) => Some(Dotted { root: name.id, member: None, key: None }),
        Expr::GetAttr(inner) => dotted(&inner.expr)?.with(Part::Name(inner.name)),
        Expr::GetItem(inner) => dotted(&inner.expr)?.with(Part::Item(&inner.subscript_expr)),
        _ => None,
    }
}

enum Part<'t> {
    Name(&'t str),
    Item(&'t Expr<'t>),
}

impl<'t> Dotted<'t> {
    fn with(self, part: Part<'t>) -> Option<Self> {
        match (self.member, &self.key, part) {
            (None, None, Part::Name(name)) => Some(Self { member: Some(name), ..self }),
            (None, None, Part::Item(Expr::Const(item))) => Some(Self { member: Some(item.value.as_str()?), ..self }),
            (Some(_), None, Part::Name(name)) => Some(Self { key: Some(Key::Fixed(name.into())), ..self }),
            (Some(_), None, Part::Item(item)) => {
                let fixed =
                    item.as_const().as_ref().and_then(Value::as_str).map(|text| Key::Fixed(text.to_owned().into()));
                Some(Self { key: Some(fixed.unwrap_or(Key::Computed(item))), ..self })
            }
            _ => None,
        }
    }
}

/// The texts of a template's expressions, in the order of its tree: of `{{ }}` and of `{% if %}`.
///
/// Looks at the tokens only, so that a text too long to be parsed safely is refused first.
pub(super) fn expressions(template: &str) -> Result<Vec<&str>, ExpressionProblem> {
    let (mut found, mut start, mut tags) = (Vec::new(), None, 0);
    for token in tokenize(template, false, syntax()) {
        let (token, span) = token.map_err(|error| ExpressionProblem::of_syntax(&error, template))?;
        let (from, to) = (span.start_offset as usize, span.end_offset as usize);
        match token {
            Token::VariableStart => start = Some(to),
            Token::BlockStart => tags += 1,
            Token::Ident("if" | "elif") if start.is_none() => start = Some(to),
            Token::VariableEnd | Token::BlockEnd => {
                if let Some(start) = start.take() {
                    found.push((start, from));
                }
            }
            _ => {}
        }
        if tags > TAGS {
            return Err(ExpressionProblem::new(format!("a template may have {TAGS} tags"), "", from));
        }
    }
    found.into_iter().map(|(from, to)| checked_length(template.get(from..to).unwrap_or_default(), from)).collect()
}

/// The expression, unless it is too long.
pub(super) fn checked_length(expression: &str, offset: usize) -> Result<&str, ExpressionProblem> {
    if expression.len() <= EXPRESSION_BYTES {
        return Ok(expression);
    }
    Err(ExpressionProblem::new(format!("an expression may have {EXPRESSION_BYTES} bytes"), "", offset))
}

/// Jinja's own syntax, with a text's last line end kept.
pub(super) fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder().keep_trailing_newline(true).build().unwrap_or_default()
}
