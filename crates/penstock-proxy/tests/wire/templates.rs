//! Values of the client in headers and redirects that the gateway writes (A38, D11, D12).

use serde_json::json;

use crate::harness::{
    Client, Config, Gateway, Kind, Message, Origin, Parsed, forward_step, native_step, parse, prefix, text,
};

/// The only answer to a target, and nothing behind it.
fn only_answer(mut client: Client, target: &str) -> Message {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n"));
    let received = client.rest().0;
    match parse(&received, Kind::Answer) {
        Ok(Parsed::Whole(answer, used)) if used == received.len() => answer,
        _ => panic!("{target}: {}", text(&received)),
    }
}

const SPLITS: [&str; 4] = [
    "%0d%0aSet-Cookie:%20a=b",
    "%0D%0A%0D%0A<html>",
    "%0aSet-Cookie:%20a=b",
    "x%0d%0aContent-Length:%200%0d%0a%0d%0aHTTP/1.1%20200%20OK",
];

#[test]
fn a38_a_line_end_in_a_value_never_makes_a_header() {
    let origin = Origin::echoing();
    let headers = native_step(
        "SetHeaders",
        &json!({
            "request": {"set": {"x-in": "{{ request.query.x }}"}, "add": {}, "remove": []},
            "response": {"set": {"x-out": "{{ request.query.x }}"}, "add": {}, "remove": []},
        }),
    );
    let config = Config::to(&[origin.address()]).route("all", prefix(""), vec![headers, forward_step()]);
    let gateway = Gateway::start(config);
    for split in SPLITS {
        let answer = only_answer(gateway.client(), &format!("/?x={split}"));
        assert_eq!((answer.status(), answer.field("set-cookie")), (200, None), "{split}");
        assert!(answer.field("x-out").is_some_and(|value| !value.contains(['\r', '\n'])), "{answer:?}");
    }
    let captured = String::from_utf8_lossy(&origin.captured()).into_owned();
    assert!(!captured.contains("\r\nSet-Cookie:") && !captured.contains("\nSet-Cookie:"), "{captured}");
}

#[test]
fn a38_d12_a_redirect_stays_on_its_host_whatever_the_value() {
    let redirect = |to: &str| vec![native_step("Redirect", &json!({"to": to, "status": 302, "keep_query": false}))];
    let config = Config::to(&[Origin::nowhere()])
        .route("whole", prefix("/whole"), redirect("https://shop.test/{{ request.query.x }}"))
        .route("path", prefix("/path"), redirect("/{{ request.query.x }}"));
    let gateway = Gateway::start(config);
    for value in SPLITS.iter().chain(&["//evil.test/", "/evil.test", "%2f%2fevil.test", "%5cevil.test", "@evil.test"]) {
        let whole = only_answer(gateway.client(), &format!("/whole?x={value}"));
        assert_eq!((whole.status(), whole.field("set-cookie")), (302, None), "{value}");
        assert!(whole.field("location").unwrap().starts_with("https://shop.test/"), "{whole:?}");
        let path = only_answer(gateway.client(), &format!("/path?x={value}"));
        let location = path.field("location").unwrap();
        assert!(location.starts_with('/') && !location[1..].starts_with(['/', '\\']), "{value}: {location}");
    }
}

#[test]
fn d11_no_redirect_is_built_from_a_host_that_no_route_names() {
    let step = native_step("Redirect", &json!({"scheme": "https", "status": 308, "keep_query": false}));
    let gateway = Gateway::start(Config::to(&[Origin::nowhere()]).route("all", prefix(""), vec![step]));
    let answer = only_answer(gateway.client(), "/x");
    assert_eq!((answer.status(), answer.field("location")), (421, None));
}
