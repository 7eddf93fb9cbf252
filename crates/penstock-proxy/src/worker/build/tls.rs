//! What a plan says of certificates and handshakes, built.

use std::sync::Arc;

use penstock_plan::{
    Authorities, Certificate, Listener, ListenerTls, Part, Secrets, Upstream, UpstreamProtocol, UpstreamTls,
};
use rustls::RootCertStore;

use super::{Builder, Origin, known};
use crate::quic::{Keys as QuicKeys, Terms};
use crate::tls::{ClientTls, LoadedCertificate, ServerTls, TicketKeys, read_authorities, read_known_authorities};

/// The part of those that the machine trusts.
const SYSTEM: &str = "authorities/system";

impl Builder<'_> {
    pub(super) fn add_certificate(&mut self, key: &Arc<str>, part: &Arc<Part>, certificate: &Certificate) {
        let origin = Origin { part: Arc::clone(part), code: String::new() };
        let earlier = self.previous.and_then(|previous| known(&previous.certificates, key, &origin));
        match earlier.map_or_else(|| self.load(certificate), |earlier| Ok(Some(earlier))) {
            Ok(Some(loaded)) => {
                self.built.certificates.insert(Arc::clone(key), (origin, loaded));
            }
            Ok(None) => {}
            Err(problems) => self.refuse_all(key, &problems),
        }
    }

    /// None without secrets: then nothing is to run.
    fn load(&self, certificate: &Certificate) -> Result<Option<Arc<LoadedCertificate>>, Vec<String>> {
        let Some(secrets) = &self.filters.plan.secrets else { return Ok(None) };
        let key = secrets.text(&certificate.key_hash).map_err(|problem| vec![problem])?;
        LoadedCertificate::load(&certificate.certificate, key, certificate.ocsp.as_deref())
            .map(|loaded| Some(Arc::new(loaded)))
            .map_err(|problems| problems.into_iter().map(|problem| problem.message).collect())
    }

    pub(super) fn add_authorities(&mut self, key: &Arc<str>, part: &Arc<Part>, authorities: &Authorities) {
        let origin = Origin { part: Arc::clone(part), code: String::new() };
        let earlier = self.previous.and_then(|previous| known(&previous.authorities, key, &origin));
        let roots = match earlier {
            Some(earlier) => Ok(earlier),
            None => read_known_authorities(&authorities.certificates).map(Arc::new),
        };
        match roots {
            Ok(roots) => {
                self.built.authorities.insert(Arc::clone(key), (origin, roots));
            }
            Err(problem) => self.refuse(key, problem),
        }
    }

    pub(super) fn add_endpoint_tls(&mut self, key: &Arc<str>, part: &Arc<Part>, upstream: &Upstream) {
        let Some(plan) = upstream.tls.as_ref().filter(|_| self.filters.plan.secrets.is_some()) else { return };
        let origin = Origin { part: Arc::clone(part), code: self.trusted_hashes(plan) };
        let earlier = self.previous.and_then(|previous| known(&previous.endpoint_tls, key, &origin));
        let built = match earlier {
            Some(earlier) => Ok(earlier),
            None => self.endpoint_tls(upstream.protocol, plan).map(Arc::new),
        };
        match built {
            Ok(built) => {
                self.built.endpoint_tls.insert(Arc::clone(key), (origin, built));
            }
            Err(problem) => self.refuse(key, format!("tls: {problem}")),
        }
    }

    /// What tells the certificates that are shown and trusted from others under the same names.
    pub(super) fn trusted_hashes(&self, plan: &UpstreamTls) -> String {
        let hash = |part: Option<&Arc<Part>>| part.map_or("", |part| &part.hash).to_owned();
        let parts = &self.filters.plan.parts;
        let own = plan.certificate.as_deref().and_then(|name| parts.get(name));
        hash(own) + "|" + &hash(parts.get(SYSTEM))
    }

    pub(super) fn endpoint_tls(&self, protocol: UpstreamProtocol, plan: &UpstreamTls) -> Result<ClientTls, String> {
        let roots = match (&plan.authorities, self.built.authorities.get(SYSTEM)) {
            (Some(own), _) => Arc::new(read_authorities(own)?),
            (None, Some((_, system))) => Arc::clone(system),
            (None, None) if plan.is_insecure => Arc::new(RootCertStore::empty()),
            (None, None) => return Err("the machine trusts nobody; name those who may sign".to_owned()),
        };
        let own = match plan.certificate.as_deref() {
            None => None,
            Some(name) => {
                let mut keys = self.filters.plan.certificates(name);
                let found = keys.find_map(|key| self.built.certificates.get(key));
                let (_, loaded) = found.ok_or_else(|| format!("no part {name}"))?;
                Some(&**loaded)
            }
        };
        ClientTls::build((protocol, plan), roots, own)
    }

    /// What tells the certificates of a listener from others under the same names.
    pub(super) fn certificate_hashes(&self, plan: &Listener) -> String {
        let keys = plan.tls.iter().flat_map(|tls| &tls.certificates);
        let keys = keys.flat_map(|key| self.filters.plan.certificates(key));
        let parts = keys.filter_map(|key| self.built.certificates.get(key));
        parts.map(|(origin, _)| origin.part.hash.as_str()).collect::<Vec<_>>().join("+")
    }

    /// What a listener asks of handshakes; none where that is refused.
    pub(super) fn tls(&mut self, key: &str, plan: &Listener, terms: &ListenerTls) -> Option<Arc<ServerTls>> {
        let mut certificates = Vec::with_capacity(terms.certificates.len());
        for name in &terms.certificates {
            let before = certificates.len();
            for found in self.filters.plan.certificates(name) {
                // One that is there and cannot be used is told of already.
                let (_, loaded) = self.built.certificates.get(found)?;
                certificates.push(Arc::clone(loaded));
            }
            if certificates.len() == before {
                self.refuse(key, format!("no part {name}"));
                return None;
            }
        }
        let keys = self.ticket_keys();
        match keys.and_then(|keys| ServerTls::build(terms, &plan.protocols, &certificates, (&plan.name, &keys))) {
            Ok(terms) => Some(Arc::new(terms)),
            Err(problem) => {
                self.refuse(key, format!("tls: {problem}"));
                None
            }
        }
    }

    /// What a listener asks of connections of QUIC; none where it takes none, or where that is refused.
    pub(super) fn quic(&mut self, key: &str, plan: &Listener, tls: Option<&ServerTls>) -> Option<Terms> {
        let handshake = tls?.quic.as_ref()?;
        match self.quic_keys() {
            Ok(keys) => Some(Terms::new(&plan.limits, Arc::clone(handshake), &keys)),
            Err(problem) => {
                self.refuse(key, format!("tls: {problem}"));
                None
            }
        }
    }

    fn quic_keys(&mut self) -> Result<Arc<QuicKeys>, String> {
        if let Some(keys) = &self.built.quic_keys {
            return Ok(Arc::clone(keys));
        }
        let secret = self.filters.plan.secrets.as_ref().and_then(Secrets::quic_key);
        Ok(Arc::clone(self.built.quic_keys.insert(Arc::new(QuicKeys::new(secret)?))))
    }

    fn ticket_keys(&mut self) -> Result<Arc<TicketKeys>, String> {
        if let Some(keys) = &self.built.tickets {
            return Ok(Arc::clone(keys));
        }
        let seed = self.filters.plan.secrets.as_ref().and_then(Secrets::ticket_seed);
        Ok(Arc::clone(self.built.tickets.insert(Arc::new(TicketKeys::new(seed)?))))
    }
}
