//! Which of a listener's certificates a client is shown.

use std::cell::Cell;
use std::sync::Arc;

use penstock_plan::UnknownName;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::server::now_seconds;
use super::{CertificateNames, LoadedCertificate};

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
    pub(super) names: CertificateNames,
}

impl Choice {
    pub(super) fn new(certificates: &[Arc<LoadedCertificate>], unknown: UnknownName) -> Self {
        let names = certificates.iter().map(|certificate| &*certificate.facts.names);
        Self { certificates: certificates.to_vec(), names: CertificateNames::new(names, unknown) }
    }

    /// Of several certificates for one name the first whose signatures the client understands; where it understands
    /// none of them the first, so that the handshake says what is wrong.
    fn shown(&self, name: Option<&str>, hello: &ClientHello<'_>) -> Option<usize> {
        let fitting = self.names.fitting(name);
        let is_understood = |index: &&usize| {
            let certificate = self.certificates.get(**index);
            certificate.is_some_and(|one| one.key.key.choose_scheme(hello.signature_schemes()).is_some())
        };
        match fitting {
            [] | [_] => fitting.first().copied(),
            [first, ..] => Some(fitting.iter().find(is_understood).copied().unwrap_or(*first)),
        }
    }
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        let shown = self.shown(name.as_deref(), &hello);
        ASKED.set(Some(Asked { name: name.unwrap_or_default().into(), shown }));
        shown.and_then(|index| self.certificates.get(index)).map(|certificate| certificate.at(now_seconds()))
    }
}
