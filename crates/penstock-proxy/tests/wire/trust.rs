//! What is believed of a client: addresses, forwarding fields, the gateway's own fields.

use serde_json::json;

use crate::harness::{Config, Gateway, Message, Origin, forward_step, native_step, prefix, strict_requests};

/// What the origin gets of a request with these fields, from a trusted peer or a stranger.
fn forwarded(fields: &str, is_trusted: bool) -> (Message, Gateway) {
    let origin = Origin::echoing();
    let networks = if is_trusted { vec!["127.0.0.0/8".to_owned(), "10.0.0.0/8".to_owned()] } else { Vec::new() };
    let config = Config::to(&[origin.address()]).listener(|listener| listener.trusted_proxies = networks);
    let gateway = Gateway::start(config);
    let answer = gateway.client().send(format!("GET / HTTP/1.1\r\nHost: A.Test:80\r\n{fields}\r\n")).answer();
    assert_eq!(answer.status(), 200, "{fields}");
    (strict_requests(&origin.captured()).unwrap().remove(0), gateway)
}

#[test]
fn e1_a_strangers_forwarded_for_is_replaced_by_its_address() {
    let (message, gateway) = forwarded("X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8\r\n", false);
    assert_eq!(message.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(gateway.log(1)[0]["client"], "127.0.0.1");
}

#[test]
fn e1_of_a_trusted_chain_the_rightmost_stranger_is_the_client() {
    let (message, gateway) = forwarded("X-Forwarded-For: 9.9.9.9, 1.2.3.4\r\nX-Forwarded-For: 10.0.0.7\r\n", true);
    assert_eq!(message.all("x-forwarded-for"), ["9.9.9.9, 1.2.3.4, 10.0.0.7, 127.0.0.1"]);
    assert_eq!(message.all("x-real-ip"), ["1.2.3.4"]);
    assert_eq!(gateway.log(1)[0]["client"], "1.2.3.4");
}

#[test]
fn e1_a_chain_that_is_no_list_of_addresses_is_believed_up_to_there() {
    let (_, gateway) = forwarded("X-Forwarded-For: evil, 10.0.0.7\r\n", true);
    assert_eq!(gateway.log(1)[0]["client"], "10.0.0.7");
}

#[test]
fn e2_d8_a_stranger_speaks_for_nobody_else() {
    let names = [
        "Forwarded",
        "X-Real-IP",
        "X-Forwarded-Proto",
        "x-forwarded-host",
        "X-FORWARDED-PORT",
        "X-Forwarded-Prefix",
        "X-Forwarded-Uri",
        "X-Forwarded-Client-Cert",
        "X-SSL-Client-Verify",
        "True-Client-IP",
        "X-Forwarded-Odd",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-HTTP-Method-Override",
        "X-Request-Id",
    ];
    let fields = names.map(|name| format!("{name}: evil\r\n{name}: evil\r\n")).concat();
    let (message, _) = forwarded(&fields, false);
    for name in names {
        assert!(!message.all(name).contains(&"evil"), "{name}: {message:?}");
    }
    let set =
        ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip", "x-request-id"];
    for name in set {
        assert_eq!(message.all(name).len(), 1, "{name}");
    }
    assert_eq!(message.field("x-forwarded-proto"), Some("http"));
}

#[test]
fn e2_what_a_trusted_peer_says_of_its_client_is_kept() {
    let fields =
        "X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\nX-Forwarded-Port: 443\r\nX-Request-Id: theirs\r\n";
    let (message, gateway) = forwarded(fields, true);
    for (name, value) in [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.test"),
        ("x-forwarded-port", "443"),
        ("x-request-id", "theirs"),
        ("x-forwarded-for", "127.0.0.1"),
    ] {
        assert_eq!(message.all(name), [value], "{name}");
    }
    assert_eq!(gateway.log(1)[0]["id"], "theirs");
}

#[test]
fn the_id_travels_under_the_name_that_it_is_given_and_is_a_strangers_choice_nowhere() {
    let origin = Origin::echoing();
    let settings = json!({"header": "x-correlation-id", "keep": true, "answer": true});
    let steps = vec![native_step("RequestId", &settings), forward_step()];
    let gateway = Gateway::start(Config::to(&[origin.address()]).route("all", prefix(""), steps));
    let fields = "X-Correlation-Id: theirs\r\nX-Request-Id: theirs\r\n";
    let answer = gateway.client().send(format!("GET / HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n")).answer();
    let id = gateway.log(1)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 32);
    let message = strict_requests(&origin.captured()).unwrap().remove(0);
    assert_eq!((message.all("x-correlation-id"), message.all("x-request-id")), (vec![id.as_str()], vec![]));
    assert_eq!(answer.all("x-correlation-id"), [id]);
}

#[test]
fn e3_the_gateways_own_fields_are_taken_from_nobody() {
    for is_trusted in [false, true] {
        let (message, _) = forwarded("X-Penstock-Route: evil\r\nx-penstock-anything: evil\r\n", is_trusted);
        assert!(!message.fields.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("x-penstock-")));
    }
}

#[test]
fn the_clients_host_reaches_the_origin_as_it_came() {
    assert_eq!(forwarded("", false).0.all("host"), ["A.Test:80"]);
}
