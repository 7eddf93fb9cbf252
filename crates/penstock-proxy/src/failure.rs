//! What can go wrong with a request, whose fault it is, and what the client is told.

use crate::grpc::MessageFault;
use crate::http1::Malformed;

/// Why the gateway itself answered, or gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant's message says what it is")]
pub(crate) enum Failure {
    #[error("{0}")]
    Malformed(#[from] Malformed),
    #[error("the request's head did not arrive in time")]
    HeadTimedOut,
    #[error("the request's body did not arrive in time")]
    BodyTimedOut,
    #[error("the request's body is too large")]
    BodyTooLarge,
    #[error("the client left before the answer")]
    ClientGone,
    #[error("the client said nothing in time, or left, before its handshake was done")]
    HandshakeUnfinished,
    #[error("the client's handshake is malformed")]
    HandshakeMalformed,
    #[error("the client speaks no version, cipher suite or protocol that is spoken here")]
    NothingInCommon,
    #[error("the client refused the handshake, as one does who does not trust the certificate")]
    RefusedByClient,
    #[error("no certificate is for the name that the client asked for")]
    UnknownServerName,
    #[error("the client has shown no certificate")]
    NoClientCertificate,
    #[error("the client's certificate has expired, was revoked, or nobody who is trusted signed it for clients")]
    ClientCertificateRefused,
    #[error("this port speaks HTTPS; write https:// instead of http://")]
    PlainHttp,
    #[error("the connection does not begin with the PROXY protocol header that is required")]
    ProxyHeaderMissing,
    #[error("the PROXY protocol header is malformed or was not sent in time")]
    ProxyHeaderMalformed,
    #[error("the connection does not come from a proxy whose PROXY protocol header would be believed")]
    ProxyUntrusted,
    #[error("grpc-timeout is no time; write up to eight digits and one of H, M, S, m, u, n")]
    GrpcTimeout,
    #[error("{0}")]
    Message(MessageFault),
    #[error("the connection was made for another host")]
    Misdirected,
    #[error("the request came before the handshake was done, may be somebody else's copy, and a copy could do harm")]
    TooEarly,
    #[error("no route for this host and path")]
    NoRoute,
    #[error("the route does not serve this method")]
    MethodNotAllowed,
    #[error("the pipeline ended without an answer")]
    NoAnswer,
    #[error("the request's body was sent by an earlier `Forward` and is not there for another")]
    BodyConsumed,
    #[error("the upstream has no endpoint")]
    NoEndpoint,
    #[error("no connection to an endpoint could be made")]
    ConnectFailed,
    #[error("no connection to an endpoint could be made in time")]
    ConnectTimedOut,
    #[error("the endpoint's certificate is not for its name, has expired, or nobody who is trusted signed it")]
    EndpointUntrusted,
    #[error("the handshake with the endpoint failed")]
    EndpointHandshake,
    #[error("the endpoint does not speak HTTP/2")]
    EndpointWithoutHttp2,
    #[error("the gateway has no descriptor left for a connection to an endpoint")]
    OutOfDescriptors,
    #[error("the gateway has too little memory left to take on more")]
    OutOfMemory,
    #[error("the endpoint closed the connection before it answered")]
    UpstreamClosed,
    #[error("the endpoint's answer is malformed")]
    UpstreamMalformed(Malformed),
    #[error("the head of the endpoint's answer is larger than 64 KiB or has more than 256 fields")]
    UpstreamHeadTooLarge,
    #[error("the endpoint sent too many interim answers")]
    TooManyInterim,
    #[error("the endpoint switched protocols unasked")]
    UnaskedUpgrade,
    #[error("the endpoint did not open the connection that was asked for")]
    NotSwitched,
    #[error("no tunnel is opened here")]
    NoTunnel,
    #[error("the request names no destination: it was not sent as to a proxy, with CONNECT or a whole URL")]
    NotProxied,
    #[error("a whole URL of https has to be asked for with CONNECT")]
    NotClearText,
    #[error("this destination may not be reached from here")]
    DestinationRefused,
    #[error("the proxy behind this one did not open a tunnel to the destination")]
    TunnelRefused,
    #[error("this proxy serves only those who say who they are, in Proxy-Authorization")]
    ProxyUnauthorized,
    #[error("the destination's name has no address")]
    NameNotFound,
    #[error("too many names are being looked up")]
    NamesBusy,
    #[error("the endpoint did not answer in time")]
    AnswerTimedOut,
    #[error("the endpoint stopped in the middle of its answer")]
    AnswerBodyTimedOut,
    #[error("the request took longer than its route allows")]
    RequestTimedOut,
    #[error("a filter failed")]
    FilterFailed,
    #[error("the gateway failed on this request")]
    Panicked,
}

/// Whose fault a failure is: the level of the log line and the label of the counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub(crate) enum Blame {
    Client,
    Upstream,
    Gateway,
}

impl Blame {
    /// The label's value.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Gateway => "gateway",
        }
    }
}

/// What becomes of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Status the client is told; 499 where it is no longer there to be told.
    pub(crate) status: u16,
    /// Whose fault it is.
    pub(crate) blame: Blame,
    /// Stable word for log and counter.
    pub(crate) reason: &'static str,
}

