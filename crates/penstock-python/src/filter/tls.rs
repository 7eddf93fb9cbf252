//! An enciphered connection as a Python filter sees it.

use std::sync::Arc;

use penstock_proxy::exchange::{ClientField, Session};
use pyo3::{pyclass, pymethods};

/// The enciphered connection that a request came by. It may be kept.
#[pyclass(frozen, module = "penstock.sdk")]
pub(super) struct Tls(Arc<Session>);

impl Tls {
    /// What is known of a connection.
    pub(super) fn of(session: &Arc<Session>) -> Self {
        Self(Arc::clone(session))
    }
}

#[pymethods]
impl Tls {
    /// The version: `1.2` or `1.3`.
    #[getter]
    fn version(&self) -> &str {
        self.0.version
    }

    /// The cipher suite by its registered name.
    #[getter]
    fn cipher(&self) -> &str {
        self.0.cipher
    }

    /// The protocol that both sides agreed on: `h2` or `http/1.1`; empty: the client offered none.
    #[getter]
    fn protocol(&self) -> &str {
        self.0.protocol
    }

    /// The host that the client asked for, in lower case; empty: none.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The certificate that the client has shown; `None`: none.
    #[getter]
    fn client(&self) -> Option<ClientCertificate> {
        self.0.client.as_ref().map(|_| ClientCertificate(Arc::clone(&self.0)))
    }

    fn __repr__(&self) -> String {
        format!("<Tls {} {}>", self.0.version, self.0.name)
    }
}

/// A certificate that a client has shown and that was found good. What it does not say is empty.
#[pyclass(frozen, module = "penstock.sdk")]
pub(super) struct ClientCertificate(Arc<Session>);

impl ClientCertificate {
    fn text(&self, field: ClientField) -> &str {
        self.0.client_text(field).unwrap_or_default()
    }
}

#[pymethods]
impl ClientCertificate {
    /// Who it is for: `CN=alice,O=Shop`.
    #[getter]
    fn subject(&self) -> &str {
        self.text(ClientField::Subject)
    }

    /// Who signed it.
    #[getter]
    fn issuer(&self) -> &str {
        self.text(ClientField::Issuer)
    }

    /// The serial number in hexadecimal digits.
    #[getter]
    fn serial(&self) -> &str {
        self.text(ClientField::Serial)
    }

    /// The SHA-256 of the whole in hexadecimal digits.
    #[getter]
    fn fingerprint(&self) -> &str {
        self.text(ClientField::Fingerprint)
    }

    /// The first host name that it is for.
    #[getter]
    fn name(&self) -> &str {
        self.text(ClientField::Name)
    }

    /// The first mail address that it is for.
    #[getter]
    fn email(&self) -> &str {
        self.text(ClientField::Email)
    }

    /// The first URI that it is for, as SPIFFE has them.
    #[getter]
    fn uri(&self) -> &str {
        self.text(ClientField::Uri)
    }

    fn __repr__(&self) -> String {
        format!("<ClientCertificate {}>", self.text(ClientField::Subject))
    }
}
