//! Datagrams, carried as they are.

mod session;
mod udp;

pub(crate) use udp::carry_datagrams;
