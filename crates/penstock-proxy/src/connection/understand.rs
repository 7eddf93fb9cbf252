//! From a parsed head to a request that can be routed: target, host, path.

use penstock_plan::EncodedSlash;

use crate::exchange::{Method, Name, Request, Span, Version};
use crate::http1::Malformed;
use crate::routing::{Form, Scheme, parse_authority, parse_target, path::normalise};

/// Fills `path`, `query`, `host` and `authority` of a request whose head has been parsed, and gives the scheme of a
/// target that is a whole URL. For `CONNECT`, which has no path, it is `/`.
///
/// # Errors
/// A malformed target or path, or a `Host` that is missing, repeated, malformed or at odds
/// with the target (A30-A34).
pub(crate) fn understand(
    request: &mut Request,
    target: Span,
    slashes: EncodedSlash,
) -> Result<Option<Scheme>, Malformed> {
    if request.method == Method::Trace {
        return Err(Malformed::Method);
    }
    let Request { head, path, query, host, port, authority, method, version, .. } = request;
    let text = head.bytes(target);
    let parts = parse_target(*method, text).map_err(|_| Malformed::Target)?;
    match parts.form {
        Form::Asterisk => path.replace_range(.., "*"),
        _ => match parts.path_of(*method, text) {
            b"*" => path.replace_range(.., "*"),
            raw => normalise(raw, slashes, path).map_err(|_| Malformed::Path)?,
        },
    }
    let within = |span: Span| Span { start: target.start + span.start, end: target.start + span.end };
    *query = parts.query.map(within);
    let mut hosts = head.fields().iter().filter(|field| field.token == Name::HOST);
    let from_field = hosts.next().map(|field| field.value);
    if hosts.next().is_some() || (from_field.is_none() && *version == Version::Http11) {
        return Err(Malformed::Host);
    }
    let named = parts.authority.map(within);
    if let (Some(first), Some(second)) = (named, from_field)
        && !head.bytes(first).eq_ignore_ascii_case(head.bytes(second))
    {
        return Err(Malformed::Host);
    }
    match named.or(from_field) {
        Some(span) => {
            *port = parse_authority(head.bytes(span), host).map_err(|_| Malformed::Host)?;
            *authority = span;
        }
        None => host.clear(),
    }
    Ok(parts.scheme)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::{HeadLimits, parse_request};

    fn check(text: &str) -> Result<(String, String, String), Malformed> {
        let limits = HeadLimits { bytes: 128 << 10, fields: 100, target_bytes: 16 << 10 };
        let mut request = Request::default();
        let info = parse_request(text.as_bytes(), &limits, &mut request)?.unwrap();
        understand(&mut request, info.target, EncodedSlash::Refuse)?;
        let query = String::from_utf8_lossy(request.query_text()).into_owned();
        Ok((request.host.clone(), request.path.clone(), query))
    }

    #[test]
    fn target_and_host_are_taken_apart() {
        let check = |text: &str| check(text).map(|(host, path, query)| format!("{host}|{path}|{query}"));
        assert_eq!(check("GET /a/../b?c=d HTTP/1.1\r\nHost: X.Example.:80\r\n\r\n"), Ok("x.example|/b|c=d".into()));
        assert_eq!(check("GET http://a:81/x HTTP/1.1\r\nHost: A:81\r\n\r\n"), Ok("a|/x|".into()));
        assert_eq!(check("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), Ok("a|*|".into()));
        assert_eq!(check("GET / HTTP/1.0\r\n\r\n"), Ok("|/|".into()));
    }

    #[test]
    fn a30_trace_is_not_served() {
        assert_eq!(check("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), Err(Malformed::Method));
    }

    #[test]
    fn a31_connect_names_a_host_and_a_port() {
        let connect = |target: &str| check(&format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n"));
        assert_eq!(connect("A.Example:443"), Ok(("a.example".into(), "/".into(), String::new())));
        assert_eq!(connect("[::FFFF:127.0.0.1]:1"), Ok(("[::ffff:127.0.0.1]".into(), "/".into(), String::new())));
        for target in ["/", "a", "a:", ":80", "a:80/", "http://a:80", "u@a:80", "*", "a:x"] {
            assert_eq!(connect(target), Err(Malformed::Target), "{target}");
        }
        for target in ["a:99999", "::1:80", "a..b:80"] {
            assert_eq!(connect(target), Err(Malformed::Host), "{target}");
        }
    }

    #[test]
    fn a31_a33_targets_of_another_form_and_fragments_are_refused() {
        for target in ["*", "host:80", "admin/a", "/a#b", "http://h#/b", "http:///a"] {
            assert_eq!(check(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")), Err(Malformed::Target), "{target}");
        }
        assert_eq!(check("OPTIONS */x HTTP/1.1\r\nHost: a\r\n\r\n"), Err(Malformed::Target));
    }

    #[test]
    fn a32_a_host_at_odds_with_the_target_is_refused() {
        assert_eq!(check("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"), Err(Malformed::Host));
    }

    #[test]
    fn a34_a_missing_repeated_or_malformed_host_is_refused() {
        for host in [
            "",
            "Host: a\r\nHost: a\r\n",
            "Host: a,b\r\n",
            "Host: u@a\r\n",
            "Host: a/b\r\n",
            "Host:\r\n",
            "Host: [::1\r\n",
            "Host: a:99999\r\n",
        ] {
            assert_eq!(check(&format!("GET / HTTP/1.1\r\n{host}\r\n")), Err(Malformed::Host), "{host:?}");
        }
        let long = format!("Host: {}\r\n", "a".repeat(64 << 10));
        assert_eq!(check(&format!("GET / HTTP/1.1\r\n{long}\r\n")), Err(Malformed::Host));
    }
}
