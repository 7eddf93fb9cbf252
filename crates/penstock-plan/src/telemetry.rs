//! Telemetry: the access log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is recorded of every request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// The resource's name.
    pub name: String,
    /// The access log; absent: off.
    pub access_log: Option<AccessLog>,
}

/// Where and how the access log is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessLog {
    /// A file, absolute, or `stdout`.
    pub path: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a line of the access log looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object.
    Json,
    /// A template with the names of the JSON fields.
    Template(String),
}
