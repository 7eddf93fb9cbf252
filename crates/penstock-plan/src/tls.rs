//! Transport security: certificates, and what a listener asks of handshakes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A chain of certificates and the hash of its private key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The resource's name; of a pair of several `NAME/PAIR`.
    pub name: String,
    /// The chain in PEM, the leaf first; it is public.
    pub certificate: String,
    /// Hash of the private key, whose text in PEM is among the secrets.
    pub key_hash: String,
    /// The proof of its authority that it is not revoked, in base64; absent: none is shown.
    pub ocsp: Option<String>,
}

/// What a listener asks of handshakes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerTls {
    /// Keys of certificates (`certificate/NAME`), each for itself or for all whose keys go on with a slash behind it;
    /// the first serves clients that name nothing.
    pub certificates: Vec<String>,
    /// Oldest version spoken.
    pub min_version: TlsVersion,
    /// Cipher suites, the most wanted first; absent: all that this build holds safe.
    pub ciphers: Option<Vec<CipherSuite>>,
    /// What happens to a client that asks for a name no certificate has.
    pub unknown_name: UnknownName,
    /// Which certificates of clients are asked for; absent: none.
    pub client: Option<ClientCertificates>,
    /// Whether requests of HTTP/3 are taken before the handshake has ended, when they may be somebody else's copies.
    pub early_data: bool,
}

/// Which certificates of clients are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificates {
    /// Certificates of who may sign them, in PEM.
    pub authorities: String,
    /// Lists of what those revoked, in PEM.
    pub revoked: Option<String>,
    /// Whether a client without one is refused.
    pub is_required: bool,
}

/// Certificates of those who may sign others'.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authorities {
    /// `system`: those that the machine trusts.
    pub name: String,
    /// The certificates in PEM.
    pub certificates: String,
}

/// What is asked of endpoints in handshakes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamTls {
    /// Certificates of who may sign theirs, in PEM; absent: those of the part `authorities/system`.
    pub authorities: Option<String>,
    /// Key of the certificate that is shown to them (`certificate/NAME`).
    pub certificate: Option<String>,
    /// The name that their certificates have to be for; absent: each endpoint's host.
    pub server_name: Option<String>,
    /// Whether any certificate is taken.
    pub is_insecure: bool,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    Tls13,
}

/// What happens to a client that asks for a name no certificate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownName {
    /// It is shown the first certificate.
    First,
    /// The handshake is refused.
    Refuse,
}

/// A cipher suite by its registered name; no other is safe enough to be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, non_camel_case_types, reason = "names of the registry")]
pub enum CipherSuite {
    TLS_AES_128_GCM_SHA256,
    TLS_AES_256_GCM_SHA384,
    TLS_CHACHA20_POLY1305_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}
