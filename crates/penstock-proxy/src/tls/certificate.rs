//! Certificates: from two texts to a chain and a key that can sign, or everything that is wrong with them.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{Error, InconsistentKeys};
use serde::Serialize;

use super::facts::CertificateFacts;
use super::pem::{Section, sections};
use super::staple::Staple;

/// A chain with its key, and what the leaf says.
#[derive(Debug)]
pub(crate) struct LoadedCertificate {
    /// What handshakes use.
    pub(crate) key: Arc<CertifiedKey>,
    /// The same with a proof that it is not revoked, and until when that is one, in seconds since 1970.
    pub(super) stapled: Option<(Arc<CertifiedKey>, i64)>,
    /// What the leaf says.
    pub(crate) facts: CertificateFacts,
}

/// Which of the two texts a problem is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateField {
    /// The chain.
    Certificate,
    /// The key.
    Key,
    /// The proof that it is not revoked.
    Ocsp,
    /// The authorities for clients.
    ClientCa,
    /// The list of what those revoked.
    ClientCrl,
}

/// What is wrong with a certificate or its key; never shows any of the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateProblem {
    /// Where.
    pub field: CertificateField,
    /// What.
    pub message: String,
    /// What to write instead; may be empty.
    pub hint: &'static str,
}

/// What a certificate says, or everything that is wrong with it and its key.
///
/// # Errors
/// Every problem of both.
pub fn check_certificate(
    certificate: &str,
    key: &str,
    ocsp: Option<&str>,
) -> Result<CertificateFacts, Vec<CertificateProblem>> {
    LoadedCertificate::load(certificate, key, ocsp).map(|loaded| loaded.facts)
}

impl LoadedCertificate {
    /// Reads a chain and its key, in PEM, and maybe a proof that it is not revoked.
    ///
    /// # Errors
    /// Every problem of both.
    pub(crate) fn load(certificate: &str, key: &str, ocsp: Option<&str>) -> Result<Self, Vec<CertificateProblem>> {
        let staple = ocsp.map(Staple::read).transpose();
        let staple = staple.map_err(|message| problem(CertificateField::Ocsp, &message, "renew it, or leave it out"));
        match (read_chain(certificate), read_key(key), staple) {
            (Ok((chain, facts)), Ok(key), Ok(staple)) => {
                let key = Arc::new(CertifiedKey::new(chain, key));
                if matches!(key.keys_match(), Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch))) {
                    return Err(vec![problem(
                        CertificateField::Key,
                        "this is the key of another certificate",
                        "the first certificate of the chain must be the one made for this key",
                    )]);
                }
                let stapled = staple.map(|Staple { der, until }| {
                    (Arc::new(CertifiedKey { ocsp: Some(der), ..CertifiedKey::clone(&key) }), until)
                });
                Ok(Self { key, stapled, facts })
            }
            (chain, key, staple) => Err(chain.err().into_iter().chain(key.err()).chain(staple.err()).collect()),
        }
    }
}

impl LoadedCertificate {
    /// What a handshake at a time uses: a proof that has become old is worse than none.
    pub(super) fn at(&self, now: i64) -> Arc<CertifiedKey> {
        match &self.stapled {
            Some((stapled, until)) if now < *until => Arc::clone(stapled),
            _ => Arc::clone(&self.key),
        }
    }
}

/// The names that a chain's first certificate is for; none where it is not one.
pub(crate) fn names_of_chain(text: &str) -> Vec<String> {
    read_chain(text).map(|(_, facts)| facts.names).unwrap_or_default()
}

