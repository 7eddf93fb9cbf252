//! Pipelines: steps in the order the user wrote them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The steps of one pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// The resource's name, or `route.NAME` for a route's own steps.
    pub name: String,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// One step: a filter with its settings, a condition and its jumps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Name, unique in its pipeline.
    pub name: String,
    /// The filter's kind; `end` for the step that ends a pipeline.
    pub filter: String,
    /// Where the filter's code is.
    pub source: FilterSource,
    /// The filter's settings in resolved form.
    pub settings: Value,
    /// Condition under which the step runs; absent: always.
    pub when: Option<String>,
    /// Where results lead; a result without a jump goes on with the next step.
    pub jumps: Vec<Jump>,
}

/// Where a filter's code is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FilterSource {
    /// In the core.
    Native,
    /// In a Python plugin; the text is the part's key, `plugin/NAME`.
    Python(String),
}

/// A result and where it leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Jump {
    /// A result of the filter.
    pub result: String,
    /// Where it leads.
    pub to: Target,
}

/// The target of a jump, always forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The end of the pipeline.
    End,
    /// The step at this position.
    Step(u32),
}
