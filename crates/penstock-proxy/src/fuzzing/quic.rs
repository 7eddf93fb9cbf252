//! Datagrams of clients that are not known yet.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use bytes::BytesMut;
use penstock_plan::{Limits, ListenerTls, Protocol, TlsVersion, UnknownName};
use quinn_proto::{DatagramEvent, Endpoint, EndpointConfig};

use crate::quic::{Keys, Terms};
use crate::tls::{ServerTls, TicketKeys};

static TERMS: LazyLock<Option<Terms>> = LazyLock::new(terms);

/// What is sent to who has not proved its address is at most three times what it sent (RFC 9000, section 8.1).
pub(super) fn quic_datagram(bytes: &[u8]) -> bool {
    let Some(terms) = &*TERMS else { return false };
    let config = Arc::new(EndpointConfig::new(Arc::clone(&terms.keys.resets)));
    let mut endpoint = Endpoint::new(config, Some(Arc::clone(&terms.server)), true, Some([7; 32]));
    let (now, client, mut out) = (Instant::now(), ([127, 0, 0, 1], 4433).into(), Vec::new());
    match endpoint.handle(now, client, None, None, BytesMut::from(bytes), &mut out) {
        None => false,
        Some(DatagramEvent::NewConnection(incoming)) => {
            let mut sent = 0;
            match endpoint.accept(incoming, now, &mut out, None) {
                Ok((_, mut connection)) => {
                    out.clear();
                    while let Some(transmit) = connection.poll_transmit(now, 1, &mut out) {
                        sent += transmit.size;
                        out.clear();
                    }
                }
                Err(refused) => sent = refused.response.map_or(0, |response| response.size),
            }
            assert!(sent <= 3 * bytes.len(), "{sent} bytes for {}", bytes.len());
            true
        }
        Some(DatagramEvent::Response(transmit)) => {
            assert!(transmit.size <= 3 * bytes.len(), "{} bytes for {}", transmit.size, bytes.len());
            true
        }
        Some(DatagramEvent::ConnectionEvent(..)) => true,
    }
}

/// Those of a listener without any certificate: every handshake ends with the client's hello.
fn terms() -> Option<Terms> {
    let plan = ListenerTls {
        certificates: Vec::new(),
        min_version: TlsVersion::Tls13,
        ciphers: None,
        unknown_name: UnknownName::Refuse,
        client: None,
        early_data: false,
    };
    let tickets = Arc::new(TicketKeys::new(None).ok()?);
    let tls = ServerTls::build(&plan, &[Protocol::H3], &[], ("web", &tickets)).ok()?;
    let limits = Limits {
        header_time_ms: 10_000,
        header_bytes: 64 << 10,
        fields: 100,
        uri_bytes: 16 << 10,
        idle_ms: 60_000,
        send_ms: 60_000,
        half_close_ms: 500,
        connections: 100,
        streams: 100,
        stream_window_bytes: 64 << 10,
        connection_window_bytes: 1 << 20,
        body_bytes: None,
        buffered_body_bytes: 1 << 20,
    };
    Some(Terms::new(&limits, tls.quic?, &Arc::new(Keys::new(Some([1; 32])).ok()?)))
}
