//! The request target: which form it has and where its parts are.

use crate::exchange::{Method, Span};

/// The form of a request target (RFC 9112, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `/path?query`
    Origin,
    /// `http://authority/path?query`
    Absolute,
    /// `host:port`, for `CONNECT`.
    Authority,
    /// `*`, for `OPTIONS`.
    Asterisk,
}

/// The scheme of an absolute target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

/// A request target taken apart; spans are offsets into the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Its form.
    pub form: Form,
    /// The path as it came; empty in `http://a`, `http://a?b` and for `CONNECT`.
    pub path: Span,
    /// The query, without its question mark.
    pub query: Option<Span>,
    /// The authority, not parsed yet.
    pub authority: Option<Span>,
    /// The scheme of an absolute target.
    pub scheme: Option<Scheme>,
}

/// Why a request target is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetProblem {
    /// None of the forms that the method allows.
    #[error("request target has no form that the method allows")]
    BadForm,
    /// It has a fragment, which no client sends.
    #[error("request target has a fragment")]
    Fragment,
    /// It has a space or a control byte.
    #[error("request target has a byte that no target may hold")]
    BadByte,
}

impl TargetProblem {
    /// The stable word for logs and counters.
    pub fn reason(self) -> &'static str {
        match self {
            Self::BadForm => "target_bad_form",
            Self::Fragment => "target_fragment",
            Self::BadByte => "target_bad_byte",
        }
    }
}

impl Target {
    /// The path to normalise, or `*`: an absolute target without a path means `/`, and
    /// for `OPTIONS` without a query the whole server (RFC 9112, section 3.2.4).
    pub fn path_of<'a>(&self, method: Method, target: &'a [u8]) -> &'a [u8] {
        match self.path.of(target) {
            [] if method == Method::Options && self.query.is_none() => b"*",
            [] => b"/",
            path => path,
        }
    }
}

/// Takes a request target apart; the authority is left to `parse_authority` and the path
/// to the normaliser.
///
/// Source: RFC 9112, section 3.2.
pub fn parse_target(method: Method, target: &[u8]) -> Result<Target, TargetProblem> {
    for &byte in target {
        match byte {
            b'#' => return Err(TargetProblem::Fragment),
            0..=b' ' | 0x7f => return Err(TargetProblem::BadByte),
            _ => {}
        }
    }
    match (method, target) {
        (Method::Connect, _) => authority_form(target),
        (_, [b'/', ..]) => Ok(split_query(target, Form::Origin, 0)),
        (Method::Options, b"*") => Ok(split_query(target, Form::Asterisk, 0)),
        _ => absolute_form(target),
    }
}

/// Accepts what has a port, as RFC 9110, section 9.3.6, asks for.
fn authority_form(target: &[u8]) -> Result<Target, TargetProblem> {
    let colon = memchr::memrchr(b':', target).ok_or(TargetProblem::BadForm)?;
    let (host, port) = target.split_at_checked(colon).ok_or(TargetProblem::BadForm)?;
    let is_fine = !host.is_empty() && port.len() > 1 && port.iter().skip(1).all(u8::is_ascii_digit);
    if !is_fine || target.iter().any(|byte| matches!(byte, b'/' | b'?' | b'@')) {
        return Err(TargetProblem::BadForm);
    }
    let nothing = span(target.len(), target.len());
    let authority = Some(span(0, target.len()));
    Ok(Target { form: Form::Authority, path: nothing, query: None, authority, scheme: None })
}

fn absolute_form(target: &[u8]) -> Result<Target, TargetProblem> {
    let schemes: [(&[u8], Scheme); 2] = [(b"http://", Scheme::Http), (b"https://", Scheme::Https)];
    let found =
        schemes.iter().find(|(text, _)| target.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text)));
    let (text, scheme) = found.ok_or(TargetProblem::BadForm)?;
    let start = text.len();
    let behind = target.get(start..).unwrap_or_default();
    let end = start + behind.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(behind.len());
    if start == end {
        return Err(TargetProblem::BadForm);
    }
    let parts = split_query(target, Form::Absolute, end);
    Ok(Target { authority: Some(span(start, end)), scheme: Some(*scheme), ..parts })
}

/// Splits what begins at `start` into path and query.
fn split_query(target: &[u8], form: Form, start: usize) -> Target {
    let behind = target.get(start..).unwrap_or_default();
    let mark = memchr::memchr(b'?', behind).map(|position| start + position);
    let path = span(start, mark.unwrap_or(target.len()));
    let query = mark.map(|mark| span(mark + 1, target.len()));
    Target { form, path, query, authority: None, scheme: None }
}

fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Form, path, query, authority.
    type Parts<'a> = (Form, &'a str, Option<&'a str>, Option<&'a str>);

    fn text(span: Span, target: &str) -> &str {
        str::from_utf8(span.of(target.as_bytes())).unwrap()
    }

    #[track_caller]
    fn check(method: &str, target: &str, expected: Result<Parts<'_>, TargetProblem>) {
        let method = Method::of(method.as_bytes());
        let parsed = parse_target(method, target.as_bytes());
        let parts = parsed.map(|parts| {
            let path = str::from_utf8(parts.path_of(method, target.as_bytes())).unwrap();
            let [query, authority] = [parts.query, parts.authority].map(|part| part.map(|span| text(span, target)));
            (parts.form, path, query, authority)
        });
        assert_eq!(parts, expected, "{target}");
    }

    #[test]
    fn every_form_is_taken_apart() {
        let cases: &[(&str, &str, Parts<'_>)] = &[
            ("GET", "/", (Form::Origin, "/", None, None)),
            ("GET", "/a/b?c=d?e", (Form::Origin, "/a/b", Some("c=d?e"), None)),
            ("PURGE", "/a?", (Form::Origin, "/a", Some(""), None)),
            ("GET", "//a", (Form::Origin, "//a", None, None)),
            ("OPTIONS", "*", (Form::Asterisk, "*", None, None)),
            ("OPTIONS", "/a", (Form::Origin, "/a", None, None)),
            ("OPTIONS", "http://a", (Form::Absolute, "*", None, Some("a"))),
            ("OPTIONS", "http://a?b", (Form::Absolute, "/", Some("b"), Some("a"))),
            ("CONNECT", "a:80", (Form::Authority, "/", None, Some("a:80"))),
            ("CONNECT", "[::1]:443", (Form::Authority, "/", None, Some("[::1]:443"))),
        ];
        for (method, target, parts) in cases {
            check(method, target, Ok(*parts));
        }
    }

    #[test]
    fn a30_connect_and_trace_are_understood_so_that_they_can_be_refused() {
        check("CONNECT", "a:80", Ok((Form::Authority, "/", None, Some("a:80"))));
        check("TRACE", "/", Ok((Form::Origin, "/", None, None)));
    }

    #[test]
    fn a31_a_form_that_the_method_does_not_allow_is_refused() {
        let cases: &[(&str, &str)] = &[
            ("GET", "*"),
            ("GET", "host:80"),
            ("GET", "admin/a"),
            ("GET", ""),
            ("GET", "?a"),
            ("GET", "http:///a"),
            ("GET", "http://?a"),
            ("GET", "http:/a"),
            ("GET", "ftp://a/"),
            ("GET", "\\\\a\\b"),
            ("OPTIONS", "*/x"),
            ("OPTIONS", "**"),
            ("options", "*"),
            ("CONNECT", "/"),
            ("CONNECT", "*"),
            ("CONNECT", "a"),
            ("CONNECT", "a:"),
            ("CONNECT", ":80"),
            ("CONNECT", "a:80/x"),
            ("CONNECT", "u@a:80"),
            ("CONNECT", "http://a:80"),
        ];
        for (method, target) in cases {
            check(method, target, Err(TargetProblem::BadForm));
        }
    }

    #[test]
    fn a32_an_absolute_target_gives_the_authority_that_must_agree_with_host() {
        let cases: &[(&str, Parts<'_>)] = &[
            ("http://a/", (Form::Absolute, "/", None, Some("a"))),
            ("http://a", (Form::Absolute, "/", None, Some("a"))),
            ("HTTPS://a:1/b?c", (Form::Absolute, "/b", Some("c"), Some("a:1"))),
            ("http://a?b/c", (Form::Absolute, "/", Some("b/c"), Some("a"))),
            ("http://u@a/", (Form::Absolute, "/", None, Some("u@a"))),
        ];
        for (target, parts) in cases {
            check("GET", target, Ok(*parts));
        }
        assert_eq!(parse_target(Method::Get, b"HTTPS://a/").map(|parts| parts.scheme), Ok(Some(Scheme::Https)));
        assert_eq!(parse_target(Method::Get, b"http://a/").map(|parts| parts.scheme), Ok(Some(Scheme::Http)));
    }

    #[test]
    fn a33_a_fragment_is_refused_wherever_it_is() {
        for target in ["/a#b", "http://h#/b", "/a?b#c", "#", "/#"] {
            check("GET", target, Err(TargetProblem::Fragment));
        }
    }

    #[test]
    fn a28_spaces_and_control_bytes_are_refused() {
        for target in ["/a b", "/a\tb", "/a?\0", "/\u{7f}", "/a?b\r\nc"] {
            check("GET", target, Err(TargetProblem::BadByte));
        }
    }
}
