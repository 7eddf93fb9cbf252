//! Telemetry: access logs, and who takes what is recorded.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccessLog, UpstreamTls};

/// What is recorded of every request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// The resource's name.
    pub name: String,
    /// The access logs; each is written apart from the others.
    pub access_logs: Vec<AccessLog>,
    /// Where OpenTelemetry data goes that says nothing else; absent: nowhere.
    pub otlp: Option<Collector>,
    /// Traces; absent: there are none.
    pub tracing: Option<Tracing>,
}

/// Who takes telemetry in batches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Collector {
    /// `127.0.0.1:4317`, `[::1]:4317`, `name:4317` or `unix:/path`. Names are looked up by the worker.
    pub address: String,
    /// Host that requests to it name.
    pub host: String,
    /// Path that all paths begin with, without a final slash; empty: none.
    pub path: String,
    /// What is spoken to it.
    pub protocol: CollectorProtocol,
    /// Fields that every request to it has.
    pub headers: Vec<CollectorHeader>,
    /// Time that one delivery may take.
    pub timeout_ms: u64,
    /// What is asked of it in handshakes; absent: clear text is spoken.
    pub tls: Option<UpstreamTls>,
}

/// How batches travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CollectorProtocol {
    /// Calls of gRPC over HTTP/2.
    Grpc,
    /// Posts over HTTP/1.1.
    Http,
}

/// A field of the requests to a collector; values may be passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectorHeader {
    /// Name in lower case.
    pub name: String,
    /// Hash of the value, which is among the secrets.
    pub value_hash: String,
}

/// Which exchanges are recorded as traces, and where they go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tracing {
    /// Who takes them.
    pub collector: Collector,
    /// How they are written.
    pub format: TraceFormat,
    /// Name under which the gateway's spans appear.
    pub service_name: String,
    /// What else is said of the gateway: attributes by their names.
    pub resource: BTreeMap<String, String>,
    /// Share of the traces that begin here which is recorded, in millionths.
    pub ratio_millionths: u32,
    /// What is made of the decision that a request brings.
    pub parent: ParentSampling,
    /// Time between two traces that each worker records because a stranger has asked for it, in microseconds; what
    /// was not asked for in a second, or in one such time, may come at once.
    pub stranger_every_us: u64,
    /// Forms in which traces are told of by requests, and to endpoints.
    pub propagation: Vec<Propagation>,
    /// Attributes of every exchange's span.
    pub attributes: Vec<TraceAttribute>,
}

/// How traces are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraceFormat {
    /// As OpenTelemetry has them.
    Otlp,
    /// As Zipkin has them.
    Zipkin,
}

/// What is made of a trace that a request is said to be part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParentSampling {
    /// The trace goes on, and what was decided of it holds.
    Follow,
    /// Every request begins a trace of its own.
    Ignore,
}

/// A form in which services tell each other of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Propagation {
    /// `traceparent` and `tracestate`.
    W3c,
    /// `b3`.
    B3,
    /// `x-b3-traceid` and its like.
    #[serde(rename = "b3multi")]
    B3Multi,
    /// `uber-trace-id`.
    Jaeger,
}

/// An attribute of spans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceAttribute {
    /// Its name.
    pub name: String,
    /// Template of its value; empty: the span has none.
    pub template: String,
}

/// What a route says of traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RouteTracing {
    /// Its requests are not recorded.
    Off,
    /// Share of the traces that begin with them which is recorded.
    RatioMillionths(u32),
}
