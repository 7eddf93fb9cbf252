//! Which versions and cipher suites are spoken.

use std::sync::{Arc, LazyLock};

use penstock_plan::{CipherSuite, TlsVersion};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};

/// Ciphers, key exchanges and signatures.
pub(super) type Provider = Arc<CryptoProvider>;

static DEFAULT: LazyLock<Provider> = LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));

/// What is spoken with these cipher suites only, in their order; none: with all that are safe.
pub(super) fn provider(ciphers: Option<&[CipherSuite]>) -> Provider {
    let Some(ciphers) = ciphers else { return Arc::clone(&DEFAULT) };
    let suites = ciphers.iter().map(|cipher| suite(*cipher)).collect();
    Arc::new(CryptoProvider { cipher_suites: suites, ..CryptoProvider::clone(&DEFAULT) })
}

static FROM_12: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
static FROM_13: [&SupportedProtocolVersion; 1] = [&version::TLS13];

/// The versions from the oldest that is spoken.
pub(super) fn versions(oldest: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match oldest {
        TlsVersion::Tls12 => &FROM_12,
        TlsVersion::Tls13 => &FROM_13,
    }
}

/// The registered name of a cipher suite by what the library calls it.
///
/// Source: RFC 8446, appendix B.4.
pub(super) fn registered(called: &'static str) -> &'static str {
    match called {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        _ => called,
    }
}

fn suite(cipher: CipherSuite) -> SupportedCipherSuite {
    use aws_lc_rs::cipher_suite as suites;
    match cipher {
        CipherSuite::TLS_AES_128_GCM_SHA256 => suites::TLS13_AES_128_GCM_SHA256,
        CipherSuite::TLS_AES_256_GCM_SHA384 => suites::TLS13_AES_256_GCM_SHA384,
        CipherSuite::TLS_CHACHA20_POLY1305_SHA256 => suites::TLS13_CHACHA20_POLY1305_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        }
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    }
}
