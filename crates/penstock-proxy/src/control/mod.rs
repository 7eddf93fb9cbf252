//! How a supervisor commands a worker: frames of JSON over a unix socket, descriptors beside them.

mod frame;
mod message;
mod retire;
mod server;
mod tapping;

pub use message::{PROTOCOL, SocketName};
pub use server::{Host, Identity, serve};
