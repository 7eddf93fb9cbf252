//! Access logs: which requests have lines, how these look, and where they go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Collector;

/// Which requests an access log has lines of, how these look, and where they go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessLog {
    /// Where its lines go.
    pub to: LogPlace,
    /// How a line looks.
    pub format: LogFormat,
    /// Whose requests alone have lines.
    pub only: LogScope,
    /// Whose requests have none.
    pub skip: LogScope,
    /// Condition that must hold; absent: none.
    pub when: Option<String>,
    /// Which part of the requests has lines; absent: all.
    pub sample: Option<LogSample>,
    /// What is hidden in its lines.
    pub mask: LogMask,
}

impl AccessLog {
    /// One that has a whole line of every request.
    pub fn of_everything(to: LogPlace) -> Self {
        let (only, skip) = (LogScope::default(), LogScope::default());
        Self { to, format: LogFormat::Json, only, skip, when: None, sample: None, mask: LogMask::default() }
    }
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogPlace {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file.
    File(LogFile),
    /// Somebody else, over the network.
    Remote(LogRemote),
}

/// A file that lines go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogFile {
    /// Its path, absolute.
    pub path: String,
    /// When it is moved away and another one begun; absent: by nobody here.
    pub rotation: Option<LogRotation>,
}

/// When a file is moved away, and what becomes of those that were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogRotation {
    /// As soon as it is so large; absent: however large it is.
    pub size_bytes: Option<u64>,
    /// When such a period of UTC is over; absent: however old it is.
    pub every_ms: Option<u64>,
    /// How many are kept; absent: all.
    pub keep: Option<u32>,
    /// For how long they are kept; absent: for ever.
    pub age_ms: Option<u64>,
    /// Whether they are compressed.
    pub is_compressed: bool,
}

/// Who takes lines over the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogRemote {
    /// How lines travel.
    pub speech: LogSpeech,
    /// Where to.
    pub collector: Collector,
}

/// How lines travel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogSpeech {
    /// One after another on a connection.
    Stream(LogFraming),
    /// Each in a datagram.
    Datagrams(LogFraming),
    /// Many in one request.
    Batches(LogBatches),
}

/// What is around a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogFraming {
    /// It is a message of syslog; absent: it stands by itself.
    pub syslog: Option<LogSyslog>,
}

/// What messages of syslog say of where they come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogSyslog {
    /// Number of the facility.
    pub facility: u8,
    /// Name of the program.
    pub app_name: String,
}

/// What a request with many lines is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogBatches {
    /// The lines one after another.
    Lines,
    /// An array of JSON.
    Array,
    /// Records of OpenTelemetry.
    Otlp,
}

/// How a line of an access log looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object with the usual members.
    Json,
    /// One JSON object with others.
    Object(LogObject),
    /// A template with the names of the JSON members, and with expressions.
    Template(String),
}

/// The members of a JSON object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogObject {
    /// The usual members that it has; absent: all.
    pub keep: Option<Vec<String>>,
    /// Those of them that it lacks.
    pub remove: Vec<String>,
    /// Members that are added behind them.
    pub add: Vec<LogMember>,
}

/// A member of a JSON object, of which a template says what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogMember {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub value: String,
}

/// Whose requests are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogScope {
    /// Names of listeners; absent: no listener is named.
    pub listeners: Option<Vec<String>>,
    /// Names of routes; absent: no route is named.
    pub routes: Option<Vec<String>>,
}

/// Which part of the requests has lines; those that failed always do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogSample {
    /// How many of a million requests have lines.
    pub per_million: u32,
    /// Requests that take so long always have one; absent: however long they take.
    pub slow_ms: Option<u64>,
}

/// What is hidden in lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogMask {
    /// Whether of a client's address only the network is shown: 24 bits of IPv4, 48 of IPv6.
    pub client: bool,
    /// Names of query parameters whose values are hidden.
    pub query: Vec<String>,
    /// Parts of texts that are hidden.
    pub patterns: Vec<LogPattern>,
}

/// Parts of texts that something else stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogPattern {
    /// A regular expression of the parts.
    pub regex: String,
    /// What stands for each.
    pub by: String,
    /// Names of the members whose texts are meant; absent: all, those of templates too.
    pub members: Option<Vec<String>>,
}
