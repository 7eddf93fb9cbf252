//! Listeners: sockets that accept, and what the plan says of their connections.

mod accept;
mod built;
mod tcp_route;

pub(crate) use accept::{ListenSocket, accept, accept_waiting, with_session};
pub(crate) use built::{BuiltListener, ListenerRoutes, ListenerState};
pub(crate) use tcp_route::BuiltTcpRoute;
