//! Paths that a filter writes: templates with `{parameters}`.

use super::leaf::{Leaf, LeafProblem, leaf};

/// A path with `{parameters}`.
#[derive(Debug)]
pub struct PathTemplate {
    source: Box<str>,
    /// Its parts, in order.
    pub parts: Box<[PathPart]>,
}

/// A part of a path template.
#[derive(Debug, PartialEq, Eq)]
pub enum PathPart {
    /// Text that stays.
    Literal(Box<str>),
    /// A parameter of the route's path.
    Param(Box<str>),
}

impl Leaf for PathTemplate {
    const NAME: &'static str = "path_template";

    fn read(text: &str) -> Result<Self, LeafProblem> {
        let unbalanced =
            || (format!("`{text}` has a brace without its other"), "write parameters as `{id}`".to_owned());
        if let Some(problem) = path_problem(text) {
            return Err(problem);
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((literal, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').ok_or_else(unbalanced)?;
            if literal.contains('}') || name.is_empty() || name.contains('{') {
                return Err(unbalanced());
            }
            parts.extend([PathPart::Literal(literal.into()), PathPart::Param(name.into())]);
            rest = tail;
        }
        if rest.contains('}') {
            return Err(unbalanced());
        }
        parts.push(PathPart::Literal(rest.into()));
        Ok(Self { source: text.into(), parts: parts.into() })
    }

    fn text(&self) -> &str {
        &self.source
    }
}

/// What is wrong with a path that a filter writes.
pub(super) fn path_problem(text: &str) -> Option<LeafProblem> {
    if !text.starts_with('/') {
        return Some((format!("`{text}` is no path"), format!("begin it with a slash: `/{text}`")));
    }
    let odd = text.chars().find(|letter| !letter.is_ascii_graphic() || matches!(letter, '?' | '#' | '\\'))?;
    Some((format!("a path cannot hold {odd:?}"), "percent-encode it; the query stays as it came".into()))
}

leaf!(PathTemplate);
