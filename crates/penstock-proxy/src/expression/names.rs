//! The names that conditions and templates know.

use super::ExpressionProblem;
use super::fact::{Fact, Mapping, Plain};
use super::suggestion::{hint, nearest};

/// What a name under `request`, `response`, `tls` or `consumer` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    /// One value.
    Plain(Plain),
    /// Values by name.
    Mapping(Mapping),
}

const REQUEST: &[(&str, Member)] = &[
    ("method", Member::Plain(Plain::Method)),
    ("path", Member::Plain(Plain::Path)),
    ("host", Member::Plain(Plain::Host)),
    ("query", Member::Mapping(Mapping::Query)),
    ("headers", Member::Mapping(Mapping::RequestHeaders)),
    ("cookies", Member::Mapping(Mapping::Cookies)),
    ("params", Member::Mapping(Mapping::Params)),
    ("client_ip", Member::Plain(Plain::ClientIp)),
    ("id", Member::Plain(Plain::Id)),
    ("route", Member::Plain(Plain::Route)),
    ("trace_id", Member::Plain(Plain::TraceId)),
];

const RESPONSE: &[(&str, Member)] =
    &[("status", Member::Plain(Plain::Status)), ("headers", Member::Mapping(Mapping::ResponseHeaders))];

const TLS: &[(&str, Member)] = &[
    ("version", Member::Plain(Plain::TlsVersion)),
    ("cipher", Member::Plain(Plain::TlsCipher)),
    ("protocol", Member::Plain(Plain::TlsProtocol)),
    ("name", Member::Plain(Plain::TlsName)),
    ("client", Member::Mapping(Mapping::TlsClient)),
];

const CONSUMER: &[(&str, Member)] =
    &[("name", Member::Plain(Plain::ConsumerName)), ("groups", Member::Mapping(Mapping::ConsumerGroups))];

const ROOTS: &[(&str, &[(&str, Member)])] =
    &[("request", REQUEST), ("response", RESPONSE), ("tls", TLS), ("consumer", CONSUMER)];

/// The members of a root.
pub(super) fn members(root: &str) -> Option<&'static [(&'static str, Member)]> {
    ROOTS.iter().find(|(name, _)| *name == root).map(|(_, members)| *members)
}

/// The member `name` of `root`.
pub(super) fn member(root: &str, name: &str) -> Option<Member> {
    members(root)?.iter().find(|(known, _)| *known == name).map(|(_, member)| *member)
}

/// What is said of a root that is none.
pub(super) fn unknown_root(name: &str, offset: usize) -> ExpressionProblem {
    let roots: Vec<&str> = ROOTS.iter().map(|(root, _)| *root).collect();
    let owner = ROOTS.iter().find(|(_, members)| members.iter().any(|(member, _)| *member == name));
    let advice = match owner {
        Some((root, _)) => format!("did you mean `{root}.{name}`?"),
        None if nearest(name, roots.iter().copied()).is_none() => {
            "texts need quotes; names begin with `request.`, `response.`, `tls.` or `consumer.`".into()
        }
        None => hint(name, &roots),
    };
    ExpressionProblem::new(format!("unknown name `{name}`"), advice, offset)
}

/// What is said of a member that is none.
pub(super) fn unknown_member(root: &str, name: &str, offset: usize) -> ExpressionProblem {
    let names: Vec<&str> = members(root).into_iter().flatten().map(|(name, _)| *name).collect();
    ExpressionProblem::new(format!("`{root}` has no `{name}`"), hint(name, &names), offset)
}

/// What is said of a whole mapping where one value is needed.
pub(super) fn whole_mapping(root: &str, name: &str, offset: usize) -> ExpressionProblem {
    let example = match name {
        "headers" => "x-name",
        "client" => "subject",
        "groups" => "gold",
        _ => "name",
    };
    ExpressionProblem::new(
        format!("`{root}.{name}` holds many values"),
        format!("name one of them: {root}.{name}[\"{example}\"]"),
        offset,
    )
}

/// The fact behind `root.name` or `root.name["key"]`.
pub(super) fn fact(root: &str, name: &str, key: Option<&str>) -> Option<Fact> {
    match (member(root, name)?, key) {
        (Member::Plain(plain), None) => Some(Fact::Plain(plain)),
        (Member::Mapping(mapping), Some(key)) => Some(Fact::of(mapping, key)),
        _ => None,
    }
}
