//! D1 to D9 end to end: the path that is matched is the path that is forwarded.

use serde_json::json;

use crate::harness::{Config, Gateway, Origin, foreign_step, prefix, strict_requests};

/// A gateway that guards `/admin` and forwards the rest.
fn guarded(origin: &Origin) -> Gateway {
    let guard = vec![foreign_step("Respond", &json!({"status": 403}))];
    Gateway::start(Config::to(&[origin.address()]).route("admin", prefix("/admin"), guard))
}

/// Each target, the status it gets, and what the origin sees of it.
fn check(cases: &[(&str, u16, &str)]) {
    let origin = Origin::echoing();
    let gateway = guarded(&origin);
    for (target, status, _) in cases {
        let mut client = gateway.client();
        assert_eq!(client.get(target).answer().status(), *status, "{target}");
    }
    let seen: Vec<String> =
        strict_requests(&origin.captured()).unwrap().iter().map(|request| request.target().to_owned()).collect();
    let expected: Vec<&str> = cases.iter().filter(|(_, status, _)| *status == 200).map(|(_, _, seen)| *seen).collect();
    assert_eq!(seen, expected);
}

#[test]
fn d1_no_spelling_of_a_guarded_path_gets_by() {
    check(&[
        ("/admin", 403, ""),
        ("/public/../admin", 403, ""),
        ("/public/%2e%2e/admin", 403, ""),
        ("/public/%2E./admin/x", 403, ""),
        ("/./admin", 403, ""),
        ("/%61dmin", 403, ""),
        ("/public/..;/admin", 400, ""),
        ("/../admin", 400, ""),
        ("/public/./../open", 200, "/open"),
    ]);
}

#[test]
fn d2_slashes_are_merged_for_matching_and_forwarding_alike() {
    check(&[("//admin", 403, ""), ("/x//../admin", 403, ""), ("//a///b/", 200, "/a/b/")]);
}

#[test]
fn d3_d6_encoded_separators_are_refused() {
    check(&[
        ("/a%2fb", 400, ""),
        ("/a%5Cb", 400, ""),
        ("/a%00", 400, ""),
        ("/admin%2Fdashboard", 400, ""),
        ("/a%3bb%23c%3fd%25", 200, "/a%3Bb%23c%3Fd%25"),
    ]);
}

#[test]
fn d4_nothing_is_decoded_twice() {
    check(&[
        ("/%252e%252e/admin", 200, "/%252e%252e/admin"),
        ("/%c0%ae", 200, "/%C0%AE"),
        ("/%u002e", 400, ""),
        ("/%", 400, ""),
        ("/%1", 400, ""),
    ]);
}

#[test]
fn d5_d7_prefixes_are_whole_segments_and_letters_keep_their_case() {
    check(&[
        ("/adminx", 200, "/adminx"),
        ("/admin.", 200, "/admin."),
        ("/ADMIN", 200, "/ADMIN"),
        ("/admin/", 403, ""),
        ("/admin;jsessionid=1", 200, "/admin;jsessionid=1"),
    ]);
}

#[test]
fn d9_the_query_passes_as_it_came() {
    check(&[
        ("/x?role=user&role=admin", 200, "/x?role=user&role=admin"),
        ("/x?a=1;a=2&%2e%2E=/../", 200, "/x?a=1;a=2&%2e%2E=/../"),
        ("/x?", 200, "/x?"),
    ]);
}
