//! What a filter says of itself: its kind, its manual page, its settings and its results.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::settings;
use crate::pipeline::Filter;

/// A filter of the core: its type holds its settings and its doc comment is its manual page.
pub trait NativeFilter: Filter + JsonSchema + Serialize + DeserializeOwned + 'static {
    /// The filter's file and line: `here!()`.
    const SOURCE: Source;
    /// Results by position; [`crate::pipeline::ResultId`] is one.
    const RESULTS: &'static [&'static str] = &[];
    /// Whether it needs the whole request body.
    const BUFFERS_BODY: bool = false;

    /// What the types of the settings cannot say is wrong with them.
    fn problems(&self) -> Vec<SettingProblem> {
        Vec::new()
    }
}

/// Where a filter's code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Source {
    /// File, relative to the repository.
    pub file: &'static str,
    /// Line.
    pub line: u32,
}

/// The place where it is written.
macro_rules! here {
    () => {
        $crate::filters::Source { file: file!(), line: line!() }
    };
}
pub(super) use here;

/// A filter as the catalogue, the manual and forms see it.
#[derive(Debug, Clone, Serialize)]
pub struct FilterKind {
    /// The step kind.
    pub name: &'static str,
    /// First sentence of the page.
    pub summary: String,
    /// Manual page, in Markdown.
    pub page: String,
    /// JSON Schema of the settings.
    pub schema: Value,
    /// First YAML block of the page: a step that uses the filter.
    pub example: String,
    /// Results by position.
    pub results: &'static [&'static str],
    /// Whether it needs the whole request body.
    pub buffers_body: bool,
    /// Where its code is.
    pub source: Source,
}

impl FilterKind {
    /// Makes the kind of a filter from its type.
    pub(super) fn of<F: NativeFilter>(name: &'static str) -> Self {
        let schema = settings::schema::<F>();
        let page = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            name,
            summary: page.lines().next().unwrap_or_default().to_owned(),
            example: example(&page),
            page,
            schema,
            results: F::RESULTS,
            buffers_body: F::BUFFERS_BODY,
            source: F::SOURCE,
        }
    }
}

/// The text of a page's first YAML block.
fn example(page: &str) -> String {
    let block = page.split_once("```yaml\n").and_then(|(_, after)| after.split_once("```"));
    block.map_or_else(String::new, |(block, _)| block.to_owned())
}

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingProblem {
    /// Where the setting is: `response.set.x-a`, `to[0].upstream`; empty for all of them.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead; may be empty.
    pub hint: String,
}

impl SettingProblem {
    /// A problem with the setting at a path.
    pub fn new(path: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), hint: hint.into() }
    }
}
