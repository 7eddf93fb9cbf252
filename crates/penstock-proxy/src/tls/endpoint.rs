//! What is asked of endpoints in handshakes, in the form that connections use.

use std::sync::Arc;

use penstock_plan::{TlsVersion, UpstreamProtocol, UpstreamTls};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::LoadedCertificate;
use super::policy::{Provider, provider, versions};
use super::server::HTTP2_ID;

/// What is asked of an upstream's endpoints.
#[derive(Debug)]
pub(crate) struct ClientTls {
    /// What every handshake begins with; it also remembers sessions, to resume them.
    pub(crate) config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

impl ClientTls {
    /// Of what is spoken to endpoints and asked of them, who may sign their certificates, and our own certificate.
    ///
    /// # Errors
    /// One sentence where nothing could be asked.
    pub(crate) fn build(
        (protocol, plan): (UpstreamProtocol, &UpstreamTls),
        roots: Arc<RootCertStore>,
        certificate: Option<&LoadedCertificate>,
    ) -> Result<Self, String> {
        let provider = provider(None);
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let config = config.with_protocol_versions(versions(TlsVersion::Tls12)).map_err(|error| error.to_string())?;
        let config = if plan.is_insecure {
            config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        } else {
            config.with_root_certificates(roots)
        };
        let mut config = match certificate {
            None => config.with_no_client_auth(),
            Some(own) => config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&own.key)))),
        };
        config.alpn_protocols = offered(protocol);
        let named = plan.server_name.as_deref().map(|name| server_name(name).ok_or_else(|| format!("no name: {name}")));
        Ok(Self { config: Arc::new(config), server_name: named.transpose()? })
    }

    /// The name that an endpoint's certificate has to be for.
    pub(crate) fn name_of(&self, host: &str) -> Option<ServerName<'static>> {
        self.server_name.clone().or_else(|| server_name(host))
    }
}

/// What is offered in handshakes, the best first.
fn offered(protocol: UpstreamProtocol) -> Vec<Vec<u8>> {
    let http1 = || b"http/1.1".to_vec();
    match protocol {
        UpstreamProtocol::Http1 | UpstreamProtocol::H2c => vec![http1()],
        UpstreamProtocol::H2 => vec![HTTP2_ID.to_vec()],
        UpstreamProtocol::Auto => vec![HTTP2_ID.to_vec(), http1()],
    }
}

/// A host, maybe with a port behind it, as a name of certificates.
fn server_name(host: &str) -> Option<ServerName<'static>> {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    ServerName::try_from(name.to_owned()).ok()
}

/// Takes any certificate, because the operator has said so. That the endpoint has its key is still proven.
#[derive(Debug)]
struct Anybody(Provider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