impl Failure {
    /// What is wrong with an endpoint's answer.
    pub(crate) fn of_answer(malformed: Malformed) -> Self {
        match malformed {
            Malformed::HeadTooLarge | Malformed::TooManyFields => Self::UpstreamHeadTooLarge,
            other => Self::UpstreamMalformed(other),
        }
    }

    /// The only place where a failure becomes a reply. No wildcard arm: a new failure does
    /// not compile until its reply, its blame and its reason are decided.
    pub(crate) fn verdict(self) -> Verdict {
        let (status, blame, reason) = match self {
            Self::Malformed(malformed) => (malformed.status(), Blame::Client, malformed.reason()),
            Self::HeadTimedOut => (408, Blame::Client, "head_timed_out"),
            Self::BodyTimedOut => (408, Blame::Client, "body_timed_out"),
            Self::BodyTooLarge => (413, Blame::Client, "body_too_large"),
            Self::ClientGone => (499, Blame::Client, "client_gone"),
            Self::HandshakeUnfinished => (499, Blame::Client, "tls_unfinished"),
            Self::HandshakeMalformed => (499, Blame::Client, "tls_malformed"),
            Self::NothingInCommon => (499, Blame::Client, "tls_nothing_in_common"),
            Self::RefusedByClient => (499, Blame::Client, "tls_refused_by_client"),
            Self::UnknownServerName => (499, Blame::Client, "tls_unknown_name"),
            Self::NoClientCertificate => (499, Blame::Client, "tls_no_client_certificate"),
            Self::ClientCertificateRefused => (499, Blame::Client, "tls_client_certificate"),
            Self::PlainHttp => (400, Blame::Client, "plain_http"),
            Self::ProxyHeaderMissing => (499, Blame::Client, "proxy_header_missing"),
            Self::ProxyHeaderMalformed => (499, Blame::Client, "proxy_header_malformed"),
            Self::ProxyUntrusted => (499, Blame::Client, "proxy_untrusted"),
            Self::GrpcTimeout => (400, Blame::Client, "grpc_timeout"),
            Self::Message(MessageFault::TooLarge) => (413, Blame::Client, "grpc_message_too_large"),
            Self::Message(MessageFault::Compressed) => (501, Blame::Client, "grpc_message_compressed"),
            Self::Message(MessageFault::Malformed) => (400, Blame::Client, "grpc_message"),
            Self::Misdirected => (421, Blame::Client, "misdirected"),
            Self::TooEarly => (425, Blame::Client, "early_data"),
            Self::NoRoute => (404, Blame::Client, "no_route"),
            Self::MethodNotAllowed => (405, Blame::Client, "method_not_allowed"),
            Self::NoAnswer => (500, Blame::Gateway, "no_answer"),
            Self::BodyConsumed => (500, Blame::Gateway, "body_consumed"),
            Self::NoEndpoint => (503, Blame::Upstream, "no_endpoint"),
            Self::ConnectFailed => (502, Blame::Upstream, "connect_failed"),
            Self::EndpointUntrusted => (502, Blame::Upstream, "endpoint_untrusted"),
            Self::EndpointHandshake => (502, Blame::Upstream, "endpoint_handshake"),
            Self::EndpointWithoutHttp2 => (502, Blame::Upstream, "endpoint_without_http2"),
            Self::ConnectTimedOut => (504, Blame::Upstream, "connect_timed_out"),
            Self::OutOfDescriptors => (503, Blame::Gateway, "out_of_descriptors"),
            Self::OutOfMemory => (503, Blame::Gateway, "out_of_memory"),
            Self::UpstreamClosed => (502, Blame::Upstream, "upstream_closed"),
            Self::UpstreamMalformed(_) => (502, Blame::Upstream, "upstream_malformed"),
            Self::UpstreamHeadTooLarge => (502, Blame::Upstream, "upstream_head_too_large"),
            Self::TooManyInterim => (502, Blame::Upstream, "too_many_interim"),
            Self::UnaskedUpgrade => (502, Blame::Upstream, "unasked_upgrade"),
            Self::NotSwitched => (502, Blame::Upstream, "not_switched"),
            Self::NoTunnel => (501, Blame::Client, "no_tunnel"),
            Self::NotProxied => (400, Blame::Client, "not_proxied"),
            Self::NotClearText => (400, Blame::Client, "not_clear_text"),
            Self::TunnelRefused => (502, Blame::Upstream, "tunnel_refused"),
            Self::ProxyUnauthorized => (407, Blame::Client, "proxy_unauthorized"),
            Self::DestinationRefused => (403, Blame::Client, "destination_refused"),
            Self::NameNotFound => (502, Blame::Upstream, "name_not_found"),
            Self::NamesBusy => (503, Blame::Gateway, "names_busy"),
            Self::AnswerTimedOut => (504, Blame::Upstream, "answer_timed_out"),
            Self::AnswerBodyTimedOut => (504, Blame::Upstream, "answer_body_timed_out"),
            Self::RequestTimedOut => (504, Blame::Gateway, "request_timed_out"),
            Self::FilterFailed => (500, Blame::Gateway, "filter_failed"),
            Self::Panicked => (500, Blame::Gateway, "panicked"),
        };
        Verdict { status, blame, reason }
    }
}
