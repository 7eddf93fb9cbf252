//! Matching the host of a request.

use std::fmt;

use penstock_plan::HostPattern;
use regex::Regex;

use super::{compile_regex, parse_authority};

/// A host pattern, ready to match.
#[derive(Debug)]
pub enum HostMatcher {
    /// Exactly this host.
    Exact(Box<str>),
    /// One or more labels before this host.
    Wildcard(Box<str>),
    /// An expression searched in the host.
    Regex(Regex),
}

impl HostMatcher {
    /// Makes a pattern ready, or says what is wrong with it.
    pub fn build(pattern: &HostPattern) -> Result<Self, String> {
        match pattern {
            HostPattern::Exact(host) => Ok(Self::Exact(spelled(host)?)),
            HostPattern::Wildcard(host) => Ok(Self::Wildcard(spelled(host)?)),
            HostPattern::Regex(pattern) => compile_regex(pattern).map(Self::Regex),
        }
    }

    /// Whether a host, as `parse_authority` spells it, is meant.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(expected) => **expected == *host,
            Self::Wildcard(below) => host
                .strip_suffix(&**below)
                .and_then(|labels| labels.strip_suffix('.'))
                .is_some_and(|labels| !labels.is_empty()),
            Self::Regex(pattern) => pattern.is_match(host),
        }
    }
}

impl fmt::Display for HostMatcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => write!(formatter, "{host}"),
            Self::Wildcard(below) => write!(formatter, "*.{below}"),
            Self::Regex(pattern) => write!(formatter, "matches {pattern}"),
        }
    }
}

/// The one spelling of a host, the same that a request's host gets.
fn spelled(host: &str) -> Result<Box<str>, String> {
    let mut spelled = String::new();
    match parse_authority(host.as_bytes(), &mut spelled) {
        Ok(None) => Ok(spelled.into()),
        Ok(Some(port)) => Err(format!("a route's host has no port: leave :{port} out")),
        Err(problem) => Err(problem.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &HostPattern, host: &str) -> bool {
        HostMatcher::build(pattern).unwrap().matches(host)
    }

    #[test]
    fn d10_patterns_match_the_hosts_that_they_mean() {
        use HostPattern::{Exact, Regex, Wildcard};
        let cases: &[(HostPattern, &str, bool)] = &[
            (Exact("A.Example.".into()), "a.example", true),
            (Exact("a.example".into()), "b.a.example", false),
            (Exact("[2001:DB8::0:1]".into()), "[2001:db8::1]", true),
            (Wildcard("example.com".into()), "a.example.com", true),
            (Wildcard("example.com".into()), "b.a.example.com", true),
            (Wildcard("Example.com".into()), "a.example.com", true),
            (Wildcard("example.com".into()), "example.com", false),
            (Wildcard("example.com".into()), "anexample.com", false),
            (Wildcard("example.com".into()), "a.example.com.evil.test", false),
            (Wildcard("example.com".into()), "", false),
            (Regex("^shop[0-9]+\\.test$".into()), "shop12.test", true),
            (Regex("^shop[0-9]+\\.test$".into()), "shop.test", false),
            (Regex("shop".into()), "my-shop.test", true),
        ];
        for (pattern, host, expected) in cases {
            assert_eq!(matches(pattern, host), *expected, "{pattern:?} {host}");
        }
    }

    #[test]
    fn a_pattern_that_is_no_host_is_refused() {
        let cases: &[(HostPattern, &str)] = &[
            (HostPattern::Exact("a:80".into()), "a route's host has no port: leave :80 out"),
            (HostPattern::Exact("a/b".into()), "host is not a name or an address"),
            (HostPattern::Wildcard(String::new()), "host is empty"),
            (HostPattern::Wildcard("*.a".into()), "host is not a name or an address"),
        ];
        for (pattern, message) in cases {
            assert_eq!(HostMatcher::build(pattern).unwrap_err(), *message, "{pattern:?}");
        }
    }
}
