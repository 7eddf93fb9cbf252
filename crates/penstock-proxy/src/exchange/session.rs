//! What is known of an enciphered connection, as conditions and templates see it.

/// An enciphered connection after its handshake.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Session {
    /// Version of TLS: `1.2` or `1.3`; empty: the handshake came to nothing.
    pub version: &'static str,
    /// The cipher suite by its registered name.
    pub cipher: &'static str,
    /// The protocol that both sides agreed on, as handshakes name it; empty: the client offered none.
    pub protocol: &'static str,
    /// Whether an earlier session was resumed.
    pub is_resumed: bool,
    /// The name that the client asked for; empty: none.
    pub name: Box<str>,
    /// The client's certificate, where it has shown one that was found good.
    pub client: Option<ClientCertificate>,
}

/// A certificate that a client has shown.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Texts by [`ClientField`]; empty where the certificate has none.
    texts: [Box<str>; ClientField::ALL.len()],
}

/// What can be asked of a client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientField {
    /// Who it is for, as RFC 4514 writes it.
    Subject,
    /// Who signed it, likewise.
    Issuer,
    /// Serial number in small hexadecimal digits.
    Serial,
    /// SHA-256 of the whole in small hexadecimal digits.
    Fingerprint,
    /// The first host name that it is for.
    Name,
    /// The first mail address that it is for.
    Email,
    /// The first URI that it is for, as SPIFFE has them.
    Uri,
}

impl ClientField {
    /// All of them, with the words for them.
    pub const ALL: [(&'static str, Self); 7] = [
        ("subject", Self::Subject),
        ("issuer", Self::Issuer),
        ("serial", Self::Serial),
        ("fingerprint", Self::Fingerprint),
        ("name", Self::Name),
        ("email", Self::Email),
        ("uri", Self::Uri),
    ];

    /// The field of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, field)| *field)
    }
}

impl Session {
    /// The text of a field of the client's certificate, if there is one.
    pub fn client_text(&self, field: ClientField) -> Option<&str> {
        self.client.as_ref()?.text(field)
    }
}

impl ClientCertificate {
    /// The text of a field, if it has one.
    pub fn text(&self, field: ClientField) -> Option<&str> {
        self.texts.get(field as usize).map(|text| &**text).filter(|text| !text.is_empty())
    }

    /// Sets the text of a field.
    pub fn set(&mut self, field: ClientField, text: String) {
        if let Some(place) = self.texts.get_mut(field as usize) {
            *place = text.into();
        }
    }
}
