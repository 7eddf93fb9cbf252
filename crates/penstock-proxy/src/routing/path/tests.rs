//! Paths and their normal forms, as rows of data.

use super::*;
use EncodedSlash::{Keep, Refuse};

fn normal(raw: &[u8], encoded_slash: EncodedSlash) -> Result<String, PathProblem> {
    let mut out = String::from("left over");
    normalise(raw, encoded_slash, &mut out).map(|()| out)
}

#[track_caller]
fn check(cases: &[(&str, Result<&str, PathProblem>)]) {
    for (raw, expected) in cases {
        assert_eq!(normal(raw.as_bytes(), Refuse), expected.map(str::to_owned), "{raw}");
    }
}

#[test]
fn a_clean_path_stays_as_it_is() {
    for path in ["/", "/a", "/a/", "/a.b/c-d_e~f", "/a;b=1/@me:x", "/a!$&'()*+,;=", "/.well-known/x", "/...", "/a/..b"]
    {
        check(&[(path, Ok(path))]);
    }
}

#[test]
fn d1_a_traversal_is_resolved_before_anything_looks_at_the_path() {
    check(&[
        ("/public/../admin", Ok("/admin")),
        ("/public/%2e%2e/admin", Ok("/admin")),
        ("/public/.%2E/admin", Ok("/admin")),
        ("/public/./../admin", Ok("/admin")),
        ("/public/..;/admin", Err(PathProblem::HiddenDots)),
        ("/public/%2e%2e;x=1/admin", Err(PathProblem::HiddenDots)),
        ("/public/..%3b/admin", Err(PathProblem::HiddenDots)),
        ("/public/.;/admin", Err(PathProblem::HiddenDots)),
        ("/..", Err(PathProblem::AboveRoot)),
        ("/a/../../b", Err(PathProblem::AboveRoot)),
        ("/%2e%2e/b", Err(PathProblem::AboveRoot)),
        ("/a/b/..", Ok("/a/")),
        ("/a/b/.", Ok("/a/b/")),
        ("/a/..", Ok("/")),
        ("/.", Ok("/")),
    ]);
}

#[test]
fn d2_slashes_are_merged_before_dots_are_resolved() {
    check(&[
        ("//admin", Ok("/admin")),
        ("/x//../admin", Ok("/admin")),
        ("///", Ok("/")),
        ("/a//b//", Ok("/a/b/")),
        ("/a/.//b", Ok("/a/b")),
    ]);
}

#[test]
fn d3_encoded_separators_are_refused_or_stay_encoded() {
    check(&[
        ("/a%2fb", Err(PathProblem::EncodedSlash)),
        ("/a%5Cb", Err(PathProblem::EncodedSlash)),
        ("/a%00", Err(PathProblem::EncodedNul)),
        ("/a%3bb", Ok("/a%3Bb")),
        ("/a%23b", Ok("/a%23b")),
        ("/a%3fb", Ok("/a%3Fb")),
        ("/a%25b", Ok("/a%25b")),
    ]);
}

#[test]
fn d3_a_listener_may_keep_encoded_slashes_but_never_nul() {
    assert_eq!(normal(b"/a%2fb", Keep).unwrap(), "/a%2Fb");
    assert_eq!(normal(b"/a%5cb", Keep).unwrap(), "/a%5Cb");
    assert_eq!(normal(b"/a%2f..b", Keep).unwrap(), "/a%2F..b");
    assert_eq!(normal(b"/a%2f..%2fb", Keep), Err(PathProblem::HiddenDots));
    assert_eq!(normal(b"/public/..%5cadmin", Keep), Err(PathProblem::HiddenDots));
    assert_eq!(normal(b"/a%00", Keep), Err(PathProblem::EncodedNul));
    assert_eq!(normal(b"/a\\b", Keep), Err(PathProblem::BadByte));
}

