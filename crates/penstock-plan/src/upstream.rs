//! Upstreams: endpoints and how they are used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::UpstreamTls;

/// A group of endpoints that serve the same thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// The resource's name.
    pub name: String,
    /// Its endpoints.
    pub endpoints: Vec<Endpoint>,
    /// How one is picked.
    pub balance: Balance,
    /// How long each phase may take.
    pub timeouts: Timeouts,
    /// Most idle connections kept to one endpoint by one worker.
    pub idle_connections: u64,
    /// What its endpoints speak.
    pub protocol: UpstreamProtocol,
    /// When endpoints that speak HTTP/2 are asked whether they are there; absent: never.
    pub ping: Option<Ping>,
    /// The PROXY protocol header that each connection begins with.
    pub proxy_protocol: ProxyHeader,
    /// What is asked of endpoints that speak TLS.
    pub tls: Option<UpstreamTls>,
    /// When an attempt is repeated; absent: only a connection that cannot be made, once.
    pub retry: Option<Retry>,
}

/// One address that serves an upstream's requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// `127.0.0.1:9001`, `[::1]:9001`, `name:9001` (its addresses are the part
    /// `names/name`) or `unix:/path`.
    pub address: String,
    /// Whether it speaks TLS.
    pub is_tls: bool,
    /// Host header for `host: endpoint`.
    pub host: String,
    /// Path put before the request's, without a final slash; empty: none.
    pub path: String,
    /// Share of the requests in relation to its neighbours; 0: none.
    pub weight: u32,
    /// Labels that a step may choose by.
    pub tags: Vec<String>,
}

/// What endpoints speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamProtocol {
    /// HTTP/1.1
    Http1,
    /// HTTP/2 over TLS.
    H2,
    /// HTTP/2 in clear text, by prior knowledge.
    H2c,
    /// Over TLS HTTP/2 or HTTP/1.1, as the handshake says; else HTTP/1.1.
    Auto,
}

/// The PROXY protocol header that connections to endpoints begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProxyHeader {
    /// None.
    Off,
    /// Version 1, a line of text.
    V1,
    /// Version 2, binary.
    V2,
}

/// How an endpoint is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// In turn, by weight.
    RoundRobin,
    /// By chance, by weight.
    Random,
    /// The one with the fewest requests in flight for its weight.
    LeastRequests,
}

/// How long each phase of an attempt may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// To make a connection.
    pub connect_ms: u64,
    /// From the request sent to the answer's head received.
    pub answer_ms: u64,
    /// While a body or a tunnel stands still.
    pub idle_ms: u64,
    /// While a write stands still.
    pub send_ms: u64,
    /// That an unused connection is kept.
    pub keep_ms: u64,
}

/// When an endpoint is asked whether it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ping {
    /// Silence after which it is asked, while a request waits for it.
    pub interval_ms: u64,
    /// That it has to answer.
    pub timeout_ms: u64,
}

/// When and how often an attempt is repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Attempts after the first.
    pub attempts: u32,
    /// What leads to another attempt.
    pub on: Vec<RetryOn>,
    /// Most attempts beyond the first, in percent of the requests in flight.
    pub budget_percent: u32,
}

/// What leads to another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    /// No connection could be made.
    ConnectFailure,
    /// The connection ended before an answer came.
    Reset,
    /// No answer in time.
    TimedOut,
    /// An answer with this status.
    Status(u16),
}

/// The addresses of a host name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// The host name.
    pub name: String,
    /// Its addresses, without port, in order of preference; empty: not known yet.
    pub addresses: Vec<String>,
}
