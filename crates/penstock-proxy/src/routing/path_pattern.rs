//! Matching the normalised path of a request and finding its parameters.

use std::fmt;

use penstock_plan::{EncodedSlash, PathPattern};
use regex::Regex;

use super::compile_regex;
use super::path::normalise;
use crate::exchange::Span;

/// Name of the parameter that a final `/*` gives.
pub const REST: &str = "rest";

/// Names of a pattern's parameters, in order.
pub type ParamNames = Box<[Box<str>]>;

/// A path pattern, ready to match. Literal parts are in normal form, as paths are.
#[derive(Debug)]
pub enum PathMatcher {
    /// Exactly this path.
    Exact(Box<str>),
    /// This path and everything below it, by whole segments.
    Prefix(Box<str>),
    /// Segments, of which some are parameters.
    Template(Template),
    /// An expression searched in the path.
    Regex(Regex),
}

/// A path pattern with parameters.
#[derive(Debug)]
pub struct Template {
    text: Box<str>,
    /// Its segments in order.
    pub segments: Box<[Segment]>,
    /// Whether a final `/*` stands for the rest.
    pub is_open: bool,
}

/// A segment of a template.
#[derive(Debug)]
pub enum Segment {
    /// Exactly this segment; empty where the template ends in a slash.
    Literal(Box<str>),
    /// One segment that is not empty.
    Parameter,
}

impl PathMatcher {
    /// Makes a pattern ready and gives the names of its parameters, or says what is wrong.
    pub fn build(pattern: &PathPattern) -> Result<(Self, ParamNames), String> {
        match pattern {
            PathPattern::Exact(path) => Ok((Self::Exact(spelled(path)?.into()), Box::default())),
            PathPattern::Prefix(path) => {
                let path = spelled(&format!("{path}/"))?;
                Ok((Self::Prefix(path.trim_end_matches('/').into()), [REST.into()].into()))
            }
            PathPattern::Template(text) => {
                let (template, names) = Template::build(text)?;
                Ok((Self::Template(template), names))
            }
            PathPattern::Regex(pattern) => Ok((Self::Regex(compile_regex(pattern)?), Box::default())),
        }
    }

    /// Whether a normalised path is meant; `params` gets the spans of its parameters.
    ///
    /// What `/*` stood for is the last parameter, without its leading slash.
    pub fn matches(&self, path: &str, params: &mut Vec<Span>) -> bool {
        params.clear();
        let found = match self {
            Self::Exact(expected) => **expected == *path,
            Self::Prefix(start) => path.starts_with(&**start) && push_rest(path, start.len(), params),
            Self::Template(template) => template.matches(path, params),
            Self::Regex(pattern) => pattern.is_match(path),
        };
        if !found {
            params.clear();
        }
        found
    }
}

impl fmt::Display for PathMatcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => write!(formatter, "{path}"),
            Self::Prefix(start) => write!(formatter, "{start}/*"),
            Self::Template(template) => write!(formatter, "{}", template.text),
            Self::Regex(pattern) => write!(formatter, "matches {pattern}"),
        }
    }
}

impl Template {
    fn build(text: &str) -> Result<(Self, ParamNames), String> {
        let (start, is_open) = text.strip_suffix("/*").map_or((text, false), |start| (start, true));
        let relative = start.strip_prefix('/').ok_or("a path begins with a slash")?;
        let (mut segments, mut names) = (Vec::new(), Vec::new());
        for part in relative.split('/') {
            match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) => {
                    names.push(parameter_name(name)?);
                    segments.push(Segment::Parameter);
                }
                None => segments.push(Segment::Literal(literal(part)?)),
            }
        }
        names.extend(is_open.then(|| REST.into()));
        no_empty_segment(&segments, is_open)?;
        all_different(&names)?;
        Ok((Self { text: text.into(), segments: segments.into(), is_open }, names.into()))
    }

    fn matches(&self, path: &str, params: &mut Vec<Span>) -> bool {
        let mut at = 0;
        for expected in &self.segments {
            let Some(behind) = path.get(at..).and_then(|rest| rest.strip_prefix('/')) else { return false };
            let segment = first_segment(behind);
            let (start, end) = (at + 1, at + 1 + segment.len());
            match expected {
                Segment::Literal(text) if **text == *segment => {}
                Segment::Parameter if !segment.is_empty() => params.push(span(start, end)),
                _ => return false,
            }
            at = end;
        }
        if self.is_open { push_rest(path, at, params) } else { at == path.len() }
    }
}

/// The text before the first slash.
pub(super) fn first_segment(path: &str) -> &str {
    let end = memchr::memchr(b'/', path.as_bytes()).unwrap_or(path.len());
    path.get(..end).unwrap_or_default()
}

/// Takes what is left behind whole segments; says no where a segment goes on.
fn push_rest(path: &str, at: usize, params: &mut Vec<Span>) -> bool {
    match path.as_bytes().get(at) {
        None => params.push(span(path.len(), path.len())),
        Some(b'/') => params.push(span(at + 1, path.len())),
        Some(_) => return false,
    }
    true
}

fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32 }
}

fn spelled(path: &str) -> Result<String, String> {
    let mut out = String::new();
    normalise(path.as_bytes(), EncodedSlash::Keep, &mut out).map_err(|problem| problem.to_string())?;
    Ok(out)
}

fn literal(segment: &str) -> Result<Box<str>, String> {
    if segment.contains(['{', '}']) {
        return Err(format!("a parameter is a whole segment: write /{{name}}/, not {segment}"));
    }
    let path = spelled(&format!("/{segment}"))?;
    Ok(path.trim_start_matches('/').into())
}

fn parameter_name(name: &str) -> Result<Box<str>, String> {
    let is_fine = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_fine { Ok(name.into()) } else { Err(format!("{{{name}}} is no name of letters, digits and _")) }
}

/// Accepts an empty segment only as the final slash of a template.
fn no_empty_segment(segments: &[Segment], is_open: bool) -> Result<(), String> {
    let may_not_be = if is_open { segments.len() } else { segments.len().saturating_sub(1) };
    let is_empty = |segment: &Segment| matches!(segment, Segment::Literal(text) if text.is_empty());
    if segments.iter().take(may_not_be).any(is_empty) {
        return Err("a template has no empty segment".to_owned());
    }
    Ok(())
}

fn all_different(names: &[Box<str>]) -> Result<(), String> {
    let twice =
        names.iter().enumerate().find(|(position, name)| names.iter().take(*position).any(|other| other == *name));
    twice.map_or(Ok(()), |(_, name)| Err(format!("the parameter {name} is there twice")))
}

#[cfg(test)]
mod tests;
