//! Listeners: sockets that accept, and what the plan says of their connections.

mod accept;
mod built;
mod stream_route;

pub(crate) use accept::{ListenSocket, OpenConnection, accept, accept_waiting, with_session};
pub(crate) use built::{BuiltListener, ListenerRoutes, ListenerState, carries};
pub(crate) use stream_route::{BuiltStreamRoute, StreamRoutes};
