//! An endpoint's socket whose bytes are enciphered.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::client::UnbufferedClientConnection;
use rustls::{Error, pki_types::ServerName};

use super::Socket;
use super::enciphered::Enciphered;
use crate::tls::{ClientTls, HTTP2_ID};

/// A connected socket of an endpoint with a session on top.
pub(crate) struct UpstreamTls {
    pub(super) records: Enciphered<UnbufferedClientConnection>,
}

/// Why a handshake with an endpoint came to nothing.
#[derive(Debug)]
pub(crate) enum EndpointFault {
    /// It left, or the wire broke.
    Gone,
    /// What the library says.
    Refused(Error),
}

impl std::fmt::Debug for UpstreamTls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("UpstreamTls").field("plain", &self.records.plain).finish_non_exhaustive()
    }
}

impl UpstreamTls {
    /// The gateway's side of a fresh connection to an endpoint of a name.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub(crate) fn connect(plain: Socket, terms: &ClientTls, name: ServerName<'static>) -> Result<Self, EndpointFault> {
        let session = UnbufferedClientConnection::new(Arc::clone(&terms.config), name);
        // An answer may end with the connection: then it must be the endpoint that ended it.
        let mut records = Enciphered::new(plain, session.map_err(EndpointFault::Refused)?, true);
        records.decipher(&mut [], &mut []).map_err(gone)?;
        Ok(Self { records })
    }

    /// Whether the endpoint has chosen HTTP/2.
    pub(crate) fn speaks_http2(&self) -> bool {
        self.records.session.alpn_protocol() == Some(HTTP2_ID)
    }

    /// Goes through the handshake. Its last message goes with the first request.
    pub(crate) fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<Result<(), EndpointFault>> {
        let records = &mut self.records;
        loop {
            if let Some(failure) = records.failure.take() {
                let _ = records.poll_outgoing(context);
                return Poll::Ready(Err(EndpointFault::Refused(failure)));
            }
            if !records.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            ready!(records.poll_outgoing(context)).map_err(gone)?;
            ready!(records.poll_records(context, &mut [])).map_err(gone)?;
        }
    }
}

fn gone(_: io::Error) -> EndpointFault {
    EndpointFault::Gone
}
