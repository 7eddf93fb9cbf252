//! The plan: the flat, resolved description of everything a worker does.
//!
//! A plan has no defaults, no units in text and no names left to look up: durations are
//! milliseconds, sizes are bytes, and a reference is the key of another part of the same
//! plan. Resources, their defaults and their checks belong to the Python side; nothing
//! here reads a file or knows how a plan came to be.
#![forbid(unsafe_code)]

mod access_log;
mod consumer;
mod listener;
mod pipeline;
mod plugin;
mod route;
mod secrets;
mod stream;
mod telemetry;
mod tls;
mod upstream;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use access_log::{
    AccessLog, LogBatches, LogFile, LogFormat, LogFraming, LogMask, LogMember, LogObject, LogPattern, LogPlace,
    LogRemote, LogRotation, LogSample, LogScope, LogSpeech, LogSyslog,
};
pub use consumer::{Consumer, ConsumerKeys};
pub use listener::{EncodedSlash, Limits, Listener, Protocol, ProxyProtocol, Underscores};
pub use pipeline::{FilterSource, Jump, Pipeline, Step, Target};
pub use plugin::{Plugin, PluginFilter};
pub use route::{Condition, HostPattern, PathPattern, Route, Subject, Test};
pub use secrets::{Secrets, TicketSeed};
pub use stream::{Destination, StreamRoute, TlsRoute};
pub use telemetry::{
    Collector, CollectorHeader, CollectorProtocol, ParentSampling, Propagation, RouteTracing, Telemetry,
    TraceAttribute, TraceFormat, Tracing,
};
pub use tls::{
    Authorities, Certificate, CipherSuite, ClientCertificates, ListenerTls, TlsVersion, UnknownName, UpstreamTls,
};
pub use upstream::{Balance, Endpoint, Names, Ping, ProxyHeader, Retry, RetryOn, Timeouts, Upstream, UpstreamProtocol};

/// A whole plan: parts by key, `kind/name` (`route/orders`, `upstream/orders`).
///
/// Keys and parts are shared: a plan that differs in one part is made without copying the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Every part by its key.
    pub parts: BTreeMap<Arc<str>, Arc<Part>>,
    /// What its settings hold hashes of; a document of its own, which is never written. Absent where
    /// nothing is to run, as for an explanation: hashes stay what they are.
    #[serde(skip)]
    pub secrets: Option<Secrets>,
}

impl Plan {
    /// The keys of the certificates that one key stands for: itself, or all that go on with a slash behind it.
    pub fn certificates<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Arc<str>> {
        let behind = self.parts.range::<str, _>((Bound::Included(key), Bound::Unbounded)).map(|(found, _)| found);
        let rests = behind.map_while(move |found| Some((found, found.strip_prefix(key)?)));
        rests.filter(|(_, rest)| rest.is_empty() || rest.starts_with('/')).map(|(found, _)| found)
    }
}

/// One part of a plan and the hash of its text: equal hashes mean an equal built form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Hash of the body's canonical text, in hex.
    pub hash: String,
    /// What the part says.
    pub body: Body,
}

/// What a part can be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// `listener/NAME`: a listening address and how its connections are treated.
    Listener(Listener),
    /// `route/NAME`: which requests go to which pipeline.
    Route(Route),
    /// `tcproute/NAME`: where connections go whose bytes are carried as they are.
    #[serde(rename = "tcproute")]
    TcpRoute(StreamRoute),
    /// `tlsroute/NAME`: where connections go by the host that is asked for in a handshake that is not answered.
    #[serde(rename = "tlsroute")]
    TlsRoute(TlsRoute),
    /// `udproute/NAME`: where datagrams go.
    #[serde(rename = "udproute")]
    UdpRoute(StreamRoute),
    /// `pipeline/NAME`: the steps of a pipeline. A route's own steps are `pipeline/route.NAME`.
    Pipeline(Pipeline),
    /// `upstream/NAME`: endpoints and how they are used.
    Upstream(Upstream),
    /// `names/HOST`: the addresses of a host name that an endpoint uses.
    Names(Names),
    /// `telemetry/NAME`: what is recorded, and where it goes.
    Telemetry(Telemetry),
    /// `plugin/NAME`: the copied files of a Python plugin.
    Plugin(Plugin),
    /// `authorities/NAME`: who may sign certificates of endpoints.
    Authorities(Authorities),
    /// `certificate/NAME`: a chain of certificates and its key.
    Certificate(Certificate),
    /// `consumer/NAME`: somebody who is known by a key.
    Consumer(Consumer),
    /// `consumer_keys/all`: the keys of all of them.
    ConsumerKeys(ConsumerKeys),
}
