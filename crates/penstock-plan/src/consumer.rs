//! Consumers: who sends requests, and by which keys they are told apart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody who is known by a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Consumer {
    /// The resource's name.
    pub name: String,
    /// The groups that it belongs to.
    pub groups: Vec<String>,
}

/// The keys of all consumers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsumerKeys {
    /// Hash of what is secret: the digests of the keys, by the names of consumers. One for all, so that nobody can
    /// confirm by it what they guess of a single key.
    pub keys_hash: String,
}
