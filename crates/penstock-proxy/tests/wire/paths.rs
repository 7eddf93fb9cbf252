//! D1 to D9 end to end: the path that is matched is the path that is forwarded.

use penstock_plan::EncodedSlash;
use serde_json::{Value, json};

use crate::harness::{
    Config, Gateway, Message, Origin, foreign_step, forward_step, native_step, prefix, strict_requests,
};

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
fn d5_a_prefix_that_is_taken_away_leads_to_nothing_that_is_guarded() {
    let origin = Origin::echoing();
    let rewrite = |settings: &Value| vec![native_step("RewritePath", settings), forward_step()];
    let guard = vec![foreign_step("Respond", &json!({"status": 403}))];
    let config = Config::to(&[origin.address()])
        .route("admin", prefix("/admin"), guard)
        .route("api", prefix("/api"), rewrite(&json!({"prefix": {"from": "/api", "to": "/"}})))
        .route("dots", prefix("/dots"), rewrite(&json!({"regex": {"match": "^/dots/", "replace": "/x/../"}})));
    let gateway = Gateway::start(config);
    let mut seen = Vec::new();
    for (target, status, forwarded) in [
        ("/api/x", 200, "/x"),
        ("/api../admin", 200, "/api../admin"),
        ("/apiadmin", 200, "/apiadmin"),
        ("/api/%2e%2e/admin", 403, ""),
        ("/api/../admin", 403, ""),
        ("/api//..//admin", 403, ""),
        ("/api/..%2fadmin", 400, ""),
        ("/api/%252e%252e/admin", 200, "/%252e%252e/admin"),
        ("/dots/admin", 400, ""),
    ] {
        assert_eq!(gateway.client().get(target).answer().status(), status, "{target}");
        seen.extend((status == 200).then_some(forwarded));
    }
    let requests = strict_requests(&origin.captured()).unwrap();
    assert_eq!(requests.iter().map(Message::target).collect::<Vec<_>>(), seen);
}

#[test]
fn d3_an_encoded_slash_that_is_kept_is_matched_and_forwarded_as_one_text() {
    let origin = Origin::echoing();
    let guard = vec![foreign_step("Respond", &json!({"status": 403}))];
    let config = Config::to(&[origin.address()]).route("admin", prefix("/admin"), guard);
    let gateway = Gateway::start(config.listener(|listener| listener.encoded_slash = EncodedSlash::Keep));
    for (target, status) in [("/admin%2Fx", 200), ("/admin/%2f", 403), ("/a%00", 400), ("/x/..%2Fadmin", 400)] {
        assert_eq!(gateway.client().get(target).answer().status(), status, "{target}");
    }
    let seen = String::from_utf8(origin.captured()).unwrap();
    assert!(seen.contains("GET /admin%2Fx HTTP"), "{seen}");
}

#[test]
fn d9_the_query_passes_as_it_came() {
    check(&[
        ("/x?role=user&role=admin", 200, "/x?role=user&role=admin"),
        ("/x?a=1;a=2&%2e%2E=/../", 200, "/x?a=1;a=2&%2e%2E=/../"),
        ("/x?", 200, "/x?"),
    ]);
}
