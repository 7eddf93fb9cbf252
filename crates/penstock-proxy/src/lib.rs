//! The data plane of Penstock: it listens, routes, runs pipelines and moves the bytes.
//!
//! Everything it knows is the plan it is given: it opens no file, reads no environment
//! and runs without a Python interpreter.
#![forbid(unsafe_code)]

pub(crate) mod connection;
pub(crate) mod consumers;
pub mod control;
pub mod exchange;
pub mod export;
pub mod expression;
pub(crate) mod failure;
pub mod filters;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod grpc;
pub mod http1;
mod http2;
mod http3;
pub(crate) mod listener;
pub mod pipeline;
mod proxy_header;
mod quic;
pub mod resolver;
pub mod routing;
pub(crate) mod scan;
pub mod sealing;
mod stream;
pub mod telemetry;
pub mod tls;
mod tracing;
pub mod unit;
pub(crate) mod upstream;
pub mod websocket;
pub(crate) mod wire;
pub mod worker;
