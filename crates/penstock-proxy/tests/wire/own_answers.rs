//! Answers that the gateway makes itself: their form, their fields, their lengths.

use penstock_plan::PathPattern;
use serde_json::{Value, json};

use crate::harness::{Config, Gateway, Message, Origin, forward_step, native_step, prefix};

fn gateway() -> Gateway {
    let exact = PathPattern::Exact("/only".to_owned());
    let config = Config::to(&[Origin::nowhere()]).without_default_route();
    Gateway::start(
        config.route_with("only", exact, vec![forward_step()], |route| route.methods = vec!["PUT".to_owned()]),
    )
}

fn asked(gateway: &Gateway, method: &str, path: &str, fields: &str) -> Message {
    let mut client = gateway.client();
    client.send(format!("{method} {path} HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n"));
    if method == "HEAD" { client.answer_to_head() } else { client.answer() }
}

#[test]
fn a_program_gets_problem_details_and_a_person_gets_text() {
    let gateway = gateway();
    for (accept, is_text) in [
        ("", false),
        ("Accept: */*\r\n", false),
        ("Accept: application/json\r\n", false),
        ("Accept: text/html,application/xhtml+xml\r\n", true),
        ("Accept: text/plain\r\n", true),
        ("Accept: text/html, application/problem+json\r\n", false),
    ] {
        let answer = asked(&gateway, "GET", "/nothing", accept);
        assert_eq!(answer.status(), 404);
        if is_text {
            assert_eq!(answer.field("content-type"), Some("text/plain; charset=utf-8"), "{accept}");
            assert!(answer.text().starts_with("404 Not Found"), "{accept}");
        } else {
            assert_eq!(answer.field("content-type"), Some("application/problem+json"), "{accept}");
            let problem: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!((&problem["status"], &problem["reason"]), (&404.into(), &"no_route".into()));
            assert_eq!(problem["request_id"].as_str().unwrap().len(), 32);
        }
    }
}

#[test]
fn a_refusal_has_one_form_whichever_step_or_moment_it_comes_from() {
    let step = |kind: &str, settings: &Value| vec![native_step(kind, settings), forward_step()];
    let origin = Origin::echoing();
    let config = Config::to(&[origin.address()])
        .route("large", prefix("/large"), step("MaxBodySize", &json!({"limit": 4})))
        .route("dots", prefix("/dots"), step("RewritePath", &json!({"regex": {"match": "^/dots", "replace": "/x/.."}})))
        .route(
            "host",
            prefix("/host"),
            step("Redirect", &json!({"scheme": "https", "status": 308, "keep_query": false})),
        );
    let gateway = Gateway::start(config);
    for (path, body, status, reason) in [
        ("/large", "Content-Length: 5\r\n\r\nhello", 413, "body_too_large"),
        ("/large", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 413, "body_too_large"),
        ("/dots/x", "\r\n", 400, "rewritten_path"),
        ("/host", "\r\n", 421, "redirect_host_unnamed"),
    ] {
        let ask = |accept: &str| {
            let request = format!("POST {path} HTTP/1.1\r\nHost: a.test\r\n{accept}{body}");
            gateway.client().send(request).answer()
        };
        let told = ask("");
        let problem: Value = serde_json::from_slice(&told.body).unwrap();
        assert_eq!((told.status(), told.field("content-type")), (status, Some("application/problem+json")), "{path}");
        assert_eq!((&problem["status"], &problem["reason"]), (&status.into(), &reason.into()), "{path}");
        let shown = ask("Accept: text/html\r\n");
        assert_eq!(
            (shown.status(), shown.field("content-type")),
            (status, Some("text/plain; charset=utf-8")),
            "{path}"
        );
        assert!(shown.text().starts_with(&status.to_string()), "{shown:?}");
    }
}

#[test]
fn the_gateways_own_answers_have_a_date_and_a_length_and_keep_the_connection() {
    let gateway = gateway();
    let mut client = gateway.client();
    for _ in 0..3 {
        let answer = client.get("/nothing").answer();
        assert!(answer.field("date").is_some_and(|date| date.ends_with(" GMT")), "{answer:?}");
        assert_eq!(answer.field("connection"), None);
    }
}

#[test]
fn a_head_gets_the_length_of_the_answer_and_no_body() {
    let gateway = gateway();
    let full = asked(&gateway, "GET", "/nothing", "");
    let mut client = gateway.client();
    for _ in 0..2 {
        let head = client.send("HEAD /nothing HTTP/1.1\r\nHost: a.test\r\n\r\n").answer_to_head();
        assert_eq!((head.status(), head.field("content-length")), (404, full.field("content-length")));
    }
}

#[test]
fn a_method_that_no_route_serves_is_told_which_are() {
    let answer = asked(&gateway(), "GET", "/only", "");
    assert_eq!((answer.status(), answer.field("allow")), (405, Some("PUT")));
}

#[test]
fn a_text_of_the_client_never_reaches_an_error_page() {
    let gateway = gateway();
    for fields in ["", "Accept: text/html\r\n"] {
        let answer = asked(&gateway, "GET", "/%3Cscript%3Ealert(1)%3C/script%3E", fields);
        assert!(!answer.text().contains("script"), "{answer:?}");
    }
}
