//! Path patterns and the paths that they mean, as rows of data.

use super::*;
use PathPattern::{Exact, Prefix, Regex as Expression};

fn template(text: &str) -> PathPattern {
    PathPattern::Template(text.into())
}

/// The parameters as `name=value`, or `None` where the path is not meant.
fn params(pattern: &PathPattern, path: &str) -> Option<Vec<String>> {
    let (matcher, names) = PathMatcher::build(pattern).unwrap();
    let mut spans = vec![Span { start: 9, end: 99 }];
    if !matcher.matches(path, &mut spans) {
        assert_eq!(spans, [], "a path that is not meant leaves no parameters");
        return None;
    }
    assert_eq!(spans.len(), names.len());
    let value = |span: &Span| path[span.start as usize..span.end as usize].to_owned();
    Some(names.iter().zip(&spans).map(|(name, span)| format!("{name}={}", value(span))).collect())
}

#[track_caller]
fn check(cases: &[(PathPattern, &str, Option<&[&str]>)]) {
    for (pattern, path, expected) in cases {
        let expected = expected.map(|params| params.iter().map(|&param| param.to_owned()).collect::<Vec<_>>());
        assert_eq!(params(pattern, path), expected, "{pattern:?} {path}");
    }
}

#[test]
fn an_exact_path_means_itself_only() {
    check(&[
        (Exact("/hello".into()), "/hello", Some(&[])),
        (Exact("/hello".into()), "/hello/", None),
        (Exact("/hello".into()), "/hello/a", None),
        (Exact("/hello/".into()), "/hello", None),
        (Exact("/caf\u{e9}".into()), "/caf%C3%A9", Some(&[])),
        (Exact("/%7euser".into()), "/~user", Some(&[])),
    ]);
}

#[test]
fn d5_a_prefix_means_whole_segments() {
    let api = || Prefix("/api".into());
    check(&[
        (api(), "/api", Some(&["rest="])),
        (api(), "/api/", Some(&["rest="])),
        (api(), "/api/a/b/", Some(&["rest=a/b/"])),
        (api(), "/apiadmin", None),
        (api(), "/api../admin", None),
        (api(), "/admin", None),
        (api(), "/ap", None),
        (Prefix(String::new()), "/", Some(&["rest="])),
        (Prefix(String::new()), "/a", Some(&["rest=a"])),
        (Prefix(String::new()), "*", None),
    ]);
}

#[test]
fn d5_a_traversal_out_of_a_prefix_is_not_below_it() {
    let mut path = String::new();
    normalise(b"/api/%2e%2e/admin", EncodedSlash::Refuse, &mut path).unwrap();
    check(&[(Prefix("/api".into()), &path, None), (Prefix("/admin".into()), &path, Some(&["rest="]))]);
}

#[test]
fn d7_a_pattern_means_one_case_one_ending_and_its_own_parameters() {
    for path in ["/ADMIN", "/admin.", "/admin;jsessionid=1"] {
        check(&[(Exact("/admin".into()), path, None), (Prefix("/admin".into()), path, None)]);
    }
    check(&[(Exact("/admin".into()), "/admin/", None), (Prefix("/admin".into()), "/admin/", Some(&["rest="]))]);
}

#[test]
fn a_template_gives_its_parameters_still_encoded() {
    check(&[
        (template("/orders/{id}"), "/orders/7", Some(&["id=7"])),
        (template("/orders/{id}"), "/orders/a%20b", Some(&["id=a%20b"])),
        (template("/orders/{id}"), "/orders/", None),
        (template("/orders/{id}"), "/orders/7/", None),
        (template("/orders/{id}"), "/orders/7/8", None),
        (template("/orders/{id}"), "/orders", None),
        (template("/orders/{id}/"), "/orders/7/", Some(&["id=7"])),
        (template("/orders/{id}/"), "/orders/7", None),
        (template("/{a}/x/{b}"), "/1/x/2", Some(&["a=1", "b=2"])),
        (template("/{a}/x/{b}"), "/1/y/2", None),
        (template("/{a}/*"), "/1", Some(&["a=1", "rest="])),
        (template("/{a}/*"), "/1/2/3", Some(&["a=1", "rest=2/3"])),
        (template("/{a}/*"), "/", None),
        (template("/{a}"), "*", None),
        (template("/caf\u{e9}/{a}"), "/caf%C3%A9/1", Some(&["a=1"])),
    ]);
}

#[test]
fn an_expression_is_searched_and_anchored_by_its_author_only() {
    check(&[
        (Expression("^/[a-z]+$".into()), "/abc", Some(&[])),
        (Expression("^/[a-z]+$".into()), "/abc/", None),
        (Expression("b".into()), "/abc", Some(&[])),
    ]);
}

#[test]
fn a_pattern_that_means_nothing_is_refused() {
    let cases: &[(PathPattern, &str)] = &[
        (Exact("hello".into()), "path does not begin with a slash"),
        (Exact("/a/../..".into()), "path leads above the root"),
        (Prefix("/%zz".into()), "path has a broken percent escape"),
        (template("{id}"), "a path begins with a slash"),
        (template("/a//{id}"), "a template has no empty segment"),
        (template("/./{id}"), "a template has no empty segment"),
        (template("/{id}//*"), "a template has no empty segment"),
        (template("/v{n}/a"), "a parameter is a whole segment: write /{name}/, not v{n}"),
        (template("/{}/a"), "{} is no name of letters, digits and _"),
        (template("/{a}/{a}"), "the parameter a is there twice"),
        (template("/{rest}/*"), "the parameter rest is there twice"),
    ];
    for (pattern, message) in cases {
        assert_eq!(PathMatcher::build(pattern).unwrap_err(), *message, "{pattern:?}");
    }
}

#[test]
fn a_pattern_is_shown_as_it_was_written() {
    let shown = |pattern| PathMatcher::build(&pattern).unwrap().0.to_string();
    assert_eq!(shown(Prefix("/a".into())), "/a/*");
    assert_eq!(shown(Prefix(String::new())), "/*");
    assert_eq!(shown(template("/{a}/*")), "/{a}/*");
    assert_eq!(shown(Expression("^/a".into())), "matches ^/a");
}
