//! Texts and values in the order in which a line, or a member of one, has them.

use std::sync::Arc;

use super::LOG_FIELDS;
use super::built_log::LogProblem;
use super::log_line::{Field, Logged, Scratch, Value, write_escaped, write_unicode, write_value};
use super::log_mask::{Mask, Pattern, hide, network, write_query};
use super::log_template::{log_template_problems, parts};
use crate::expression::Template;

/// What a template is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Text as it stands.
    Literal(&'a str),
    /// The value of a field.
    Field(Field),
    /// The value of an expression, as a template of its own.
    Expression(String),
}

/// A template, made ready once for each plan.
pub(super) struct Pieces(Box<[Piece]>);

enum Piece {
    Literal(Box<[u8]>),
    Field(Field, Hidden),
    Value(Template, Hidden),
}

/// What is hidden in one value.
#[derive(Default)]
struct Hidden {
    client: bool,
    query: Arc<[Box<[u8]>]>,
    patterns: Box<[Arc<Pattern>]>,
}

impl Pieces {
    /// The template of whole lines.
    pub(super) fn of_line(template: &str, mask: &Mask, problems: &mut Vec<LogProblem>) -> Self {
        let (parts, _) = parts(template);
        let wrong = log_template_problems(template).into_iter().chain(shown_client(&parts, mask));
        problems.extend(wrong.map(|problem| LogProblem::new(&["format"], problem)));
        Self::new(&parts, &|text| text.as_bytes().into(), &|field| Hidden::of(mask, field.map_or("", name_of)))
    }

    /// The template of a member of a JSON object.
    pub(super) fn of_member(parts: &[Part<'_>], member: &str, mask: &Mask) -> Self {
        Self::new(parts, &escaped, &|_| Hidden::of(mask, member))
    }

    fn new(parts: &[Part<'_>], literal: &dyn Fn(&str) -> Box<[u8]>, hidden: &dyn Fn(Option<Field>) -> Hidden) -> Self {
        let piece = |part: &Part<'_>| match part {
            Part::Literal(text) => Some(Piece::Literal(literal(text))),
            Part::Field(field) => Some(Piece::Field(*field, hidden(Some(*field)))),
            // What is wrong with it was said when the parts were read.
            Part::Expression(text) => Template::parse(text).ok().map(|template| Piece::Value(template, hidden(None))),
        };
        Self(parts.iter().filter_map(piece).collect())
    }

    /// Writes all of it, escaped.
    pub(super) fn write(&self, out: &mut Vec<u8>, logged: &Logged<'_>, scratch: &mut Scratch) {
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.extend_from_slice(text),
                Piece::Field(field, hidden) => hidden.write(*field, out, logged, scratch),
                Piece::Value(template, hidden) => {
                    let (text, other) = scratch;
                    text.clear();
                    template.render(&logged.exchange.facts(), text);
                    hide(&hidden.patterns, text, other);
                    write_unicode(out, text);
                }
            }
        }
    }
}

impl Hidden {
    fn of(mask: &Mask, member: &str) -> Self {
        Self { client: mask.client, query: Arc::clone(&mask.query), patterns: mask.patterns_of(member) }
    }

    /// Writes the value of a field without what is hidden of it.
    fn write(&self, field: Field, out: &mut Vec<u8>, logged: &Logged<'_>, scratch: &mut Scratch) {
        let (text, other) = scratch;
        let value = field.of(logged.entry);
        match value {
            Value::Address(address) if self.client => write_value(out, &Value::Address(network(address)), ""),
            Value::Text(query) if field == Field::Query && !self.query.is_empty() => {
                text.clear();
                write_query(query, &self.query, text);
                hide(&self.patterns, text, other);
                write_escaped(out, text);
            }
            Value::Text(bytes) | Value::Plain(bytes) | Value::Unicode(bytes) if !self.patterns.is_empty() => {
                text.clear();
                text.extend_from_slice(bytes);
                hide(&self.patterns, text, other);
                let write = if matches!(value, Value::Unicode(_)) { write_unicode } else { write_escaped };
                write(out, text);
            }
            _ => write_value(out, &value, logged.second),
        }
    }
}

/// What is wrong with an expression that shows a client's whole address where only its network may be shown.
pub(super) fn shown_client(parts: &[Part<'_>], mask: &Mask) -> Option<String> {
    let is_one = |part: &Part<'_>| matches!(part, Part::Expression(text) if text.contains("client_ip"));
    let message = "`request.client_ip` is the whole address, and `mask.client` hides it; write `{{ client }}`";
    (mask.client && parts.iter().any(is_one)).then(|| message.to_owned())
}

fn name_of(field: Field) -> &'static str {
    LOG_FIELDS.iter().find(|name| Field::named(name) == Some(field)).copied().unwrap_or_default()
}

/// Text as it stands between the quotes of JSON.
pub(super) fn escaped(text: &str) -> Box<[u8]> {
    let mut out = Vec::new();
    write_unicode(&mut out, text.as_bytes());
    out.into()
}
