//! Matching headers, query parameters and cookies.

use std::borrow::Cow;
use std::fmt;

use penstock_plan::{Condition, Subject, Test};
use regex::Regex;

use super::compile_regex;
use crate::exchange::{Request, decoded_text, latin1_text};

/// A condition on one named value of a request, ready to match.
///
/// Values are compared as text: a header as latin-1, query parameters and cookies
/// percent-decoded. Of repeated values any may match.
#[derive(Debug)]
pub struct ConditionMatcher {
    subject: Subject,
    test: TestMatcher,
}

#[derive(Debug)]
enum TestMatcher {
    Exact(Box<str>),
    Prefix(Box<str>),
    Suffix(Box<str>),
    Regex(Regex),
    Present,
    Absent,
}

impl ConditionMatcher {
    /// Makes a condition ready, or says what is wrong with it.
    pub fn build(condition: &Condition) -> Result<Self, String> {
        let test = match &condition.test {
            Test::Exact(text) => TestMatcher::Exact(text.as_str().into()),
            Test::Prefix(text) => TestMatcher::Prefix(text.as_str().into()),
            Test::Suffix(text) => TestMatcher::Suffix(text.as_str().into()),
            Test::Regex(pattern) => TestMatcher::Regex(compile_regex(pattern)?),
            Test::Present => TestMatcher::Present,
            Test::Absent => TestMatcher::Absent,
        };
        Ok(Self { subject: condition.subject.clone(), test })
    }

    /// Whether it holds.
    pub fn matches(&self, request: &Request) -> bool {
        match &self.test {
            TestMatcher::Exact(text) => self.any(request, |value| *value == **text),
            TestMatcher::Prefix(text) => self.any(request, |value| value.starts_with(&**text)),
            TestMatcher::Suffix(text) => self.any(request, |value| value.ends_with(&**text)),
            TestMatcher::Regex(pattern) => self.any(request, |value| pattern.is_match(value)),
            TestMatcher::Present => self.any(request, |_| true),
            TestMatcher::Absent => !self.any(request, |_| true),
        }
    }

    /// `header`, `query` or `cookie`.
    pub fn kind(&self) -> &'static str {
        match self.subject {
            Subject::Header(_) => "header",
            Subject::Query(_) => "query",
            Subject::Cookie(_) => "cookie",
        }
    }

    /// The name of the value.
    pub fn name(&self) -> &str {
        let (Subject::Header(name) | Subject::Query(name) | Subject::Cookie(name)) = &self.subject;
        name
    }

    /// The values that a request has under the name, in one text; `None` where it has none.
    pub fn found(&self, request: &Request) -> Option<String> {
        let mut values: Vec<String> = Vec::new();
        self.any(request, |value| {
            values.push(value.to_owned());
            false
        });
        (!values.is_empty()).then(|| values.join(", "))
    }

    fn any(&self, request: &Request, mut accepts: impl FnMut(&str) -> bool) -> bool {
        let mut accepts = |value: Cow<'_, str>| accepts(&value);
        match &self.subject {
            Subject::Header(name) => request.head.all(name.as_bytes()).any(|value| accepts(latin1_text(value))),
            Subject::Query(name) => {
                request.query_values(name.as_bytes()).any(|value| accepts(decoded_text(value, true)))
            }
            Subject::Cookie(name) => {
                request.cookie_values(name.as_bytes()).any(|value| accepts(decoded_text(value, false)))
            }
        }
    }
}

impl fmt::Display for ConditionMatcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            TestMatcher::Exact(text) => write!(formatter, "{text}"),
            TestMatcher::Prefix(text) => write!(formatter, "begins with {text}"),
            TestMatcher::Suffix(text) => write!(formatter, "ends with {text}"),
            TestMatcher::Regex(pattern) => write!(formatter, "matches {pattern}"),
            TestMatcher::Present => write!(formatter, "present"),
            TestMatcher::Absent => write!(formatter, "absent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(&str, &[u8])], query: &str) -> Request {
        let mut request = Request::default();
        for (name, value) in fields {
            request.head.add(name.as_bytes(), value);
        }
        request.query = Some(request.head.intern(query.as_bytes()));
        request
    }

    fn holds(subject: Subject, test: Test, request: &Request) -> bool {
        ConditionMatcher::build(&Condition { subject, test }).unwrap().matches(request)
    }

    #[test]
    fn every_test_looks_at_headers_in_any_case() {
        let request = request(&[("X-Env", b"dev-1"), ("x-empty", b"")], "");
        let cases: &[(&str, Test, bool)] = &[
            ("x-env", Test::Exact("dev-1".into()), true),
            ("x-env", Test::Exact("dev".into()), false),
            ("x-env", Test::Exact("DEV-1".into()), false),
            ("x-env", Test::Prefix("dev".into()), true),
            ("x-env", Test::Prefix("ev".into()), false),
            ("x-env", Test::Suffix("-1".into()), true),
            ("x-env", Test::Suffix("-2".into()), false),
            ("x-env", Test::Regex("^(dev|qa)-".into()), true),
            ("x-env", Test::Regex("^dev$".into()), false),
            ("x-env", Test::Present, true),
            ("x-env", Test::Absent, false),
            ("x-empty", Test::Present, true),
            ("x-none", Test::Present, false),
            ("x-none", Test::Absent, true),
            ("x-none", Test::Exact(String::new()), false),
        ];
        for (name, test, expected) in cases {
            assert_eq!(holds(Subject::Header((*name).into()), test.clone(), &request), *expected, "{name} {test:?}");
        }
    }

    #[test]
    fn d9_of_repeated_values_any_may_match() {
        let request =
            request(&[("x-role", b"user"), ("x-role", b"admin"), ("cookie", b"r=user; r=admin")], "r=user&r=admin");
        for value in ["user", "admin"] {
            for subject in [Subject::Header("x-role".into()), Subject::Query("r".into()), Subject::Cookie("r".into())] {
                assert!(holds(subject.clone(), Test::Exact(value.into()), &request), "{subject:?} {value}");
                assert!(!holds(subject, Test::Exact("user, admin".into()), &request));
            }
        }
    }

    #[test]
    fn d9_a_semicolon_does_not_part_query_parameters() {
        let request = request(&[], "a=1;a=2&b");
        assert!(holds(Subject::Query("a".into()), Test::Exact("1;a=2".into()), &request));
        assert!(holds(Subject::Query("b".into()), Test::Exact(String::new()), &request));
    }

    #[test]
    fn query_and_cookies_are_compared_decoded_and_headers_as_latin_1() {
        let request = request(&[("x-a", b"\xe9%20"), ("cookie", b"c=a%20b+c")], "q%31=a%20b+c&%ff=1");
        assert!(holds(Subject::Query("q1".into()), Test::Exact("a b c".into()), &request));
        assert!(holds(Subject::Cookie("c".into()), Test::Exact("a b+c".into()), &request));
        assert!(holds(Subject::Header("x-a".into()), Test::Exact("\u{e9}%20".into()), &request));
    }

    #[test]
    fn what_was_found_is_shown_as_it_was_compared() {
        let found = |subject| {
            let request = request(&[("x-a", b"1"), ("X-A", b"2")], "q=a%20b");
            ConditionMatcher::build(&Condition { subject, test: Test::Present }).unwrap().found(&request)
        };
        assert_eq!(found(Subject::Header("x-a".into())).as_deref(), Some("1, 2"));
        assert_eq!(found(Subject::Query("q".into())).as_deref(), Some("a b"));
        assert_eq!(found(Subject::Cookie("q".into())), None);
    }
}
