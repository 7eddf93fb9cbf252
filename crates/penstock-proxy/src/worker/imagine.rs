//! A request that somebody imagines, made into one that stands before the router as a client's does.

use std::fmt::Write as _;
use std::net::IpAddr;

use penstock_plan::Protocol;
use serde::Deserialize;

use super::imagine_tls::ImaginedTls;
use crate::connection::{Peer, identify, understand};
use crate::exchange::Exchange;
use crate::http1::parse_request;
use crate::listener::BuiltListener;

/// The id of a request that nobody sends.
const NO_ID: &str = "00000000000000000000000000000000";

/// A request that somebody imagines.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imagined {
    /// The listener it comes in by; absent: the one whose port the URL names, else the first.
    pub listener: Option<String>,
    /// Method.
    pub method: String,
    /// `http://host[:port]/path?query`, or the same with `https`; `tls://`, `tcp://` or `udp://host:port` for what is carried
    pub url: String,
    /// Fields, as name and value.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The client's address; absent: loopback.
    pub from: Option<IpAddr>,
    /// What it says in its handshake, where the listener speaks TLS.
    #[serde(default)]
    pub tls: ImaginedTls,
}

/// The parts of an imagined request's URL.
pub(super) struct Url<'a> {
    pub(super) authority: &'a str,
    pub(super) target: &'a str,
    pub(super) port: u16,
    /// Whether the port is written there.
    pub(super) names_port: bool,
    pub(super) is_https: bool,
    /// What is carried as it is; none: HTTP.
    pub(super) protocol: Option<Protocol>,
}

impl<'a> Url<'a> {
    /// Takes one apart.
    pub(super) fn parse(url: &'a str) -> Result<Self, String> {
        let schemes = [
            ("http://", false, 80),
            ("https://", true, 443),
            ("tls://", false, 0),
            ("tcp://", false, 0),
            ("udp://", false, 0),
        ];
        let found = schemes
            .into_iter()
            .find_map(|(scheme, is_https, port)| url.strip_prefix(scheme).map(|rest| (rest, is_https, port)));
        let (rest, is_https, usual_port) =
            found.ok_or_else(|| format!("{url}: write it as http://host/path or https://host/path"))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let after_host = authority.rsplit(']').next().unwrap_or(authority);
        let written_port = after_host.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let (names_port, port) = (written_port.is_some(), written_port.unwrap_or(usual_port));
        let carried = [("tls://", Protocol::Tls), ("tcp://", Protocol::Tcp), ("udp://", Protocol::Udp)];
        let protocol = carried.into_iter().find_map(|(scheme, protocol)| url.starts_with(scheme).then_some(protocol));
        Ok(Self { authority, target, port, names_port, is_https, protocol })
    }
}

impl Url<'_> {
    /// The host without the port, as handshakes name it.
    pub(super) fn host(&self) -> &str {
        let authority = self.authority;
        authority.rsplit_once(':').map_or(authority, |(host, _)| host).trim_matches(['[', ']'])
    }
}

/// Writes the request as a client would and parses it as the listener would.
pub(super) fn imagine(imagined: &Imagined, url: &Url<'_>, listener: &BuiltListener) -> Result<Exchange, String> {
    let authority = match imagined.method.as_str() {
        "CONNECT" if !url.names_port => format!("{}:{}", url.authority, url.port),
        _ => url.authority.to_owned(),
    };
    let target = match url.target {
        _ if imagined.method == "CONNECT" => authority.clone(),
        // As in a URL without a path (RFC 9112, section 3.2.4).
        "" if imagined.method == "OPTIONS" => "*".to_owned(),
        target if target.starts_with('/') => target.to_owned(),
        target => format!("/{target}"),
    };
    let mut text = format!("{} {target} HTTP/1.1\r\n", imagined.method);
    if !imagined.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        let _ = write!(text, "host: {authority}\r\n");
    }
    for (name, value) in &imagined.headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
    let mut exchange = Exchange::default();
    let request = &mut exchange.request;
    let refused = |malformed: crate::http1::Malformed| {
        format!("the listener would refuse it with {}: {malformed}", malformed.status())
    };
    let info = parse_request(text.as_bytes(), &listener.head_limits, request).map_err(refused)?;
    let info = info.ok_or("the request's head is incomplete")?;
    understand(request, info.target, listener.plan.encoded_slash).map_err(refused)?;
    let ip = imagined.from.unwrap_or(IpAddr::from([127, 0, 0, 1])).to_canonical();
    let peer = Peer { ip, port: url.port, is_enciphered: listener.plan.tls.is_some() };
    identify(request, &peer, &listener.trust, listener.plan.underscores, |id| id.push_str(NO_ID)).map_err(refused)?;
    exchange.body_limit = listener.plan.limits.body_bytes;
    Ok(exchange)
}
