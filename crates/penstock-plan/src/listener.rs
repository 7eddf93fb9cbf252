//! Listeners: addresses, limits, and what is believed of a client.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ListenerTls, Step};

/// A listening address and how its connections are treated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// The resource's name.
    pub name: String,
    /// `127.0.0.1:8080`, `[::]:8080` or `unix:/path`; of datagrams `udp:127.0.0.1:53`.
    pub address: String,
    /// Protocols spoken, in order of preference.
    pub protocols: Vec<Protocol>,
    /// What it asks of handshakes; absent: it speaks in clear text.
    pub tls: Option<ListenerTls>,
    /// Time for which clients that came by TCP may keep in mind that HTTP/3 is spoken; absent: they are not told.
    pub alt_svc_seconds: Option<u64>,
    /// Networks (CIDR) whose forwarding headers are believed.
    pub trusted_proxies: Vec<String>,
    /// Whether connections of those networks begin with a PROXY protocol header.
    pub proxy_protocol: ProxyProtocol,
    /// What happens to `%2f` and `%5c` in a path.
    pub encoded_slash: EncodedSlash,
    /// What happens to a field whose name has an underscore.
    pub underscores: Underscores,
    /// Limits on what a client may send or hold.
    pub limits: Limits,
    /// Steps run for every request before it is routed.
    pub before: Vec<Step>,
    /// Steps run with every answer, also the gateway's own.
    pub after: Vec<Step>,
}

/// A protocol that a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1 and HTTP/1.0.
    Http1,
    /// HTTP/2 over TLS, as agreed in the handshake.
    H2,
    /// HTTP/2 in clear text, by prior knowledge.
    H2c,
    /// TLS between client and endpoint: the host that is asked for says where its bytes are carried as they are.
    Tls,
    /// HTTP/3: over QUIC, on datagrams at the same address.
    H3,
    /// Whatever clients and endpoints speak; its bytes are carried as they are.
    Tcp,
    /// The same in datagrams.
    Udp,
}

/// Whether connections begin with a PROXY protocol header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProxyProtocol {
    /// None is looked for.
    Off,
    /// One that a trusted proxy sends is believed.
    Accept,
    /// A connection without one from a trusted proxy is closed.
    Require,
}

/// What happens to an encoded slash or backslash in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EncodedSlash {
    /// The request is refused with 400.
    Refuse,
    /// It stays encoded, for matching and forwarding alike.
    Keep,
}

/// What happens to a field whose name has an underscore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Underscores {
    /// The request is refused with 400.
    Refuse,
    /// The field is dropped.
    Drop,
}

/// Limits on what a client may send or hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Time from a request's first byte to the end of its head.
    pub header_time_ms: u64,
    /// Largest head, request line included.
    pub header_bytes: u64,
    /// Most fields in a head.
    pub fields: u64,
    /// Longest request target.
    pub uri_bytes: u64,
    /// Time a connection may wait for its next request, or a body or tunnel stand still.
    pub idle_ms: u64,
    /// Time a write to the client may stand still.
    pub send_ms: u64,
    /// Time an exchange goes on after its client has closed its sending side.
    pub half_close_ms: u64,
    /// Most open connections of this listener, over all workers.
    pub connections: u64,
    /// Most requests at once on a connection of HTTP/2 or HTTP/3.
    pub streams: u32,
    /// Most bytes of a request body of HTTP/2 or HTTP/3 that may come before they are taken.
    pub stream_window_bytes: u32,
    /// The same over all requests of a connection.
    pub connection_window_bytes: u32,
    /// Largest request body; absent: none.
    pub body_bytes: Option<u64>,
    /// Most bytes of a body that a filter may have buffered.
    pub buffered_body_bytes: u64,
}
