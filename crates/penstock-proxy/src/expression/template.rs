//! Templates: texts with `{{ values }}` and `{% if %}` in them.

use minijinja::machinery::ast::Stmt;
use minijinja::machinery::parse;

use super::check::check;
use super::node::Node;
use super::source::{expressions, syntax};
use super::{Expression, ExpressionProblem, Form};
use crate::exchange::Facts;

/// A template, `{{ request.params.id }}-{{ request.host }}`.
///
/// Something missing is empty, and so is a value that cannot be computed.
pub struct Template {
    source: Box<str>,
    pieces: Box<[Piece]>,
}

enum Piece {
    Literal(Box<str>),
    Value(Expression),
    If(Box<Choice>),
}

struct Choice {
    test: Expression,
    then: Box<[Piece]>,
    otherwise: Box<[Piece]>,
}

impl Template {
    /// Reads and checks a template.
    pub fn parse(text: &str) -> Result<Self, ExpressionProblem> {
        let mut sources = expressions(text)?.into_iter();
        let tree = parse(text, "<template>", syntax()).map_err(|error| ExpressionProblem::of_syntax(&error, text))?;
        let Stmt::Template(root) = &tree else { return Err(ExpressionProblem::new("this cannot be read", "", 0)) };
        Ok(Self { pieces: pieces(&root.children, &mut sources)?, source: text.into() })
    }

    /// A template that is this text, whatever it looks like.
    pub fn constant(text: &str) -> Self {
        Self { source: text.into(), pieces: [Piece::Literal(text.into())].into() }
    }

    /// Adds the text to `out`, in UTF-8.
    pub fn render(&self, facts: &Facts<'_>, out: &mut Vec<u8>) {
        self.render_as(Form::Text, facts, out);
    }

    /// Adds the text to `out` in the form that its use needs.
    pub fn render_as(&self, form: Form, facts: &Facts<'_>, out: &mut Vec<u8>) {
        render_pieces(&self.pieces, form, facts, out);
    }

    /// The text, where no value is put into it.
    pub fn is_constant(&self) -> Option<&str> {
        match &self.pieces[..] {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The text before the first value.
    pub fn literal_start(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Literal(text)) => text,
            _ => "",
        }
    }

    /// Every text that the template itself adds.
    pub fn literals(&self) -> Vec<&str> {
        literals(&self.pieces)
    }

    /// Whether it begins with `request.path`, which begins with one slash.
    pub fn starts_with_path(&self) -> bool {
        use super::fact::{Fact, Plain};
        matches!(self.pieces.first(), Some(Piece::Value(Expression::Compiled(Node::Fact(Fact::Plain(Plain::Path))))))
    }

    /// What it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether our own evaluator runs all of it, without allocating.
    pub fn is_compiled(&self) -> bool {
        are_compiled(&self.pieces)
    }
}

fn pieces<'s>(
    statements: &[Stmt<'_>],
    sources: &mut impl Iterator<Item = &'s str>,
) -> Result<Box<[Piece]>, ExpressionProblem> {
    statements.iter().map(|statement| piece(statement, sources)).collect()
}

/// Makes one piece; takes the texts of its expressions off `sources`, which has the tree's order.
fn piece<'s>(statement: &Stmt<'_>, sources: &mut impl Iterator<Item = &'s str>) -> Result<Piece, ExpressionProblem> {
    match statement {
        Stmt::EmitRaw(raw) => Ok(Piece::Literal(raw.raw.into())),
        Stmt::EmitExpr(emitted) => {
            check(&emitted.expr)?;
            Expression::new(&emitted.expr, sources.next().unwrap_or_default()).map(Piece::Value)
        }
        Stmt::IfCond(choice) => {
            check(&choice.expr)?;
            let test = Expression::new(&choice.expr, sources.next().unwrap_or_default())?;
            let then = pieces(&choice.true_body, sources)?;
            let otherwise = pieces(&choice.false_body, sources)?;
            Ok(Piece::If(Box::new(Choice { test, then, otherwise })))
        }
        other => Err(refused(other)),
    }
}

fn refused(statement: &Stmt<'_>) -> ExpressionProblem {
    let (tag, offset) = match statement {
        Stmt::ForLoop(inner) => ("for", inner.span()),
        Stmt::WithBlock(inner) => ("with", inner.span()),
        Stmt::Set(inner) => ("set", inner.span()),
        Stmt::SetBlock(inner) => ("set", inner.span()),
        Stmt::AutoEscape(inner) => ("autoescape", inner.span()),
        Stmt::FilterBlock(inner) => ("filter", inner.span()),
        Stmt::Block(inner) => ("block", inner.span()),
        Stmt::Import(inner) => ("import", inner.span()),
        Stmt::FromImport(inner) => ("from", inner.span()),
        Stmt::Extends(inner) => ("extends", inner.span()),
        Stmt::Include(inner) => ("include", inner.span()),
        Stmt::Macro(inner) => ("macro", inner.span()),
        Stmt::CallBlock(inner) => ("call", inner.span()),
        Stmt::Continue(inner) => ("continue", inner.span()),
        Stmt::Break(inner) => ("break", inner.span()),
        Stmt::Do(inner) => ("do", inner.span()),
        Stmt::Template(inner) => ("template", inner.span()),
        Stmt::EmitExpr(inner) => ("value", inner.span()),
        Stmt::EmitRaw(inner) => ("text", inner.span()),
        Stmt::IfCond(inner) => ("if", inner.span()),
    };
    let message = format!("`{{% {tag} %}}` is not allowed here");
    ExpressionProblem::new(message, "templates have `{{ value }}` and `{% if %}`", offset.start_offset as usize)
}

fn render_pieces(pieces: &[Piece], form: Form, facts: &Facts<'_>, out: &mut Vec<u8>) {
    for piece in pieces {
        match piece {
            Piece::Literal(text) => form.write_literal(text, out),
            Piece::Value(expression) => {
                let fact = match expression {
                    Expression::Compiled(Node::Fact(fact)) => Some((fact, *facts)),
                    _ => None,
                };
                expression.with_value(*facts, |value| form.write(value, fact, out));
            }
            Piece::If(choice) => {
                let holds = choice.test.holds(*facts);
                render_pieces(if holds { &choice.then } else { &choice.otherwise }, form, facts, out);
            }
        }
    }
}

fn literals(pieces: &[Piece]) -> Vec<&str> {
    let mut found = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Literal(text) => found.push(&**text),
            Piece::If(choice) => {
                found.extend(literals(&choice.then));
                found.extend(literals(&choice.otherwise));
            }
            Piece::Value(_) => {}
        }
    }
    found
}

fn are_compiled(pieces: &[Piece]) -> bool {
    pieces.iter().all(|piece| match piece {
        Piece::Literal(_) => true,
        Piece::Value(expression) => matches!(expression, Expression::Compiled(_)),
        Piece::If(choice) => {
            matches!(choice.test, Expression::Compiled(_))
                && are_compiled(&choice.then)
                && are_compiled(&choice.otherwise)
        }
    })
}

impl std::fmt::Debug for Template {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Template").field(&self.source).finish()
    }
}
