//! Certificates of clients: who may sign them, which are revoked, and what one says of its owner.

use std::fmt::Write as _;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use penstock_plan::ClientCertificates;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};

use super::certificate::{CertificateField, CertificateProblem};
use super::distinguished_name::distinguished_name;
use super::facts::{alternative_names, parts_of};
use super::pem::sections;
use super::policy::{Provider, provider};
use crate::exchange::{ClientCertificate, ClientField};

/// Tags of a subject's alternative names.
const EMAIL: u8 = 0x81;
const DNS_NAME: u8 = 0x82;
const URI: u8 = 0x86;

/// Everything that is wrong with authorities for clients, and a list of what they revoked.
pub fn check_client_certificates(authorities: &str, revoked: Option<&str>) -> Vec<CertificateProblem> {
    let plan = ClientCertificates {
        authorities: authorities.to_owned(),
        revoked: revoked.map(str::to_owned),
        is_required: true,
    };
    verifier(&plan, provider(None)).err().into_iter().collect()
}

/// What judges clients' certificates.
///
/// # Errors
/// Why the authorities, or the list of what they revoked, cannot be used.
pub(super) fn verifier(
    plan: &ClientCertificates,
    provider: Provider,
) -> Result<Arc<dyn ClientCertVerifier>, CertificateProblem> {
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(&plan.authorities)?), provider);
    if let Some(revoked) = &plan.revoked {
        // Of those who signed it, the operator speaks by what is in the list of authorities.
        builder = builder.with_crls(lists(revoked)?).only_check_end_entity_revocation();
    }
    if !plan.is_required {
        builder = builder.allow_unauthenticated();
    }
    builder.build().map_err(|error| match error {
        VerifierBuilderError::InvalidCrl(error) => {
            problem(CertificateField::ClientCrl, format!("not a list that can be used: {error:?}"))
        }
        error => problem(CertificateField::ClientCa, error.to_string()),
    })
}

/// Certificates in PEM of those who may sign others.
///
/// # Errors
/// One sentence where there is none, or one of them is none of an authority.
pub(crate) fn read_authorities(text: &str) -> Result<RootCertStore, String> {
    roots(text).map_err(|problem| problem.message)
}

/// Those whom a machine trusts; what is odd among them is left out.
///
/// # Errors
/// One sentence where there is none.
pub(crate) fn read_known_authorities(text: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(sections(text)?.into_iter().map(|section| CertificateDer::from(section.der)));
    if roots.is_empty() { Err("no certificate in it".to_owned()) } else { Ok(roots) }
}

fn roots(text: &str) -> Result<RootCertStore, CertificateProblem> {
    let mut roots = RootCertStore::empty();
    let wrong = |message| problem(CertificateField::ClientCa, message);
    for section in sections(text).map_err(wrong)?.into_iter().filter(|section| section.label == "CERTIFICATE") {
        let line = section.line;
        let added = roots.add(CertificateDer::from(section.der));
        added.map_err(|_| wrong(format!("line {line}: the block is no certificate of an authority")))?;
    }
    if roots.is_empty() { Err(wrong("no certificate in it".to_owned())) } else { Ok(roots) }
}

fn lists(text: &str) -> Result<Vec<CertificateRevocationListDer<'static>>, CertificateProblem> {
    let wrong = |message| problem(CertificateField::ClientCrl, message);
    let found = sections(text).map_err(wrong)?.into_iter().filter(|section| section.label == "X509 CRL");
    let found: Vec<_> = found.map(|section| CertificateRevocationListDer::from(section.der)).collect();
    if found.is_empty() {
        return Err(wrong("no list in it; it begins with -----BEGIN X509 CRL-----".to_owned()));
    }
    Ok(found)
}

fn problem(field: CertificateField, message: String) -> CertificateProblem {
    CertificateProblem { field, message, hint: "" }
}

/// What a client's certificate says of its owner; what it does not say is empty.
pub(crate) fn client_certificate(der: &[u8]) -> ClientCertificate {
    let mut found = ClientCertificate::default();
    found.set(ClientField::Fingerprint, hexadecimal(digest(&SHA256, der).as_ref()));
    let Some(parts) = parts_of(der) else { return found };
    let serial = parts.serial.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(parts.serial);
    found.set(ClientField::Serial, hexadecimal(serial));
    found.set(ClientField::Subject, distinguished_name(parts.subject));
    found.set(ClientField::Issuer, distinguished_name(parts.issuer));
    for (tag, field) in [(DNS_NAME, ClientField::Name), (EMAIL, ClientField::Email), (URI, ClientField::Uri)] {
        let first = parts.extensions.and_then(|extensions| alternative_names(extensions, tag).into_iter().next());
        found.set(field, first.unwrap_or_default());
    }
    found
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
