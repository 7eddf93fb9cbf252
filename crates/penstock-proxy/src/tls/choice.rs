//! Which of a listener's certificates a client is shown.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use penstock_plan::UnknownName;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::LoadedCertificate;
use super::server::now_seconds;

/// What a client asked for in its handshake.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// The host name, in small letters; empty: none.
    pub(crate) name: Box<str>,
    /// Position of the certificate it was shown; none: none fits.
    pub(crate) shown: Option<usize>,
}

thread_local! {
    /// What the client whose handshake is being processed asked for: the library that calls the choice tells
    /// nobody but the choice.
    static ASKED: Cell<Option<Asked>> = const { Cell::new(None) };
}

/// What the client asked for whose hello was processed last on this thread.
pub(crate) fn take_asked() -> Option<Asked> {
    ASKED.take()
}

/// The certificates of a listener by the names they are for.
#[derive(Debug)]
pub(super) struct Choice {
    certificates: Vec<Arc<LoadedCertificate>>,
    exact: HashMap<Box<str>, usize, RandomState>,
    /// By what follows the star and its dot.
    wildcards: HashMap<Box<str>, usize, RandomState>,
    unknown: UnknownName,
}

impl Choice {
    /// Of two certificates for one name the first is shown.
    pub(super) fn new(certificates: &[Arc<LoadedCertificate>], unknown: UnknownName) -> Self {
        let mut choice = Self {
            certificates: certificates.to_vec(),
            exact: HashMap::default(),
            wildcards: HashMap::default(),
            unknown,
        };
        for (index, certificate) in certificates.iter().enumerate() {
            for name in &certificate.facts.names {
                let (map, name) = match name.strip_prefix("*.") {
                    Some(rest) => (&mut choice.wildcards, rest),
                    None => (&mut choice.exact, name.as_str()),
                };
                map.entry(name.into()).or_insert(index);
            }
        }
        choice
    }

    /// The certificate that is for a name: by its whole, else by all but its first label.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        let exact = self.exact.get(name);
        exact.or_else(|| self.wildcards.get(name.split_once('.')?.1)).copied()
    }

    fn shown(&self, name: Option<&str>) -> Option<usize> {
        match (name.and_then(|name| self.named(name)), self.unknown) {
            (Some(index), _) => Some(index),
            // Who names nothing asks for no other certificate.
            (None, UnknownName::Refuse) if name.is_some() => None,
            (None, _) => Some(0),
        }
    }
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        let shown = self.shown(name.as_deref());
        ASKED.set(Some(Asked { name: name.unwrap_or_default().into(), shown }));
        shown.and_then(|index| self.certificates.get(index)).map(|certificate| certificate.at(now_seconds()))
    }
}
