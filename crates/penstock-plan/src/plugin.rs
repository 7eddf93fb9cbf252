//! Plugins: Python files, copied by hash, and the filters they define.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Python plugin as workers import it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plugin {
    /// The resource's name.
    pub name: String,
    /// Hash of the plugin's files: the folder under the state directory that holds them.
    pub digest: String,
    /// The filters it defines.
    pub filters: Vec<PluginFilter>,
}

/// One filter class of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginFilter {
    /// The class's name: the step kind.
    pub name: String,
    /// File inside the plugin's folder that defines it.
    pub file: String,
}
