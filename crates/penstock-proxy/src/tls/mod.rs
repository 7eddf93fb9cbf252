//! Transport security as far as it is no input or output: certificates, and what a listener asks of handshakes.

mod certificate;
mod choice;
mod client;
mod client_hello;
mod der;
mod distinguished_name;
mod endpoint;
mod facts;
mod names;
mod pem;
mod policy;
mod quic;
mod server;
mod staple;
mod tickets;

pub use certificate::{CertificateField, CertificateProblem, check_certificate};
pub(crate) use certificate::{LoadedCertificate, names_of_chain};
pub(crate) use choice::{Asked, take_asked};
pub use client::check_client_certificates;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use client::client_certificate;
pub(crate) use client::{read_authorities, read_known_authorities};
pub(crate) use client_hello::{NoHello, asked_host};
pub(crate) use endpoint::ClientTls;
pub use facts::CertificateFacts;
pub(crate) use names::CertificateNames;
pub(crate) use quic::{QuicFacts, QuicHandshakes};
pub(crate) use server::{Agreed, HTTP2_ID, ServerTls, protocol_words};
pub(crate) use tickets::TicketKeys;
