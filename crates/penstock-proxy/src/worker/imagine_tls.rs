//! The handshake before an imagined request: what it would agree on.

use std::net::IpAddr;
use std::sync::Arc;

use penstock_plan::{Body, Listener, ListenerTls, Plan, Protocol, TlsVersion, UnknownName};
use serde::{Deserialize, Serialize};

use crate::exchange::{ClientCertificate, ClientField, Session};
use crate::failure::Failure;
use crate::tls::{Asked, CertificateNames, names_of_chain, protocol_words};

/// The oldest and the newest version that clients may be imagined to speak.
const VERSIONS: [(&str, TlsVersion); 2] = [("1.2", TlsVersion::Tls12), ("1.3", TlsVersion::Tls13)];

/// What an imagined client says in its handshake.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImaginedTls {
    /// The host that it asks for; absent: the URL's; empty: none.
    name: Option<String>,
    /// The version of TLS that it speaks; absent: the newest.
    version: Option<String>,
    /// The one protocol that it offers; absent: what the listener likes best.
    protocol: Option<String>,
    /// What its certificate says, by field.
    client: Vec<(String, String)>,
}

impl ImaginedTls {
    /// The host that it asks for where the URL names one: in small letters, and empty where none is.
    pub(super) fn asked(&self, host: &str) -> String {
        let of_url = if host.parse::<IpAddr>().is_ok() { "" } else { host };
        self.name.as_deref().unwrap_or(of_url).to_ascii_lowercase()
    }
}

/// What a handshake comes to.
#[derive(Debug, Serialize)]
pub struct ExplainedTls {
    /// The host that was asked for.
    pub name: String,
    /// The version agreed on.
    pub version: &'static str,
    /// The protocol agreed on.
    pub protocol: String,
    /// The certificate that is shown.
    pub certificate: Option<String>,
    /// Why the handshake is refused, in the word that the log has.
    pub refused: Option<&'static str>,
}

/// A handshake that has been imagined.
pub(super) struct Handshake {
    pub(super) explained: ExplainedTls,
    pub(super) session: Session,
    /// Why no request for the host may follow.
    pub(super) failure: Option<Failure>,
}

impl Handshake {
    /// What the handshake of a client with a listener comes to.
    ///
    /// # Errors
    /// One sentence: the client cannot be.
    pub(super) fn imagine(
        plan: &Plan,
        listener: &Listener,
        terms: &ListenerTls,
        imagined: &ImaginedTls,
        host: &str,
    ) -> Result<Self, String> {
        let (version, spoken) = version(imagined.version.as_deref())?;
        let mut offered = protocol_words(&listener.protocols);
        if spoken == TlsVersion::Tls13 && listener.protocols.contains(&Protocol::H3) {
            // Last: over another transport, which clients come to by an answer of this one.
            offered.push("h3");
        }
        let wanted = imagined.protocol.as_deref();
        let protocol = offered.iter().find(|one| wanted.is_none_or(|wanted| wanted == **one)).copied();
        let name = imagined.asked(host);
        let keys: Vec<&Arc<str>> = terms.certificates.iter().flat_map(|key| plan.certificates(key)).collect();
        let names = certificate_names(plan, &keys, terms.unknown_name);
        let shown = names.fitting((!name.is_empty()).then_some(&*name)).first().copied();
        let is_common = (spoken == TlsVersion::Tls13 || terms.min_version == TlsVersion::Tls12)
            && (protocol.is_some() || offered.is_empty());
        let refusal = match shown {
            _ if !is_common => Some(Failure::NothingInCommon),
            None => Some(Failure::UnknownServerName),
            Some(_) => None,
        };
        let asked = Asked { name: name.as_str().into(), shown };
        let failure = refusal.or_else(|| names.is_misdirected(&asked, host).then_some(Failure::Misdirected));
        let refused = refusal.map(|failure| failure.verdict().reason);
        let certificate = shown.and_then(|index| keys.get(index));
        let certificate = certificate.map(|key| key.strip_prefix("certificate/").unwrap_or(key).to_owned());
        let protocol = protocol.unwrap_or_default();
        let client = client(&imagined.client)?;
        let session = Session { version, protocol, name: name.as_str().into(), client, ..Session::default() };
        let explained = ExplainedTls { name, version, protocol: protocol.to_owned(), certificate, refused };
        Ok(Self { explained, session, failure })
    }
}

fn version(wanted: Option<&str>) -> Result<(&'static str, TlsVersion), String> {
    let wanted = wanted.unwrap_or("1.3");
    let found = VERSIONS.into_iter().find(|(word, _)| *word == wanted);
    found.ok_or_else(|| format!("no version of TLS that is spoken is called {wanted}; write 1.2 or 1.3"))
}

fn certificate_names(plan: &Plan, keys: &[&Arc<str>], unknown: UnknownName) -> CertificateNames {
    let certificates = keys.iter().map(|key| match plan.parts.get(&***key).map(|part| &part.body) {
        Some(Body::Certificate(certificate)) => names_of_chain(&certificate.certificate),
        _ => Vec::new(),
    });
    let certificates: Vec<Vec<String>> = certificates.collect();
    CertificateNames::new(certificates.iter().map(Vec::as_slice), unknown)
}

fn client(texts: &[(String, String)]) -> Result<Option<ClientCertificate>, String> {
    let mut certificate = ClientCertificate::default();
    for (word, text) in texts {
        let words = || ClientField::ALL.map(|(word, _)| word).join(", ");
        let field = ClientField::of(word);
        let field = field.ok_or_else(|| format!("a client's certificate has no {word}; write one of {}", words()))?;
        certificate.set(field, text.clone());
    }
    Ok((!texts.is_empty()).then_some(certificate))
}
