//! From what was noted of an exchange to its spans, named as OpenTelemetry's conventions for HTTP have it.
//!
//! Source: OpenTelemetry semantic conventions 1.x, "HTTP spans". Queries are left out: they may hold passwords.

use super::finished::{Finished, Kind};
use super::recording::{AttemptEnd, Note, Peer, Recording, What};
use crate::exchange::{Exchange, Method, Name, Request, Version};
use crate::export::otlp::Value;
use crate::failure::Blame;
use crate::grpc::Status;
use crate::wire::Clock;

/// What is known of an exchange that has ended, beyond what was noted of it.
pub(crate) struct Facts<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) listener: &'a str,
    pub(crate) clock: &'a Clock,
    pub(crate) began_us: u64,
    pub(crate) ended_us: u64,
    pub(crate) grpc_status: Option<Status>,
    pub(crate) blame: Option<Blame>,
}

type Attributes<'a> = Vec<(&'a str, Value<'a>)>;

/// Every span of an exchange, its own first.
pub(super) fn spans<'a>(recording: &'a Recording, facts: &Facts<'a>) -> Vec<Finished<'a>> {
    let mut spans = vec![own(recording, facts)];
    for note in &recording.notes {
        match &note.what {
            // What only passes by an answer is not worth a word.
            What::Step { takes_time: false, is_response: true, .. } => {}
            What::Step { takes_time: false, name, .. } => {
                if let Some(own) = spans.first_mut() {
                    own.events.push((facts.clock.wall_us(note.began_us), name));
                }
            }
            What::Step { name, is_response, result, .. } => spans.push(step(note, (name, *is_response, result), facts)),
            What::Attempt { number, peer, end } => spans.push(attempt(note, (*number, peer, *end), facts)),
        }
    }
    spans
}

/// The span of the exchange itself.
fn own<'a>(recording: &'a Recording, facts: &Facts<'a>) -> Finished<'a> {
    let Facts { exchange, .. } = facts;
    let (request, status) = (&exchange.request, exchange.response.status);
    let route = exchange.route.as_ref();
    let pattern = route.map_or("", |route| &*route.pattern);
    let mut attributes = method(request);
    attributes.extend([
        ("url.scheme", Value::from(if request.session.is_some() { "https" } else { "http" })),
        ("url.path", request.path.as_str().into()),
        ("network.protocol.version", version(request.version).into()),
        ("client.address", Value::Owned(request.client.ip.to_string().into_bytes())),
        ("network.peer.address", Value::Owned(request.client.peer.to_string().into_bytes())),
        ("penstock.listener", facts.listener.into()),
        ("penstock.request_id", request.id.as_str().into()),
    ]);
    add_text(&mut attributes, "server.address", request.host.as_bytes());
    attributes.extend(request.port.map(|port| ("server.port", Value::Number(port.into()))));
    add_text(&mut attributes, "http.route", pattern.as_bytes());
    add_text(&mut attributes, "penstock.route", route.map_or(&b""[..], |route| route.name.as_bytes()));
    add_text(&mut attributes, "user_agent.original", request.head.first(Name::USER_AGENT).unwrap_or_default());
    if status != 0 {
        attributes.push(("http.response.status_code", Value::Number(status.into())));
    }
    if let Some(status) = facts.grpc_status {
        attributes.push(("rpc.system", "grpc".into()));
        attributes.push(("rpc.grpc.status_code", Value::Number(status.code().into())));
    }
    add_text(&mut attributes, "penstock.reason", exchange.reason.as_bytes());
    let error = error(status, exchange.reason, facts.blame);
    add_text(&mut attributes, "error.type", error.as_bytes());
    for (name, template) in &recording.settings.attributes {
        let mut text = Vec::new();
        template.render(&exchange.facts(), &mut text);
        if !text.is_empty() {
            attributes.push((name, Value::Owned(text)));
        }
    }
    let trace = request.trace;
    Finished {
        trace,
        id: trace.span,
        parent: trace.parent,
        kind: Kind::Server,
        name: [method_word(request), pattern].join(" ").trim_end().to_owned(),
        began_us: facts.clock.wall_us(facts.began_us),
        ended_us: facts.clock.wall_us(facts.ended_us),
        attributes,
        events: Vec::new(),
        error,
        state: if trace.continues { request.head.get(b"tracestate").unwrap_or_default() } else { b"" },
    }
}

fn step<'a>(note: &'a Note, (name, is_response, result): (&'a str, bool, &'a str), facts: &Facts<'a>) -> Finished<'a> {
    let side = if is_response { "response" } else { "request" };
    let mut attributes = vec![("penstock.step", Value::from(name)), ("penstock.side", side.into())];
    add_text(&mut attributes, "penstock.result", result.as_bytes());
    let error = if result == FAILED { "filter_failed" } else { "" };
    add_text(&mut attributes, "error.type", error.as_bytes());
    Finished { kind: Kind::Internal, name: format!("step {name}"), attributes, error, ..of_note(note, facts) }
}

