//! Every parser of what comes from outside, as a function over bytes, and what holds of it whatever comes.
//!
//! Built for tests and with the feature `fuzzing` alone: a run of seconds is a test, a long one is the fuzzer's.

mod address;
mod certificate;
mod client_hello;
mod expression;
mod forwarding;
mod header_block;
mod http1;
mod http2;
mod http3;
mod plan;
mod quic;
#[cfg(test)]
mod tests;
mod trace_context;

/// A parser and what holds of it.
#[derive(Debug, Clone, Copy)]
pub struct FuzzTarget {
    /// Its name, and that of the folder with its corpus.
    pub name: &'static str,
    /// Parses the bytes and says whether they were accepted; panics where something does not hold.
    pub run: fn(&[u8]) -> bool,
}

/// Every target.
pub static TARGETS: &[FuzzTarget] = &[
    FuzzTarget { name: "request_head", run: http1::request_head },
    FuzzTarget { name: "response_head", run: http1::response_head },
    FuzzTarget { name: "chunked_body", run: http1::chunked_body },
    FuzzTarget { name: "http2_session", run: http2::http2_session },
    FuzzTarget { name: "header_block", run: header_block::header_block },
    FuzzTarget { name: "http3_frames", run: http3::http3_frames },
    FuzzTarget { name: "http3_header_block", run: http3::http3_header_block },
    FuzzTarget { name: "quic_datagram", run: quic::quic_datagram },
    FuzzTarget { name: "path", run: address::path },
    FuzzTarget { name: "authority", run: address::authority },
    FuzzTarget { name: "target", run: address::target },
    FuzzTarget { name: "forwarding", run: forwarding::forwarding },
    FuzzTarget { name: "certificate", run: certificate::certificate },
    FuzzTarget { name: "certificate_facts", run: certificate::certificate_facts },
    FuzzTarget { name: "client_hello", run: client_hello::client_hello },
    FuzzTarget { name: "plan", run: plan::plan },
    FuzzTarget { name: "condition", run: expression::condition },
    FuzzTarget { name: "template", run: expression::template },
    FuzzTarget { name: "log_template", run: expression::log_template },
    FuzzTarget { name: "trace_context", run: trace_context::trace_context },
];

/// Places to cut an input at: each of a short one, evenly spread over a long one.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by(length / 256 + 1)
}
