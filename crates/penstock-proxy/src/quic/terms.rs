//! What a listener asks of connections of QUIC.

use std::sync::Arc;
use std::time::Duration;

use penstock_plan::Limits;
use quinn_proto::{IdleTimeout, ServerConfig, TransportConfig, VarInt};

use super::Keys;
use crate::tls::QuicHandshakes;

/// Streams of one direction that a client may have: three that mean something, and some that do not.
const SINGLE_STREAMS: u32 = 8;
/// Streams of requests that it may have before its handshake has ended: the library keeps room for each at once (C4).
const FIRST_STREAMS: u32 = 16;
/// Bytes of answers that a connection keeps until the client has them, and beyond which tasks wait.
const SEND_WINDOW: u64 = 1 << 20;
/// Bytes of a handshake that may come out of order; a client's hello with all that it may bring is smaller.
const HANDSHAKE_BYTES: usize = 8 << 10;

/// What a listener asks of connections.
pub(crate) struct Terms {
    /// What every connection begins with.
    pub(crate) server: Arc<ServerConfig>,
    /// The gateway's keys.
    pub(crate) keys: Arc<Keys>,
}

impl Terms {
    /// Of a plan's limits and what is asked of handshakes.
    pub(crate) fn new(limits: &Limits, handshake: Arc<QuicHandshakes>, keys: &Arc<Keys>) -> Self {
        let mut server = ServerConfig::new(handshake, Arc::clone(&keys.tokens));
        server.transport_config(Arc::new(transport(limits)));
        // A token for a later connection would spare that one a round trip only where many half-open ones are.
        let mut tokens = quinn_proto::ValidationTokenConfig::default();
        tokens.sent(0);
        server.validation_token_config(tokens);
        Self { server: Arc::new(server), keys: Arc::clone(keys) }
    }
}

fn transport(limits: &Limits) -> TransportConfig {
    let mut transport = TransportConfig::default();
    let idle = IdleTimeout::try_from(Duration::from_millis(limits.idle_ms)).ok();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(limits.streams.min(FIRST_STREAMS)))
        .max_concurrent_uni_streams(VarInt::from_u32(SINGLE_STREAMS))
        .max_idle_timeout(idle)
        .stream_receive_window(VarInt::from_u32(limits.stream_window_bytes))
        .receive_window(VarInt::from_u32(limits.connection_window_bytes))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .crypto_buffer_size(HANDSHAKE_BYTES);
    transport
}
