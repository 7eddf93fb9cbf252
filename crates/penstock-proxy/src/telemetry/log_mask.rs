//! What is hidden in lines of an access log.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use penstock_plan::{AccessLog, LogFormat, LogMask, LogPattern};
use regex::bytes::Regex;

use super::LOG_FIELDS;
use super::built_log::LogProblem;
use crate::exchange::percent_decoded;
use crate::expression::suggestion;
use crate::routing::compile_byte_regex;

/// What stands for the value of a query parameter.
const HIDDEN: &[u8] = b"***";

/// What is hidden, made ready once for each plan.
#[derive(Debug, Default)]
pub(super) struct Mask {
    /// Whether of a client's address only the network is shown.
    pub(super) client: bool,
    /// Query parameters whose values are hidden.
    pub(super) query: Arc<[Box<[u8]>]>,
    patterns: Vec<(Option<Vec<String>>, Arc<Pattern>)>,
}

/// Parts of a text, and what stands for them.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    by: Box<[u8]>,
}

impl Mask {
    pub(super) fn new(plan: &LogMask, problems: &mut Vec<LogProblem>) -> Self {
        let mut patterns = Vec::new();
        for (index, pattern) in plan.patterns.iter().enumerate() {
            let index = index.to_string();
            match compile_byte_regex(&pattern.regex) {
                Ok(regex) => {
                    let by = pattern.by.as_bytes().into();
                    patterns.push((pattern.members.clone(), Arc::new(Pattern { regex, by })));
                }
                Err(problem) => problems.push(LogProblem::new(&["mask", "patterns", &index, "regex"], problem)),
            }
        }
        let query = plan.query.iter().map(|name| name.as_bytes().into()).collect();
        Self { client: plan.client, query, patterns }
    }

    /// Whether nothing is hidden.
    pub(super) fn is_empty(&self) -> bool {
        !self.client && self.query.is_empty() && self.patterns.is_empty()
    }

    /// What is hidden in the text of one member; one without a name is a template.
    pub(super) fn patterns_of(&self, member: &str) -> Box<[Arc<Pattern>]> {
        let is_meant =
            |members: &Option<Vec<String>>| members.as_ref().is_none_or(|all| all.iter().any(|one| one == member));
        self.patterns.iter().filter(|(members, _)| is_meant(members)).map(|(_, pattern)| Arc::clone(pattern)).collect()
    }
}

/// Says which members are named by patterns and are in no line.
pub(super) fn unknown_members(plan: &AccessLog, problems: &mut Vec<LogProblem>) {
    let added = if let LogFormat::Object(object) = &plan.format { object.add.as_slice() } else { &[] };
    let known: Vec<&str> = LOG_FIELDS.iter().copied().chain(added.iter().map(|one| one.name.as_str())).collect();
    for (index, LogPattern { members, .. }) in plan.mask.patterns.iter().enumerate() {
        for (position, name) in members.iter().flatten().enumerate() {
            if !known.contains(&name.as_str()) {
                let message = format!("no field is called `{name}`; {}", suggestion::hint(name, &known));
                let path = ["mask", "patterns", &index.to_string(), "members", &position.to_string()];
                problems.push(LogProblem::new(&path, message));
            }
        }
    }
}

impl Pattern {
    /// Writes a text with what stands for its parts.
    fn write(&self, text: &[u8], out: &mut Vec<u8>) {
        let mut behind = 0;
        for found in self.regex.find_iter(text).filter(|found| !found.is_empty()) {
            out.extend_from_slice(text.get(behind..found.start()).unwrap_or_default());
            out.extend_from_slice(&self.by);
            behind = found.end();
        }
        out.extend_from_slice(text.get(behind..).unwrap_or_default());
    }
}

/// Hides what patterns find in a text, one after another; `other` is memory to work in.
pub(super) fn hide(patterns: &[Arc<Pattern>], text: &mut Vec<u8>, other: &mut Vec<u8>) {
    for pattern in patterns {
        other.clear();
        pattern.write(text, other);
        std::mem::swap(text, other);
    }
}

/// Writes a query with the values of some parameters hidden.
pub(super) fn write_query(query: &[u8], hidden: &[Box<[u8]>], out: &mut Vec<u8>) {
    for (position, pair) in query.split(|byte| *byte == b'&').enumerate() {
        if position > 0 {
            out.push(b'&');
        }
        let end = memchr::memchr(b'=', pair);
        let (name, _) = pair.split_at(end.unwrap_or(pair.len()));
        if end.is_some() && hidden.iter().any(|one| **one == *percent_decoded(name, true)) {
            out.extend_from_slice(name);
            out.push(b'=');
            out.extend_from_slice(HIDDEN);
        } else {
            out.extend_from_slice(pair);
        }
    }
}

/// The network of an address: its first 24 bits, or 48 of IPv6.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & (!0 << 8)).into(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(inner) => network(inner.into()),
            None => Ipv6Addr::from_bits(address.to_bits() & (!0 << 80)).into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_the_network_is_left() {
        for (address, expected) in [
            ("192.0.2.255", "192.0.2.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("::ffff:192.0.2.7", "192.0.2.0"),
            ("::1", "::"),
        ] {
            assert_eq!(network(address.parse().unwrap()), expected.parse::<IpAddr>().unwrap());
        }
    }

    #[test]
    fn values_of_query_parameters_are_hidden_however_their_names_are_written() {
        let hidden: [Box<[u8]>; 2] = [(*b"token").into(), (*b"a b").into()];
        for (query, expected) in [
            ("", ""),
            ("token=1&x=2", "token=***&x=2"),
            ("x=2&%74oken=1&token=3&&token", "x=2&%74oken=***&token=***&&token"),
            ("a+b=1&a%20b=2&a%2bb=3&tokens=4&Token=5", "a+b=***&a%20b=***&a%2bb=3&tokens=4&Token=5"),
            ("token=a=b", "token=***"),
        ] {
            let mut out = Vec::new();
            write_query(query.as_bytes(), &hidden, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn patterns_run_one_after_another_and_only_where_they_are_meant() {
        let pattern = |regex: &str, by: &str, members: Option<&str>| LogPattern {
            regex: regex.to_owned(),
            by: by.to_owned(),
            members: members.map(|name| vec![name.to_owned()]),
        };
        let patterns =
            vec![pattern("[0-9]{4,}", "#", None), pattern("^/#", "/N", Some("path")), pattern("x*", "-", None)];
        let plan = LogMask { patterns, ..LogMask::default() };
        let mask = Mask::new(&plan, &mut Vec::new());
        for (member, expected) in [("path", "/N/123/#"), ("host", "/#/123/#")] {
            let mut text = b"/4111/123/99999".to_vec();
            hide(&mask.patterns_of(member), &mut text, &mut Vec::new());
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_a_problem_with_its_place() {
        let patterns = vec![LogPattern { regex: "(".to_owned(), by: String::new(), members: None }];
        let mut problems = Vec::new();
        let mask = Mask::new(&LogMask { patterns, ..LogMask::default() }, &mut problems);
        assert!(mask.is_empty());
        let problem = LogProblem::new(&["mask", "patterns", "0", "regex"], "not a regular expression: unclosed group");
        assert_eq!(problems, [problem]);
    }
}
