//! Handshakes of QUIC: the library's way, and what it does not tell of them.
//!
//! Source: RFC 9001.

use std::any::Any;
use std::sync::Arc;

use quinn_proto::crypto::rustls::QuicServerConfig;
use quinn_proto::crypto::{
    ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, ServerConfig, Session, UnsupportedVersion,
};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectionId, Side, TransportError, TransportErrorCode};
use rustls::pki_types::CertificateDer;
use rustls::quic::{Connection, KeyChange, Secrets, ServerConnection, Suite, Version};

/// What connections of QUIC begin with.
pub(crate) struct QuicHandshakes {
    library: Arc<QuicServerConfig>,
    config: Arc<rustls::ServerConfig>,
    /// Of the first packets, whichever is agreed on for later ones.
    initial: Suite,
}

impl QuicHandshakes {
    /// Of what is asked of clients.
    ///
    /// # Errors
    /// One sentence where the suite is not that of first packets.
    pub(super) fn new(config: Arc<rustls::ServerConfig>, initial: Suite) -> Result<Self, String> {
        let library = QuicServerConfig::with_initial(Arc::clone(&config), initial);
        let library = library.map(Arc::new).map_err(|error| error.to_string())?;
        Ok(Self { library, config, initial })
    }
}

impl ServerConfig for QuicHandshakes {
    fn initial_keys(&self, version: u32, id: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        self.library.initial_keys(version, id)
    }

    fn retry_tag(&self, version: u32, id: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        self.library.retry_tag(version, id, packet)
    }

    fn start_session(self: Arc<Self>, version: u32, parameters: &TransportParameters) -> Box<dyn Session> {
        let mut said = Vec::new();
        parameters.write(&mut said);
        let known = known_version(version);
        match ServerConnection::new(Arc::clone(&self.config), known, said) {
            Ok(session) => Box::new(Handshake {
                session: Connection::Server(session),
                version: known,
                initial: self.initial,
                next: None,
            }),
            // It finds what is wrong as well, and has a way to say so.
            Err(_) => Arc::clone(&self.library).start_session(version, parameters),
        }
    }
}

/// The version by its number; drafts before 33 have keys of their own. Numbers that nobody knows do not come here.
fn known_version(number: u32) -> Version {
    if (0xff00_001d..=0xff00_0020).contains(&number) { Version::V1Draft } else { Version::V1 }
}

/// What a handshake came to, beside who the client is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct QuicFacts {
    /// The cipher suite, as the library calls it.
    pub(crate) cipher: &'static str,
    /// Whether it went on with an earlier session.
    pub(crate) is_resumed: bool,
}

impl QuicFacts {
    /// Those of a connection.
    pub(crate) fn of(session: &dyn Session) -> Self {
        session
            .handshake_data()
            .and_then(|facts| facts.downcast::<Self>().ok())
            .map_or_else(Self::default, |facts| *facts)
    }
}

/// One handshake.
struct Handshake {
    session: Connection,
    version: Version,
    initial: Suite,
    /// What later keys are made of.
    next: Option<Secrets>,
}

impl Session for Handshake {
    fn initial_keys(&self, id: &ConnectionId, _: Side) -> Keys {
        keys(self.initial.keys(id, rustls::Side::Server, self.version))
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        let cipher = self.session.negotiated_cipher_suite()?.suite().as_str().unwrap_or_default();
        let is_resumed = self.session.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
        Some(Box::new(QuicFacts { cipher, is_resumed }))
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        let chain: Vec<CertificateDer<'static>> =
            self.session.peer_certificates()?.iter().map(|one| one.clone().into_owned()).collect();
        Some(Box::new(chain))
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        let keys = self.session.zero_rtt_keys()?;
        Some((Box::new(keys.header), Box::new(keys.packet)))
    }

    fn early_data_accepted(&self) -> Option<bool> {
        None
    }

    fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    fn read_handshake(&mut self, bytes: &[u8]) -> Result<bool, TransportError> {
        self.session.read_hs(bytes).map_err(|error| {
            let alert = self.session.alert().map(u8::from);
            let code = alert.map_or(TransportErrorCode::PROTOCOL_VIOLATION, TransportErrorCode::crypto);
            TransportError { code, frame: None, reason: error.to_string() }
        })?;
        // Nobody waits for the moment in which something is known.
        Ok(false)
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let Some(mut said) = self.session.quic_transport_parameters() else { return Ok(None) };
        Ok(Some(TransportParameters::read(Side::Server, &mut said)?))
    }

    fn write_handshake(&mut self, buffer: &mut Vec<u8>) -> Option<Keys> {
        Some(keys(match self.session.write_hs(buffer)? {
            KeyChange::Handshake { keys } => keys,
            KeyChange::OneRtt { keys, next } => {
                self.next = Some(next);
                keys
            }
        }))
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        let keys = self.next.as_mut()?.next_packet_keys();
        Some(KeyPair { local: Box::new(keys.local), remote: Box::new(keys.remote) })
    }

    fn is_valid_retry(&self, _: &ConnectionId, _: &[u8], _: &[u8]) -> bool {
        // Only those who begin connections are asked to begin again.
        false
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.session
            .export_keying_material(output, label, Some(context))
            .map(drop)
            .map_err(|_| ExportKeyingMaterialError)
    }
}

fn keys(keys: rustls::quic::Keys) -> Keys {
    Keys {
        header: KeyPair { local: Box::new(keys.local.header), remote: Box::new(keys.remote.header) },
        packet: KeyPair { local: Box::new(keys.local.packet), remote: Box::new(keys.remote.packet) },
    }
}
