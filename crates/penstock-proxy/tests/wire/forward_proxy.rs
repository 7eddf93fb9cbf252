//! Requests that name their destination themselves, and what is let through to where.

use serde_json::{Value, json};

use crate::harness::{Client, Config, Gateway, HANGS, Names, Origin, eventually, forward_step, native_step, prefix};

/// The port of an origin, which is on 127.0.0.1.
fn port(origin: &Origin) -> u16 {
    origin.address().port()
}

/// An origin that says everything back after a word of its own.
fn echo() -> Origin {
    Origin::running(|caller| {
        caller.send("welcome\n");
        while caller.read_until("\n") {
            caller.send("pong\n");
        }
    })
}

fn proxy(settings: &Value) -> Config {
    let mut all = json!({"allow": null, "deny": [], "connect": 2000, "answer": 60000, "idle": 60000});
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let config = Config::to(&[Origin::nowhere()]).without_default_route();
    config.route("proxy", prefix(""), vec![native_step("ForwardProxy", &all)])
}

/// Reaches whatever is on 127.0.0.1, as names of the test say.
fn open_proxy() -> Config {
    proxy(&json!({"allow": ["*:1-65535", "127.0.0.1:1-65535"]}))
}

fn connect(client: &mut Client, authority: &str) -> String {
    client.send(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n")).head_or_end()
}

/// The reason of a refusal.
fn reason(client: &mut Client, request: &str) -> (u16, String) {
    let answer = client.send(request).answer();
    let body: Value = serde_json::from_str(&answer.text()).unwrap_or_default();
    (answer.status(), body["reason"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_tunnel_is_opened_to_where_the_client_says() {
    let (origin, config) = (echo(), open_proxy());
    config.names.add("shop.test", &["127.0.0.1"]);
    let gateway = Gateway::start(config);
    let mut client = gateway.client();
    let authority = format!("Shop.Test:{}", port(&origin));
    let head = connect(&mut client, &authority);
    assert_eq!(head, "HTTP/1.1 200 OK\r\n\r\n", "nothing that would frame a body");
    assert_eq!(client.take(8), b"welcome\n");
    for _ in 0..5 {
        assert_eq!(client.send("ping\n").take(5), b"pong\n");
    }
    assert_eq!((gateway.in_flight(), gateway.metric("penstock_open_tunnels")), (1, 1));
    client.finish();
    assert_eq!(client.rest().0, b"");
    eventually("the tunnel ends", || (gateway.in_flight() == 0 && origin.open() == 0).then_some(()));
    let line = &gateway.log(1)[0];
    assert_eq!(
        (&line["method"], &line["status"], &line["host"]),
        (&json!("CONNECT"), &json!(200), &json!("shop.test"))
    );
    assert_eq!(line["endpoint"], origin.address().to_string());
    assert_eq!(gateway.metric("penstock_request_duration_seconds"), 0, "a tunnel is no request that takes long");
}

#[test]
fn what_comes_with_a_connect_belongs_to_the_tunnel() {
    let origin = echo();
    let gateway = Gateway::start(open_proxy());
    let authority = format!("127.0.0.1:{}", port(&origin));
    let mut client = gateway.client();
    client.send(format!("CONNECT {authority} HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nping\n"));
    assert!(client.head_or_end().starts_with("HTTP/1.1 200 "));
    eventually("the bytes arrive", || origin.captured().ends_with(b"Host: a\r\n\r\nping\n").then_some(()));
    drop(client);
    assert_eq!(gateway.log(1).len(), 1);
}

#[test]
fn a_whole_url_is_asked_for_without_a_word_about_the_client() {
    let (one, two, config) = (Origin::echoing(), Origin::echoing(), open_proxy());
    config.names.add("shop.test", &["127.0.0.1"]);
    let gateway = Gateway::start(config);
    let mut client = gateway.client();
    for origin in [&one, &two] {
        let authority = format!("shop.test:{}", port(origin));
        let fields = "Proxy-Authorization: Basic eA==\r\nProxy-Connection: keep-alive\r\nVia: 1.1 a\r\n";
        let request = format!("POST http://{authority}/a/../b?c=d HTTP/1.1\r\nHost: {authority}\r\n{fields}");
        let answer = client.send(format!("{request}Content-Length: 5\r\n\r\nhello")).answer();
        assert_eq!((answer.status(), answer.text().as_str()), (200, "POST /b?c=d hello"));
        let captured = String::from_utf8(origin.captured()).unwrap().to_ascii_lowercase();
        assert!(captured.starts_with(&format!("post /b?c=d http/1.1\r\nhost: {authority}\r\n")), "{captured}");
        for absent in ["x-forwarded", "x-real-ip", "x-request-id", "proxy-"] {
            assert!(!captured.contains(absent), "{absent} in {captured}");
        }
        assert!(captured.contains("via: 1.1 a\r\n") && captured.contains("via: 1.1 penstock\r\n"), "{captured}");
    }
    eventually("a connection is kept to each", || ((one.open(), two.open()) == (1, 1)).then_some(()));
    assert_eq!(gateway.metric("penstock_upstream_attempts_total"), 2);
}

#[test]
fn d13_this_machine_and_its_neighbourhood_are_out_of_reach_by_whatever_name() {
    let trap = Origin::echoing();
    let config = proxy(&json!({"allow": ["*:1-65535"]}));
    for (name, addresses) in [
        ("local.test", &["127.0.0.1"][..]),
        ("mapped.test", &["::ffff:127.0.0.1", "::1"]),
        ("metadata.test", &["169.254.169.254"]),
        ("private.test", &["10.0.0.1", "fd00::1", "0.0.0.0"]),
    ] {
        config.names.add(name, addresses);
    }
    let names = config.names.clone();
    let gateway = Gateway::start(config);
    let numbers = ["127.0.0.1", "0x7f.1", "127.1", "2130706433", "0177.0.0.1", "169.254.169.254", "0.0.0.0", "0"];
    let literals = ["[::1]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[::]", "[64:ff9b::7f00:1]"];
    let known = ["local.test", "mapped.test", "metadata.test", "private.test", "LOCAL.test."];
    for host in numbers.iter().chain(&literals).chain(&known) {
        let authority = format!("{host}:{}", port(&trap));
        for request in [format!("CONNECT {authority}"), format!("GET http://{authority}/")] {
            let request = format!("{request} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
            let found = reason(&mut gateway.client(), &request);
            assert_eq!(found, (403, "destination_refused".to_owned()), "{request}");
        }
    }
    assert_eq!(trap.captures().len(), 0);
    assert_eq!(names.asked().len(), 4, "each name once, and no number: {:?}", names.asked());
}

#[test]
fn d13_what_was_judged_is_what_is_connected_to() {
    let origin = Origin::echoing();
    let trap = Origin::listening(&format!("127.0.0.2:{}", port(&origin)), |_| {});
    let config = open_proxy();
    config.names.add("turns.test", &["127.0.0.1"]);
    config.names.add("turns.test", &["127.0.0.2"]);
    config.names.add("mixed.test", &["127.0.0.2", "169.254.169.254", "127.0.0.1"]);
    let names = config.names.clone();
    let gateway = Gateway::start(config);
    for name in ["turns.test", "turns.test", "mixed.test"] {
        let authority = format!("{name}:{}", port(&origin));
        let request = format!("GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        assert_eq!(gateway.client().send(request).answer().status(), 200, "{name}");
    }
    assert_eq!(names.asked(), ["turns.test", "mixed.test"]);
    assert_eq!(trap.captures().len(), 0);
}

#[test]
fn rules_decide_by_name_network_and_port() {
    let origin = Origin::echoing();
    let settings = json!({
        "allow": ["*.shop.test:1-65535", "127.0.0.1:1-65535"],
        "deny": ["secret.shop.test", format!("down.shop.test:{}", port(&origin))],
    });
    let config = proxy(&settings);
    for name in ["a.shop.test", "secret.shop.test", "down.shop.test", "other.test"] {
        config.names.add(name, &["127.0.0.1"]);
    }
    let names: Names = config.names.clone();
    let gateway = Gateway::start(config);
    for (host, status) in
        [("a.shop.test", 200), ("secret.shop.test", 403), ("down.shop.test", 403), ("other.test", 200)]
    {
        let authority = format!("{host}:{}", port(&origin));
        let request = format!("GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        assert_eq!(gateway.client().send(request).answer().status(), status, "{host}");
    }
    assert_eq!(names.asked(), ["a.shop.test", "other.test"], "what is denied by name is not looked up");
}

#[test]
fn another_address_is_tried_and_what_cannot_be_reached_is_told() {
    let (origin, config) = (Origin::echoing(), proxy(&json!({"allow": ["127.0.0.0/8:1-65535"], "connect": 500})));
    config.names.add("two.test", &["127.0.0.3", "127.0.0.1"]);
    config.names.add("none.test", &[]);
    let gateway = Gateway::start(config);
    let nowhere = Origin::nowhere().port();
    for (host, port, expected) in [
        ("two.test", port(&origin), (200, "")),
        ("two.test", nowhere, (502, "connect_failed")),
        ("none.test", nowhere, (502, "name_not_found")),
        ("unknown.test", nowhere, (502, "name_not_found")),
        (HANGS, nowhere, (504, "connect_timed_out")),
    ] {
        let authority = format!("{host}:{port}");
        let request = format!("GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        let (status, reason) = reason(&mut gateway.client(), &request);
        assert_eq!((status, reason.as_str()), expected, "{authority}");
    }
}

#[test]
fn a_request_that_was_not_sent_as_to_a_proxy_is_told_so() {
    let gateway = Gateway::start(open_proxy());
    for (target, expected) in [("/", "not_proxied"), ("https://a.test/", "not_clear_text")] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n");
        assert_eq!(reason(&mut gateway.client(), &request), (400, expected.to_owned()));
    }
}

#[test]
fn a30_connect_is_served_by_the_step_for_it_alone_and_what_follows_a_refusal_is_no_request() {
    let origin = Origin::echoing();
    let own = vec![native_step("Respond", &json!({"status": 200}))];
    let other = proxy(&json!({})).route_with("own", prefix(""), own, |route| route.priority = 1);
    let elsewhere = Config::to(&[origin.address()]).route_with(
        "proxy",
        prefix(""),
        vec![native_step("ForwardProxy", &json!({}))],
        |route| {
            route.methods = vec!["PUT".to_owned()];
        },
    );
    let without = Config::to(&[origin.address()]).route("also", prefix("/x"), vec![forward_step()]);
    for (config, expected) in [(other, "no_tunnel"), (elsewhere, "no_tunnel"), (without, "method")] {
        let gateway = Gateway::start(config);
        let mut client = gateway.client();
        let smuggled = "GET /admin HTTP/1.1\r\nHost: a.test\r\n\r\n";
        let request = format!("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n{smuggled}");
        assert_eq!(reason(&mut client, &request), (501, expected.to_owned()));
        assert_eq!(client.rest().0, b"", "{expected}");
        assert_eq!(gateway.log(1).len(), 1);
    }
    assert!(origin.captured().is_empty());
}

#[test]
fn a_connect_with_a_body_or_for_no_host_and_port_is_malformed() {
    let gateway = Gateway::start(open_proxy());
    for (target, fields, expected) in [
        ("a.test:1", "Host: a.test:1\r\nContent-Length: 5\r\n", "content_length"),
        ("a.test:1", "Host: a.test:1\r\nTransfer-Encoding: chunked\r\n", "transfer_encoding"),
        ("a.test:1", "Host: b.test:1\r\n", "host"),
        ("a.test:1", "", "host"),
        ("a.test", "Host: a.test\r\n", "target"),
        ("/", "Host: a.test\r\n", "target"),
        ("http://a.test/", "Host: a.test\r\n", "target"),
    ] {
        let request = format!("CONNECT {target} HTTP/1.1\r\n{fields}\r\n");
        assert_eq!(reason(&mut gateway.client(), &request), (400, expected.to_owned()), "{request}");
    }
}

#[test]
fn a_tunnel_in_which_nothing_moves_ends() {
    let origin = echo();
    let gateway = Gateway::start(proxy(&json!({"allow": ["127.0.0.1:1-65535"], "idle": 300})));
    let mut client = gateway.client();
    assert!(connect(&mut client, &origin.address().to_string()).starts_with("HTTP/1.1 200 "));
    assert_eq!(client.rest().0, b"welcome\n");
    eventually("the tunnel ends", || (origin.open() == 0).then_some(()));
}

#[test]
fn a_request_for_another_protocol_is_switched_by_the_destination() {
    let origin =
        Origin::answering_once("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello");
    let gateway = Gateway::start(open_proxy());
    let authority = origin.address();
    let mut client = gateway.client();
    let fields = "Connection: upgrade\r\nUpgrade: chat\r\n";
    client.send(format!("GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n{fields}\r\n"));
    assert!(client.head_or_end().starts_with("HTTP/1.1 101 "));
    assert_eq!(client.take(5), b"hello");
}
