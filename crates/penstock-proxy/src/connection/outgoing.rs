//! The heads that leave: the request to an endpoint and the answer to the client.

use penstock_plan::Endpoint as EndpointPlan;

use super::work::Work;
use crate::exchange::{Exchange, Method, Name, Request, Version};
use crate::filters::HostChoice;
use crate::http1::{Framing, write_fields, write_number, write_request_line, write_status_line};
use crate::http2::Ask;
use crate::websocket::{asks_for_websocket, is_sound};

/// Writes the head of the request as an endpoint gets it.
pub(crate) fn write_request(out: &mut Vec<u8>, work: &Work, endpoint: &EndpointPlan, host: &HostChoice) {
    let request = &work.exchange.request;
    let method = request.head.bytes(request.method_span);
    write_request_line(out, method, &target(request, endpoint));
    let keeps_host = *host == HostChoice::Client && request.head.first(Name::HOST).is_some();
    if !keeps_host {
        let name = if let HostChoice::Name(name) = host { name } else { &endpoint.host };
        write_line(out, b"host", name.as_bytes());
    }
    write_fields(out, &request.head, if keeps_host { Name::OTHER } else { Name::HOST });
    match work.request_transfer.body.framing() {
        _ if work.exchange.buffered_body.is_some() => {
            write_length(out, work.exchange.buffered_body.as_ref().map_or(0, |body| body.len() as u64));
        }
        Framing::Chunked | Framing::Stream => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::Length(length) => write_length(out, length),
        Framing::None | Framing::UntilClose if matches!(request.method, Method::Post | Method::Put | Method::Patch) => {
            write_length(out, 0);
        }
        Framing::None | Framing::UntilClose => {}
    }
    if asks_for_upgrade(work) {
        out.extend_from_slice(b"connection: upgrade\r\n");
        for value in request.head.known(Name::UPGRADE) {
            write_line(out, b"upgrade", value);
        }
    } else if work.info.takes_trailers {
        out.extend_from_slice(b"connection: te\r\nte: trailers\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// The request as a stream to an endpoint begins with it.
pub(crate) fn ask<'a>(work: &'a Work, endpoint: &'a EndpointPlan, host: &'a HostChoice) -> Ask<'a> {
    let request = &work.exchange.request;
    let length = match (&work.exchange.buffered_body, work.request_transfer.body.framing()) {
        (Some(body), _) => Some(body.len() as u64),
        (None, Framing::Length(length)) => Some(length),
        (None, _) => None,
    };
    let own = request.head.first(Name::HOST).filter(|_| *host == HostChoice::Client);
    let chosen = if let HostChoice::Name(name) = host { name.as_bytes() } else { endpoint.host.as_bytes() };
    Ask {
        method: request.head.bytes(request.method_span),
        is_enciphered: endpoint.is_tls,
        authority: own.unwrap_or(chosen),
        target: target(request, endpoint),
        head: &request.head,
        length,
        takes_trailers: work.takes_trailers(),
        ends_stream: length.unwrap_or(0) == 0 && work.request_transfer.body.is_ended(),
        is_head_request: request.method == Method::Head,
    }
}

/// The target as an endpoint gets it, in parts.
fn target<'a>(request: &'a Request, endpoint: &'a EndpointPlan) -> [&'a [u8]; 4] {
    let query = request.query.map(|span| request.head.bytes(span));
    let path = request.path.as_bytes();
    [
        if path == b"*" { b"" } else { endpoint.path.as_bytes() },
        path,
        if query.is_some() { b"?" } else { b"" },
        query.unwrap_or_default(),
    ]
}

/// Whether the request asks to switch protocols, in a way that a tunnel can serve.
pub(crate) fn asks_for_upgrade(work: &Work) -> bool {
    let request = &work.exchange.request;
    work.info.options.upgrade
        && request.version != Version::Http10
        && work.info.framing == Framing::None
        && request.head.first(Name::UPGRADE).is_some_and(|value| !value.is_empty() && !names_http2(value))
        && (!asks_for_websocket(request) || is_sound(request))
}

/// `h2c` is never switched to behind the router's back (B17).
fn names_http2(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(b"h2c"))
}

/// How the answer's body is framed for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerFraming {
    /// A length that is known, though perhaps no body (HEAD).
    Length(u64),
    /// Chunks.
    Chunked,
    /// The end of the connection.
    UntilClose,
    /// Neither body nor length.
    None,
}

/// What the `Connection` field of an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionField {
    /// Nothing: HTTP/1.1 keeps alive by itself.
    Silent,
    /// `keep-alive`, for HTTP/1.0.
    KeepAlive,
    /// `close`
    Close,
    /// `upgrade`, with the endpoint's `Upgrade`.
    Upgrade,
}

/// Writes the head of the answer as the client gets it.
pub(crate) fn write_answer(
    out: &mut Vec<u8>,
    exchange: &Exchange,
    framing: AnswerFraming,
    connection: ConnectionField,
) {
    let response = &exchange.response;
    write_status_line(out, Version::Http11, response.status);
    write_fields(out, &response.head, Name::OTHER);
    match framing {
        AnswerFraming::Length(length) => write_length(out, length),
        AnswerFraming::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        AnswerFraming::UntilClose | AnswerFraming::None => {}
    }
    match connection {
        ConnectionField::Silent => {}
        ConnectionField::KeepAlive => out.extend_from_slice(b"connection: keep-alive\r\n"),
        ConnectionField::Close => out.extend_from_slice(b"connection: close\r\n"),
        ConnectionField::Upgrade => {
            out.extend_from_slice(b"connection: upgrade\r\n");
            for value in response.head.known(Name::UPGRADE) {
                write_line(out, b"upgrade", value);
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn write_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"content-length: ");
    write_number(out, length);
    out.extend_from_slice(b"\r\n");
}

fn write_line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