/// What a filter says that failed by itself.
pub(crate) const FAILED: &str = "failed";

fn attempt<'a>(note: &'a Note, (number, peer, end): (u32, &'a Peer, AttemptEnd), facts: &Facts<'a>) -> Finished<'a> {
    let request = &facts.exchange.request;
    let mut attributes = method(request);
    attributes.extend(address(peer, request));
    if number > 1 {
        attributes.push(("http.request.resend_count", Value::Number(i64::from(number) - 1)));
    }
    let error = if end.status == 0 { end.reason } else { status_text(end.status, 400) };
    if end.status != 0 {
        attributes.push(("http.response.status_code", Value::Number(end.status.into())));
    }
    add_text(&mut attributes, "error.type", error.as_bytes());
    Finished { kind: Kind::Client, name: method_word(request).to_owned(), attributes, error, ..of_note(note, facts) }
}

/// Where an attempt went.
fn address<'a>(peer: &'a Peer, request: &Request) -> Attributes<'a> {
    let Some(endpoint) = &peer.endpoint else { return Vec::new() };
    let mut found = vec![("penstock.endpoint", Value::from(&*endpoint.name))];
    match endpoint.name.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?))) {
        Some((host, port)) => found.extend([("server.address", host.into()), ("server.port", Value::Number(port))]),
        None => found.push(("server.address", (&*endpoint.name).into())),
    }
    if let Some(upstream) = &peer.upstream {
        let plan = upstream.plan.endpoints.iter().find(|plan| plan.address == *endpoint.name);
        let (scheme, path) = plan.map_or(("http", ""), |plan| (scheme(plan.is_tls), plan.path.as_str()));
        let url = format!("{scheme}://{}{path}{}", endpoint.name, request.path);
        found.push(("url.full", Value::Owned(url.into_bytes())));
        found.push(("penstock.upstream", upstream.plan.name.as_str().into()));
    }
    found
}

fn scheme(is_tls: bool) -> &'static str {
    if is_tls { "https" } else { "http" }
}

/// What every span that comes of a note has.
fn of_note<'a>(note: &Note, facts: &Facts<'a>) -> Finished<'a> {
    let trace = facts.exchange.request.trace;
    Finished {
        trace,
        id: note.id,
        parent: if note.parent == 0 { trace.span } else { note.parent },
        kind: Kind::Internal,
        name: String::new(),
        began_us: facts.clock.wall_us(note.began_us),
        ended_us: facts.clock.wall_us(note.ended_us.max(note.began_us)),
        attributes: Vec::new(),
        events: Vec::new(),
        error: "",
        state: if trace.continues { facts.exchange.request.head.get(b"tracestate").unwrap_or_default() } else { b"" },
    }
}

/// Why the exchange failed, if somebody other than the client is to blame.
fn error(status: u16, reason: &'static str, blame: Option<Blame>) -> &'static str {
    let is_ours = blame.is_some_and(|blame| blame != Blame::Client);
    if !reason.is_empty() && (status >= 500 || is_ours) { reason } else { status_text(status, 500) }
}

/// The text of a status, from one on; the texts live for ever, for there are few that matter.
fn status_text(status: u16, from: u16) -> &'static str {
    const TEXTS: [(u16, &str); 16] = [
        (400, "400"),
        (401, "401"),
        (403, "403"),
        (404, "404"),
        (405, "405"),
        (408, "408"),
        (409, "409"),
        (410, "410"),
        (413, "413"),
        (422, "422"),
        (429, "429"),
        (500, "500"),
        (501, "501"),
        (502, "502"),
        (503, "503"),
        (504, "504"),
    ];
    if status < from {
        return "";
    }
    TEXTS.iter().find(|(known, _)| *known == status).map_or(if status < 500 { "4xx" } else { "5xx" }, |(_, text)| text)
}

fn method(request: &Request) -> Attributes<'_> {
    let mut attributes = vec![("http.request.method", Value::from(method_word(request)))];
    if request.method == Method::Other {
        attributes.push(("http.request.method_original", request.method_text().into()));
    }
    attributes
}

/// Methods that nobody knows are many, and would make as many names.
fn method_word(request: &Request) -> &str {
    if request.method == Method::Other { "_OTHER" } else { request.method_text() }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::Http10 => "1.0",
        Version::Http2 => "2",
        Version::Http3 => "3",
        Version::Http11 | Version::Tcp | Version::Tls | Version::Udp => "1.1",
    }
}

fn add_text<'a>(attributes: &mut Attributes<'a>, name: &'a str, text: &'a [u8]) {
    if !text.is_empty() {
        attributes.push((name, Value::Text(text)));
    }
}