#[test]
fn d4_nothing_is_decoded_twice() {
    check(&[
        ("/%252e%252e/a", Ok("/%252e%252e/a")),
        ("/%c0%ae/a", Ok("/%C0%AE/a")),
        ("/%u002e", Err(PathProblem::BadEscape)),
        ("/%", Err(PathProblem::BadEscape)),
        ("/%1", Err(PathProblem::BadEscape)),
        ("/%/2", Err(PathProblem::BadEscape)),
        ("/%+1", Err(PathProblem::BadEscape)),
        ("/%%32e", Err(PathProblem::BadEscape)),
        ("/%25%32%65", Ok("/%252e")),
    ]);
}

#[test]
fn d6_an_encoded_letter_and_the_letter_are_one_path() {
    check(&[
        ("/%61dmin", Ok("/admin")),
        ("/admin%2Fdashboard", Err(PathProblem::EncodedSlash)),
        ("/%7euser", Ok("/~user")),
    ]);
}

#[test]
fn d7_case_final_slash_dot_and_parameters_are_told_apart() {
    for path in ["/ADMIN", "/admin/", "/admin.", "/admin;jsessionid=1"] {
        check(&[(path, Ok(path))]);
    }
}

#[test]
fn d12_a_path_never_begins_with_what_a_browser_reads_as_a_host() {
    check(&[
        ("//evil.test/", Ok("/evil.test/")),
        ("//evil.test/%2f..", Err(PathProblem::EncodedSlash)),
        ("/\\evil.test", Err(PathProblem::BadByte)),
    ]);
}

#[test]
fn bytes_that_a_path_cannot_hold_are_encoded_or_refused() {
    check(&[
        ("/caf\u{e9}", Ok("/caf%C3%A9")),
        ("/a[1]{b}|^`\"<>", Ok("/a%5B1%5D%7Bb%7D%7C%5E%60%22%3C%3E")),
        ("/a b", Err(PathProblem::BadByte)),
        ("/a\tb", Err(PathProblem::BadByte)),
        ("/a\0b", Err(PathProblem::BadByte)),
        ("/a\u{7f}", Err(PathProblem::BadByte)),
        ("/a?b", Err(PathProblem::BadByte)),
        ("/a#b", Err(PathProblem::BadByte)),
        ("", Err(PathProblem::NotAbsolute)),
        ("a/b", Err(PathProblem::NotAbsolute)),
        ("*", Err(PathProblem::NotAbsolute)),
    ]);
    assert_eq!(normal(b"/\xff", Refuse).unwrap(), "/%FF");
}

#[test]
fn a_problem_leaves_no_text_behind() {
    let mut out = String::new();
    assert!(normalise(b"/admin/%zz", Refuse, &mut out).is_err());
    assert_eq!(out, "");
}

#[test]
fn a_clean_path_needs_no_more_memory_than_there_is() {
    let mut out = String::with_capacity(32);
    normalise(b"/orders/12345/items?"[..19].as_ref(), Refuse, &mut out).unwrap();
    assert_eq!((out.as_str(), out.capacity()), ("/orders/12345/items", 32));
}

/// Paths put together from pieces that meet each other badly.
#[test]
fn normalising_is_idempotent_and_leaves_only_normal_paths() {
    const PIECES: &[&[u8]] = &[
        b"/", b"/", b"//", b".", b"..", b"%2e", b"%2E", b"%2f", b"%5c", b"%25", b"2e", b"%", b"a", b"B", b";", b"%3b",
        b"\xc3", b"[", b"%41", b"%c3", b"%7E", b"+", b"~",
    ];
    let mut random = crate::routing::tests::generator::Random::new(7);
    let mut normalised = 0;
    for _ in 0..20_000 {
        let mut raw = b"/".to_vec();
        for _ in 0..random.below(9) {
            raw.extend_from_slice(random.one_of(PIECES));
        }
        for mode in [Refuse, Keep] {
            let Ok(once) = normal(&raw, mode) else { continue };
            normalised += 1;
            assert_eq!(normal(once.as_bytes(), mode).as_deref(), Ok(once.as_str()), "{raw:?}");
            assert!(once.starts_with('/') && once.is_ascii() && !once.contains("//"), "{once}");
            assert!(once.split('/').all(|segment| segment != "." && segment != ".."), "{once}");
        }
    }
    assert!(normalised > 10_000, "{normalised}");
}
