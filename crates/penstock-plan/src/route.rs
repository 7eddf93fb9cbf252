//! Routes: which requests go to which pipeline.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RouteTracing;

/// Sends the requests it matches to one pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The resource's name.
    pub name: String,
    /// Names of the listeners it serves; absent: all.
    pub listeners: Option<Vec<String>>,
    /// Hosts served, any of them; empty: every host.
    pub hosts: Vec<HostPattern>,
    /// Path served.
    pub path: PathPattern,
    /// Methods served, `HEAD` beside `GET` already added; empty: every method.
    pub methods: Vec<String>,
    /// Conditions that must all hold.
    pub conditions: Vec<Condition>,
    /// Networks (CIDR) of clients served, any of them; empty: every client.
    pub client_ip: Vec<String>,
    /// Expression that must be true; absent: none.
    pub when: Option<String>,
    /// Decides before specificity; higher serves first.
    pub priority: i64,
    /// Age: of two equal routes the one with the lower number serves.
    pub order: u64,
    /// Time for the whole request, retries included; absent: no bound.
    pub timeout_ms: Option<u64>,
    /// What it says of traces; absent: as everywhere.
    pub tracing: Option<RouteTracing>,
    /// Key of the pipeline, `pipeline/NAME`.
    pub pipeline: String,
}

/// A pattern for the host of a request; hosts are lower case, without port and final dot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostPattern {
    /// Exactly this host.
    Exact(String),
    /// One or more labels before this host (`example.com` for `*.example.com`).
    Wildcard(String),
    /// A regular expression searched in the host.
    Regex(String),
}

/// A pattern for the normalised path of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PathPattern {
    /// Exactly this path.
    Exact(String),
    /// This path and everything below it, by whole segments; written without the final
    /// slash, so `/orders/*` is `/orders` and `/*` is the empty text.
    Prefix(String),
    /// Literal segments and `{parameters}`, which stand for one segment each; a final
    /// `/*` stands for the rest.
    Template(String),
    /// A regular expression searched in the path.
    Regex(String),
}

/// A condition on one named value of the request; of repeated values any may match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What is looked at.
    pub subject: Subject,
    /// What must hold.
    pub test: Test,
}

/// The named value that a condition looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A header, name in lower case.
    Header(String),
    /// A query parameter.
    Query(String),
    /// A cookie.
    Cookie(String),
}

/// What must hold of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// It equals this text.
    Exact(String),
    /// It starts with this text.
    Prefix(String),
    /// It ends with this text.
    Suffix(String),
    /// A regular expression is found in it.
    Regex(String),
    /// It is there.
    Present,
    /// It is not there.
    Absent,
}
