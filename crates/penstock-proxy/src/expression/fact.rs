//! Facts: what a name stands for in one exchange.

use std::borrow::Cow;

use super::operand::{Operand, Text};
use crate::exchange::{ClientField, Facts, Head, Name, Request, Session, decoded_text, latin1_text};

/// One value that an expression may look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    /// A value with a name of its own.
    Plain(Plain),
    /// A header whose name the core knows, or any other by its text.
    Header(Side, Name, Box<str>),
    /// A query parameter: the first of its values.
    Query(Box<str>),
    /// A cookie: the first of its values.
    Cookie(Box<str>),
    /// A path parameter.
    Param(Box<str>),
    /// What the client's certificate says; none is a word that it has nothing for.
    TlsClient(Option<ClientField>),
    /// A group's own name, where the consumer belongs to it.
    ConsumerGroup(Box<str>),
}

/// Values with a name of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    Method,
    Path,
    Host,
    ClientIp,
    Id,
    Route,
    TraceId,
    Status,
    TlsVersion,
    TlsCipher,
    TlsProtocol,
    TlsName,
    ConsumerName,
}

/// Values by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mapping {
    RequestHeaders,
    ResponseHeaders,
    Query,
    Cookies,
    Params,
    TlsClient,
    ConsumerGroups,
}

/// Whose headers are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

impl Fact {
    /// The value that `mapping` has under `key`.
    pub(super) fn of(mapping: Mapping, key: &str) -> Self {
        let header = |side| Self::Header(side, Name::of(key.as_bytes()), key.into());
        match mapping {
            Mapping::RequestHeaders => header(Side::Request),
            Mapping::ResponseHeaders => header(Side::Response),
            Mapping::Query => Self::Query(key.into()),
            Mapping::Cookies => Self::Cookie(key.into()),
            Mapping::Params => Self::Param(key.into()),
            Mapping::TlsClient => Self::TlsClient(ClientField::of(key)),
            Mapping::ConsumerGroups => Self::ConsumerGroup(key.into()),
        }
    }

    /// Whether the value is a text wherever it is there.
    pub(super) fn is_text(&self) -> bool {
        *self != Self::Plain(Plain::Status)
    }

    /// The value in one exchange; undefined where it is missing.
    pub(super) fn value<'a>(&'a self, facts: Facts<'a>) -> Operand<'a> {
        let request = facts.request;
        let found = match self {
            Self::Plain(plain) => return plain.value(facts),
            Self::Header(Side::Request, token, name) => first(&request.head, *token, name).map(latin1_text),
            Self::Header(Side::Response, token, name) => {
                facts.response.and_then(|response| first(&response.head, *token, name)).map(latin1_text)
            }
            Self::Query(name) => request.query_values(name.as_bytes()).next().map(|value| decoded_text(value, true)),
            Self::Cookie(name) => request.cookie_values(name.as_bytes()).next().map(|value| decoded_text(value, false)),
            Self::TlsClient(field) => field.and_then(|field| session(request)?.client_text(field)).map(Cow::Borrowed),
            Self::ConsumerGroup(name) => request.consumer.as_ref().and_then(|one| one.group(name)).map(Cow::Borrowed),
            Self::Param(_) => self.encoded(facts).map(|value| decoded_text(value.as_bytes(), false)),
        };
        found.map_or(Operand::Undefined, |text| Operand::Text(Text::Plain(text)))
    }

    /// The text of a fact that is part of the path, as it stands there.
    pub(super) fn encoded<'a>(&self, facts: Facts<'a>) -> Option<&'a str> {
        match self {
            Self::Plain(Plain::Path) => Some(&facts.request.path),
            Self::Param(name) => {
                let position = facts.param_names.iter().position(|known| known == name)?;
                facts.request.param(position)
            }
            _ => None,
        }
    }
}

impl Plain {
    fn value(self, facts: Facts<'_>) -> Operand<'_> {
        let request = facts.request;
        match self {
            Self::Method => Operand::text(request.method_text()),
            Self::Path => Operand::text(&request.path),
            Self::Host => Operand::text(&request.host),
            Self::ClientIp => Operand::Text(Text::address(request.client.ip)),
            Self::Id if request.id.is_empty() => Operand::Undefined,
            Self::Id => Operand::text(&request.id),
            Self::Route if facts.route.is_empty() => Operand::Undefined,
            Self::Route => Operand::text(facts.route),
            Self::TraceId if request.trace.is_there() => Operand::Text(Text::trace(request.trace.trace)),
            Self::TraceId => Operand::Undefined,
            Self::TlsVersion => of_session(request, |session| session.version),
            Self::TlsCipher => of_session(request, |session| session.cipher),
            Self::TlsProtocol => of_session(request, |session| session.protocol),
            Self::TlsName => of_session(request, |session| &session.name),
            Self::ConsumerName => {
                request.consumer.as_ref().map_or(Operand::Undefined, |consumer| Operand::text(&consumer.name))
            }
            Self::Status => facts.response.map_or(Operand::Undefined, |answer| Operand::Int(answer.status.into())),
        }
    }
}

fn session(request: &Request) -> Option<&Session> {
    request.session.as_deref()
}

/// A text of the session; undefined where there is none.
fn of_session<'a>(request: &'a Request, text: impl FnOnce(&'a Session) -> &'a str) -> Operand<'a> {
    let text = session(request).map(text).filter(|text| !text.is_empty());
    text.map_or(Operand::Undefined, Operand::text)
}

fn first<'a>(head: &'a Head, token: Name, name: &'a str) -> Option<&'a [u8]> {
    if token == Name::OTHER { head.get(name.as_bytes()) } else { head.first(token) }
}