fn read_chain(text: &str) -> Result<(Vec<CertificateDer<'static>>, CertificateFacts), CertificateProblem> {
    let wrong = |message: String, hint| CertificateProblem { field: CertificateField::Certificate, message, hint };
    let found = sections(text).map_err(|message| wrong(message, ""))?;
    let lines: Vec<usize> = found.iter().map(|section| section.line).collect();
    let is_key = |section: &Section| section.label.ends_with("PRIVATE KEY");
    if let Some(section) = found.iter().find(|section| is_key(section)) {
        // The chain is public, and plans show it.
        return Err(wrong(format!("line {}: a private key among the certificates", section.line), "write it as `key`"));
    }
    let chain = found.into_iter().filter(|section| section.label == "CERTIFICATE");
    let chain: Vec<_> = chain.map(|section| CertificateDer::from(section.der)).collect();
    let Some(leaf) = chain.first() else {
        return Err(wrong(
            "no certificate in it".to_owned(),
            "write PEM text that begins with -----BEGIN CERTIFICATE-----",
        ));
    };
    let facts = CertificateFacts::of(leaf);
    for (certificate, line) in chain.iter().zip(lines) {
        if CertificateFacts::of(certificate).is_none() {
            return Err(wrong(format!("line {line}: the block is no certificate"), ""));
        }
    }
    facts.map(|facts| (chain, facts)).ok_or_else(|| wrong("the first block is no certificate".to_owned(), ""))
}

fn read_key(text: &str) -> Result<Arc<dyn SigningKey>, CertificateProblem> {
    let found = sections(text).map_err(|message| problem(CertificateField::Key, &message, hint_of(&message)))?;
    let mut keys = found.into_iter().filter(|section| section.label.ends_with("PRIVATE KEY"));
    let Some(section) = keys.next() else {
        let hint = "write PEM text that begins with -----BEGIN PRIVATE KEY-----";
        return Err(problem(CertificateField::Key, "no private key in it", hint));
    };
    if let Some(second) = keys.next() {
        return Err(problem(CertificateField::Key, &format!("line {}: a second private key", second.line), ""));
    }
    let Section { label, der, line } = section;
    let key = match label.as_str() {
        "PRIVATE KEY" => PrivateKeyDer::Pkcs8(der.into()),
        "RSA PRIVATE KEY" => PrivateKeyDer::Pkcs1(der.into()),
        "EC PRIVATE KEY" => PrivateKeyDer::Sec1(der.into()),
        "ENCRYPTED PRIVATE KEY" => {
            return Err(problem(CertificateField::Key, &format!("line {line}: the key is encrypted"), DECRYPT));
        }
        _ => {
            return Err(problem(
                CertificateField::Key,
                &format!("line {line}: not a kind of key that is known"),
                KINDS,
            ));
        }
    };
    any_supported_type(&key)
        .map_err(|_| problem(CertificateField::Key, &format!("line {line}: not a key that can be used"), KINDS))
}

const KINDS: &str = "use RSA from 2048 bits, ECDSA on P-256, P-384 or P-521, or Ed25519";
const DECRYPT: &str = "decrypt it: openssl pkey -in KEY -out KEY.pem; and guard the file instead";

fn hint_of(message: &str) -> &'static str {
    if message.ends_with("encrypted") { DECRYPT } else { "" }
}

fn problem(field: CertificateField, message: &str, hint: &'static str) -> CertificateProblem {
    CertificateProblem { field, message: message.to_owned(), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = include_str!("../../../../tests/certificates/shop.pem");
    const KEY: &str = include_str!("../../../../tests/certificates/shop.key");
    const GOOD: &str = include_str!("../../../../tests/certificates/shop.ocsp");

    #[test]
    fn a_proof_that_has_become_old_is_not_shown() {
        let loaded = LoadedCertificate::load(SHOP, KEY, Some(GOOD)).unwrap();
        let until = loaded.stapled.as_ref().unwrap().1;
        assert!(loaded.at(until - 1).ocsp.is_some());
        assert!(loaded.at(until).ocsp.is_none());
        let bare = LoadedCertificate::load(SHOP, KEY, None).unwrap();
        assert!(bare.at(0).ocsp.is_none());
    }
}
