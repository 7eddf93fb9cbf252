//! What a listener asks of handshakes, in the form that connections use.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use penstock_plan::{ListenerTls, Protocol, TlsVersion};
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache};
use rustls::{
    CertificateError, CommonState, Error, HandshakeKind, ProtocolVersion, ServerConfig, SupportedProtocolVersion,
    Tls13CipherSuite,
};

use super::choice::Choice;
use super::client::{client_certificate, verifier};
use super::policy::{provider, registered, versions};
use super::quic::{QuicFacts, QuicHandshakes};
use super::tickets::Tickets;
use super::{Asked, CertificateFacts, LoadedCertificate, TicketKeys};
use crate::exchange::Session;

/// What a listener asks of handshakes.
pub(crate) struct ServerTls {
    /// What every handshake begins with.
    pub(crate) config: Arc<ServerConfig>,
    /// The same of QUIC, where that is spoken.
    pub(crate) quic: Option<Arc<QuicHandshakes>>,
    choice: Arc<Choice>,
    takes_early: bool,
}

impl ServerTls {
    /// Of a plan's settings, the protocols spoken and the certificates that the settings name; its tickets are those of
    /// the listener `name`.
    ///
    /// # Errors
    /// One sentence where nothing could be spoken.
    pub(crate) fn build(
        plan: &ListenerTls,
        protocols: &[Protocol],
        certificates: &[Arc<LoadedCertificate>],
        (name, keys): (&str, &Arc<TicketKeys>),
    ) -> Result<Self, String> {
        let choice = Arc::new(Choice::new(certificates, plan.unknown_name));
        let mut config = begin(plan, versions(plan.min_version), &choice)?;
        config.alpn_protocols =
            protocols.iter().filter_map(|protocol| protocol_id(*protocol)).map(<[u8]>::to_vec).collect();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = Arc::new(Tickets::new(Arc::clone(keys), policy(name, plan)?));
        let quic = if protocols.contains(&Protocol::H3) { Some(Self::quic(plan, &config, &choice)?) } else { None };
        Ok(Self { config: Arc::new(config), quic, choice, takes_early: plan.early_data })
    }

    /// The same for QUIC, which begins with version 1.3.
    fn quic(plan: &ListenerTls, other: &ServerConfig, choice: &Arc<Choice>) -> Result<Arc<QuicHandshakes>, String> {
        let mut config = begin(plan, versions(TlsVersion::Tls13), choice)?;
        config.alpn_protocols = vec![HTTP3_ID.to_vec()];
        if plan.early_data {
            // A ticket that says all could be used again and again; what is kept here is good for once.
            config.session_storage = ServerSessionMemoryCache::new(KEPT_SESSIONS);
            config.max_early_data_size = u32::MAX;
        } else {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.ticketer = Arc::clone(&other.ticketer);
        }
        // The first packets are always enciphered by this suite, whichever is agreed on for later ones.
        let initial = TLS13_AES_128_GCM_SHA256.tls13().and_then(Tls13CipherSuite::quic_suite);
        let initial = initial.ok_or("this build has no cipher suite for QUIC")?;
        QuicHandshakes::new(Arc::new(config), initial).map(Arc::new)
    }

    /// Whether requests are taken before the handshake has ended.
    pub(crate) fn takes_early(&self) -> bool {
        self.takes_early
    }

    /// What is known of a connection of QUIC after its handshake, by the certificate that the client has shown.
    ///
    /// # Errors
    /// The certificate is good no more: a resumed session may have begun long ago (F13).
    pub(crate) fn quic_session(asked: &Asked, facts: QuicFacts, leaf: Option<&[u8]>) -> Result<Session, Error> {
        if leaf.is_some_and(|leaf| !is_good_now(leaf)) {
            return Err(CertificateError::Expired.into());
        }
        let (cipher, is_resumed) = (registered(facts.cipher), facts.is_resumed);
        let (name, client) = (asked.name.clone(), leaf.map(client_certificate));
        Ok(Session { version: "1.3", cipher, protocol: protocol_word(HTTP3_ID), is_resumed, name, client })
    }

