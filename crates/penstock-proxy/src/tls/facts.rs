//! What a certificate says of itself, for those who choose by it, warn of it, or show it.
//!
//! Source: RFC 5280, section 4.1.

use serde::Serialize;

use super::der::{BOOLEAN, Element, Elements, OBJECT, OCTETS, SEQUENCE, seconds};

/// Object identifiers, as DER writes them.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// Tag of a host among a subject's alternative names.
const DNS_NAME: u8 = 0x82;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateFacts {
    /// The host names it is for, in small letters; `*.example.com` is one label before the rest.
    pub names: Vec<String>,
    /// The common name of who signed it; empty where it has none.
    pub issuer: String,
    /// Seconds since 1970 from which it is good.
    pub not_before: i64,
    /// Seconds since 1970 after which it is good no more.
    pub not_after: i64,
}

impl CertificateFacts {
    /// The facts of a certificate; none where it is not one.
    pub(crate) fn of(der: &[u8]) -> Option<Self> {
        let parts = parts_of(der)?;
        let (issuer, subject) = (common_name(parts.issuer), parts.subject);
        let mut validity = parts.validity.elements();
        let (not_before, not_after) = (seconds(validity.next()?)?, seconds(validity.next()?)?);
        let mut names = parts.extensions.map_or_else(Vec::new, |extensions| alternative_names(extensions, DNS_NAME));
        if names.is_empty() {
            names.extend(common_name(subject).filter(|name| is_host(name)));
        }
        for name in &mut names {
            name.make_ascii_lowercase();
        }
        Some(Self { names, issuer: issuer.unwrap_or_default(), not_before, not_after })
    }
}

/// Where a certificate says what.
pub(super) struct Parts<'a> {
    pub(super) serial: &'a [u8],
    pub(super) issuer: Element<'a>,
    validity: Element<'a>,
    pub(super) subject: Element<'a>,
    pub(super) extensions: Option<Element<'a>>,
}

/// The parts of a certificate; none where it is not one.
pub(super) fn parts_of(der: &[u8]) -> Option<Parts<'_>> {
    let mut signed = Elements::of(der).expect(SEQUENCE)?.elements().expect(SEQUENCE)?.elements();
    signed.expect(VERSION);
    let serial = signed.next()?.content;
    let _algorithm = signed.next()?;
    let (issuer, validity) = (signed.expect(SEQUENCE)?, signed.expect(SEQUENCE)?);
    let subject = signed.expect(SEQUENCE)?;
    let extensions = signed.find(|element| element.tag == EXTENSIONS);
    Some(Parts { serial, issuer, validity, subject, extensions })
}

fn common_name(name: Element<'_>) -> Option<String> {
    let parts = name.elements().flat_map(Element::elements);
    let found = parts.filter_map(|part| {
        let mut pair = part.elements();
        let is_it = pair.expect(OBJECT)?.content == COMMON_NAME;
        is_it.then(|| pair.next()).flatten()
    });
    found.last().and_then(|value| std::str::from_utf8(value.content).ok()).map(str::to_owned)
}

/// The alternative names of one kind.
pub(super) fn alternative_names(extensions: Element<'_>, tag: u8) -> Vec<String> {
    let Some(list) = extensions.elements().expect(SEQUENCE) else { return Vec::new() };
    let values = list.elements().filter_map(|extension| {
        let mut parts = extension.elements();
        let is_it = parts.expect(OBJECT)?.content == SUBJECT_ALTERNATIVE_NAME;
        parts.expect(BOOLEAN);
        is_it.then(|| parts.expect(OCTETS)).flatten()
    });
    let names = values.filter_map(|value| value.elements().expect(SEQUENCE)).flat_map(Element::elements);
    let hosts = names.filter(|name| name.tag == tag);
    hosts.filter_map(|name| std::str::from_utf8(name.content).ok()).map(str::to_owned).collect()
}

fn is_host(name: &str) -> bool {
    let letters = name.strip_prefix("*.").unwrap_or(name);
    letters.contains('.') && letters.bytes().all(|letter| letter.is_ascii_alphanumeric() || b".-".contains(&letter))
}
