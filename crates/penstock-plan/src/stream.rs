//! Routes of connections whose bytes are carried as they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Carries the connections of listeners that speak TCP, or the datagrams of those that speak UDP, to upstreams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamRoute {
    /// The resource's name.
    pub name: String,
    /// Names of the listeners it serves; absent: all that speak its protocol.
    pub listeners: Option<Vec<String>>,
    /// Where connections go; one is drawn for each, or each client, by weight.
    pub to: Vec<Destination>,
    /// Time a connection, or the datagrams of a client, may stand still.
    pub idle_ms: u64,
}

/// Carries connections of listeners that read handshakes and answer none, by the host that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsRoute {
    /// The resource's name.
    pub name: String,
    /// Names of the listeners it serves; absent: all that speak its protocol.
    pub listeners: Option<Vec<String>>,
    /// Hosts in small letters, or `*.` and what stands for all hosts below it; absent: every host, and none.
    pub hosts: Option<Vec<String>>,
    /// Where connections go; one is drawn for each by weight.
    pub to: Vec<Destination>,
    /// Time a connection may stand still.
    pub idle_ms: u64,
}

/// An upstream and its share of the connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Key of the upstream, `upstream/NAME`.
    pub upstream: String,
    /// Share in relation to the others; 0: none.
    pub weight: u32,
}