    /// What is known of a connection after its handshake.
    ///
    /// # Errors
    /// A resumed session was begun with a certificate that is good no more (F13).
    pub(crate) fn session(asked: &Asked, of: &CommonState) -> Result<Session, Error> {
        let leaf = of.peer_certificates().and_then(<[_]>::first);
        let is_resumed = of.handshake_kind() == Some(HandshakeKind::Resumed);
        if is_resumed && leaf.is_some_and(|leaf| !is_good_now(leaf)) {
            return Err(CertificateError::Expired.into());
        }
        let version = if of.protocol_version() == Some(ProtocolVersion::TLSv1_3) { "1.3" } else { "1.2" };
        let cipher = of.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).map_or("", registered);
        let protocol = of.alpn_protocol().map_or("", protocol_word);
        let client = leaf.map(|leaf| client_certificate(leaf));
        Ok(Session { version, cipher, protocol, is_resumed, name: asked.name.clone(), client })
    }

    /// Whether a request for a host came by a connection that was made for another certificate.
    pub(crate) fn is_misdirected(&self, asked: &Asked, host: &str) -> bool {
        self.choice.names.is_misdirected(asked, host)
    }
}

/// What handshakes of every transport have in common.
fn begin(
    plan: &ListenerTls,
    versions: &[&'static SupportedProtocolVersion],
    choice: &Arc<Choice>,
) -> Result<ServerConfig, String> {
    let provider = provider(plan.ciphers.as_deref());
    let clients = plan.client.as_ref().map(|client| verifier(client, Arc::clone(&provider)));
    let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions);
    let config = config.map_err(|error| error.to_string())?;
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(verifier) => config.with_client_cert_verifier(verifier.map_err(|problem| problem.message)?),
    };
    let mut config = config.with_cert_resolver(Arc::<Choice>::clone(choice));
    // A second one is of use to few, and every one costs its encryption in each handshake.
    config.send_tls13_tickets = 1;
    Ok(config)
}

fn is_good_now(certificate: &[u8]) -> bool {
    let facts = CertificateFacts::of(certificate);
    facts.is_some_and(|facts| (facts.not_before..=facts.not_after).contains(&now_seconds()))
}

/// Seconds since 1970.
pub(super) fn now_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().cast_signed()
}

/// What a connection's handshake came to.
pub(crate) struct Agreed {
    /// What was asked of the client.
    pub(crate) terms: Arc<ServerTls>,
    /// What it asked for.
    pub(crate) asked: Asked,
    /// What conditions and templates see of it.
    pub(crate) facts: Option<Arc<Session>>,
}

impl Agreed {
    /// Whether a request for a host came by a connection that was made for another certificate.
    pub(crate) fn is_misdirected(&self, host: &str) -> bool {
        self.terms.is_misdirected(&self.asked, host)
    }
}

/// How handshakes name HTTP/2 (RFC 9113, section 3.2).
pub(crate) const HTTP2_ID: &[u8] = b"h2";
/// And HTTP/3 (RFC 9114, section 3.1).
const HTTP3_ID: &[u8] = b"h3";
/// Sessions that a worker keeps for clients that may come back with early data.
const KEPT_SESSIONS: usize = 4096;

/// How handshakes name a protocol (RFC 7301, section 6).
fn protocol_id(protocol: Protocol) -> Option<&'static [u8]> {
    match protocol {
        Protocol::Http1 => Some(b"http/1.1"),
        Protocol::H2 => Some(HTTP2_ID),
        // Of another transport, never enciphered, or not known.
        Protocol::H3 | Protocol::H2c | Protocol::Tls | Protocol::Tcp | Protocol::Udp => None,
    }
}

/// Words for what clients may agree on with a listener of these protocols, the most wanted first.
pub(crate) fn protocol_words(protocols: &[Protocol]) -> Vec<&'static str> {
    protocols.iter().filter_map(|protocol| protocol_id(*protocol)).map(protocol_word).collect()
}

/// The word for what handshakes name so.
fn protocol_word(id: &[u8]) -> &'static str {
    match id {
        HTTP2_ID => "h2",
        b"http/1.1" => "http/1.1",
        HTTP3_ID => "h3",
        // Nothing else is offered.
        _ => "",
    }
}

/// What a session is resumed under: another listener, or other settings, ask for a whole handshake. A renewed
/// certificate does not.
fn policy(name: &str, plan: &ListenerTls) -> Result<String, String> {
    let terms = ListenerTls { certificates: Vec::new(), ..plan.clone() };
    let terms = serde_json::to_string(&terms).map_err(|error| error.to_string())?;
    Ok(format!("{name} {terms}"))
}
