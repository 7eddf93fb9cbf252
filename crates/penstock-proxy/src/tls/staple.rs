//! Proofs that a certificate is not revoked, which its authority signs and handshakes carry along.
//!
//! Source: RFC 6960, section 4.2.1.

use super::der::{Elements, OBJECT, OCTETS, SEQUENCE, seconds};
use super::pem::sections;

const ENUMERATED: u8 = 0x0a;
const FIRST: u8 = 0xa0;
const LABEL: &str = "OCSP RESPONSE";

/// A proof, and until when it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Staple {
    pub(super) der: Vec<u8>,
    /// Seconds since 1970.
    pub(super) until: i64,
}

impl Staple {
    /// Reads one in base64, with or without armour.
    ///
    /// # Errors
    /// One sentence.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let armoured = format!("-----BEGIN {LABEL}-----\n{text}\n-----END {LABEL}-----\n");
        let text = if text.contains("-----BEGIN ") { text } else { &armoured };
        let found = sections(text)?.into_iter().find(|section| section.label == LABEL);
        let der = found.map(|section| section.der).unwrap_or_default();
        let until = until(&der).ok_or("not an answer of an OCSP responder that says that all is well")?;
        Ok(Self { der, until })
    }
}

/// Until when a successful answer is good; none where it is not one.
fn until(der: &[u8]) -> Option<i64> {
    let mut response = Elements::of(der).expect(SEQUENCE)?.elements();
    let is_successful = response.expect(ENUMERATED)?.content == [0];
    let mut bytes = response.expect(FIRST)?.elements().expect(SEQUENCE)?.elements();
    bytes.expect(OBJECT)?;
    let mut signed = bytes.expect(OCTETS)?.elements().expect(SEQUENCE)?.elements().expect(SEQUENCE)?.elements();
    let mut answers = signed.find(|part| part.tag == SEQUENCE)?.elements();
    let mut answer = answers.expect(SEQUENCE)?.elements();
    let (_certificate, status, _since) = (answer.expect(SEQUENCE)?, answer.next()?, answer.next()?);
    let until = match answer.expect(FIRST) {
        Some(next) => seconds(next.elements().next()?)?,
        None => i64::MAX,
    };
    // The status `good` is the first of the choices, without content.
    (is_successful && status.tag == 0x80).then_some(until)
}
