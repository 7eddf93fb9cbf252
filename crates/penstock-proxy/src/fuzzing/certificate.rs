//! Certificates and keys: text armour, and what is read of the bytes in it.

use crate::exchange::ClientField;
use crate::tls::{CertificateFacts, check_certificate, check_client_certificates, client_certificate};

/// Whatever a file holds is a certificate, or something that can be said of it without showing any of it.
pub(super) fn certificate(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else { return false };
    let problems = check_certificate(text, text, Some(text)).err().unwrap_or_default();
    let more = check_client_certificates(text, Some(text));
    assert!(problems.iter().chain(&more).all(|problem| problem.message.len() < 200));
    let is_wrong =
        |problem: &crate::tls::CertificateProblem| problem.field == crate::tls::CertificateField::Certificate;
    !problems.iter().any(is_wrong)
}

/// What a certificate says of its owner is one line without control characters.
pub(super) fn certificate_facts(bytes: &[u8]) -> bool {
    let found = client_certificate(bytes);
    for field in [ClientField::Subject, ClientField::Issuer, ClientField::Fingerprint, ClientField::Serial] {
        assert!(!found.text(field).unwrap_or_default().contains(char::is_control), "{field:?}");
    }
    CertificateFacts::of(bytes).is_some()
}
