//! What a listener asks of handshakes, in the form that connections use.

use std::sync::Arc;

use penstock_plan::{ListenerTls, Protocol};
use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;

use super::choice::Choice;
use super::policy::{provider, versions};
use super::tickets::Tickets;
use super::{Asked, LoadedCertificate, TicketKeys};

/// What a listener asks of handshakes.
#[derive(Debug)]
pub(crate) struct ServerTls {
    /// What every handshake begins with.
    pub(crate) config: Arc<ServerConfig>,
    choice: Arc<Choice>,
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
        let provider = provider(plan.ciphers.as_deref());
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions(plan.min_version));
        let config = config.map_err(|error| error.to_string())?.with_no_client_auth();
        let mut config = config.with_cert_resolver(Arc::<Choice>::clone(&choice));
        config.alpn_protocols = protocols.iter().map(|protocol| protocol_id(*protocol).to_vec()).collect();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = Arc::new(Tickets::new(Arc::clone(keys), policy(name, plan)?));
        // A second one is of use to few, and every one costs its encryption in each handshake.
        config.send_tls13_tickets = 1;
        Ok(Self { config: Arc::new(config), choice })
    }

    /// Whether a request for a host came by a connection that was made for another certificate (B20).
    ///
    /// Only a host that some certificate is for belongs elsewhere; others are the router's to refuse.
    pub(crate) fn is_misdirected(&self, asked: &Asked, host: &str) -> bool {
        !asked.name.is_empty()
            && *asked.name != *host
            && self.choice.named(host).is_some_and(|index| asked.shown != Some(index))
    }
}

/// How handshakes name a protocol (RFC 7301, section 6).
fn protocol_id(protocol: Protocol) -> &'static [u8] {
    match protocol {
        Protocol::Http1 => b"http/1.1",
    }
}

/// What a session is resumed under: another listener, or other settings, ask for a whole handshake. A renewed
/// certificate does not.
fn policy(name: &str, plan: &ListenerTls) -> Result<String, String> {
    let terms = ListenerTls { certificates: Vec::new(), ..plan.clone() };
    let terms = serde_json::to_string(&terms).map_err(|error| error.to_string())?;
    Ok(format!("{name} {terms}"))
}
