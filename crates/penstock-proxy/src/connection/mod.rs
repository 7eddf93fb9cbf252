//! One client connection and the exchanges it carries: the path of every byte.

mod answer;
mod attempts;
mod body;
mod client;
mod client_stream;
mod connect;
mod deliver;
mod ends;
mod forward;
mod frame_way;
mod framed;
mod handshake;
mod http2;
mod identify;
mod lifetime;
mod outgoing;
mod passed;
mod proxied;
mod remote;
mod remote_session;
mod remote_stream;
mod serve;
mod steps;
mod stream_ends;
mod tcp;
mod transfer;
mod tunnel;
mod understand;
mod web_socket;
mod work;

pub(crate) use forward::choose;
pub(crate) use identify::{Peer, Trust, identify};
pub(crate) use proxied::serve_proxied;
pub(crate) use serve::{Connection, serve};
pub(crate) use understand::understand;
pub(crate) use work::Work;
