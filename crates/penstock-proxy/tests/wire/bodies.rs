//! Request bodies that nobody reads, that are buffered, or that are too large.

use penstock_plan::{PathPattern, Step};
use serde_json::json;

use crate::harness::{
    Config, End, FILLER, Gateway, Origin, eventually, foreign_step, forward_step, native_step, prefix, strict_requests,
};

fn answering_itself(status: u16) -> Config {
    let step = foreign_step("Respond", &json!({"status": status, "body": "mine"}));
    Config::to(&[Origin::nowhere()]).route("own", prefix("/own"), vec![step])
}

#[test]
fn a21_a_body_that_nobody_read_is_never_a_request() {
    let gateway = Gateway::start(answering_itself(401));
    let smuggled = "GET /own/smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let whole = format!("POST /own HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n{smuggled}", smuggled.len());
    let mut client = gateway.client();
    client.send(&whole);
    assert_eq!(client.answer().status(), 401);
    // The whole body was there: it is skipped and the connection goes on.
    assert_eq!(client.get("/own/next").answer().status(), 401);
    client.send(format!("POST /own HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5000\r\n\r\n{smuggled}"));
    let answer = client.answer();
    assert_eq!((answer.status(), answer.field("connection")), (401, Some("close")));
    client.send(smuggled).finish();
    assert!(client.rest().0.is_empty());
    let lines = gateway.log(3);
    assert!(lines.iter().all(|line| line["path"] != "/own/smuggled"), "{lines:?}");
    assert_eq!(lines.len(), 3);
}

/// A gateway that answers everything itself: by a filter, a redirect, 405 and 404.
fn never_forwarding() -> Gateway {
    let redirect = native_step("Redirect", &json!({"to": "/elsewhere", "status": 302, "keep_query": false}));
    let exact = PathPattern::Exact("/only".to_owned());
    let config = answering_itself(401)
        .without_default_route()
        .route("moved", prefix("/moved"), vec![redirect])
        .route_with("only", exact, vec![forward_step()], |route| route.methods = vec!["PUT".to_owned()]);
    Gateway::start(config)
}

#[test]
fn a21_whatever_answers_early_no_part_of_the_body_becomes_a_request() {
    let gateway = never_forwarding();
    let smuggled = "GET /nothing/smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let length = smuggled.len();
    let mut expected = 0;
    for (target, status) in [("/own", 401), ("/moved", 302), ("/only", 405), ("/nothing", 404)] {
        for (head, body) in [
            (format!("Content-Length: {length}"), smuggled.to_owned()),
            (format!("Content-Length: {}", length + 1), smuggled.to_owned()),
            ("Transfer-Encoding: chunked".to_owned(), format!("0\r\n{smuggled}")),
            ("Transfer-Encoding: chunked".to_owned(), format!("5;\"\r\nhello\r\n0\r\n\r\n{smuggled}")),
            ("Content-Length: 100000000".to_owned(), smuggled.repeat(50)),
            ("Transfer-Encoding: chunked".to_owned(), format!("{length:x}\r\n{smuggled}\r\n0\r\n\r\n")),
            ("Transfer-Encoding: chunked".to_owned(), format!("{:x}\r\n{smuggled}", length + 1)),
        ] {
            let mut client = gateway.client();
            client.send(format!("POST {target} HTTP/1.1\r\nHost: a.test\r\n{head}\r\n\r\n{body}"));
            let answer = client.answer();
            assert_eq!(answer.status(), status, "{target} {head}");
            expected += 1;
            if answer.field("connection") == Some("close") {
                client.send(smuggled).finish();
                assert!(client.rest().0.is_empty(), "{target} {head}");
            } else {
                assert_eq!(client.get("/own/next").answer().text(), "mine", "{target} {head}");
                expected += 1;
            }
        }
    }
    let lines = gateway.log(expected);
    assert!(lines.iter().all(|line| line["path"] != "/nothing/smuggled"), "{lines:?}");
    assert_eq!(lines.len(), expected);
}

#[test]
fn a21_the_answer_survives_a_client_that_goes_on_sending() {
    let gateway = Gateway::start(answering_itself(413));
    let mut client = gateway.client();
    client.send("POST /own HTTP/1.1\r\nHost: a.test\r\nContent-Length: 60000\r\n\r\n").pause(50);
    client.send(vec![b'x'; 30_000]).pause(50).send(vec![b'x'; 30_000]);
    assert_eq!(client.answer().text(), "mine");
    assert_eq!(client.rest(), (Vec::new(), End::Closed));
}

#[test]
fn a21_a_client_that_never_stops_is_cut_off() {
    let gateway = Gateway::start(answering_itself(413));
    let mut client = gateway.client();
    client.send("POST /own HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000000\r\n\r\n");
    let sent = (0..1_000).take_while(|_| client.try_send(&FILLER).is_ok()).count();
    assert!(sent < 1_000, "64 MB were taken");
}

#[test]
fn a_buffered_body_is_forwarded_with_its_length_however_it_came() {
    let origin = Origin::echoing();
    let steps = vec![foreign_step("Buffer", &json!({})), forward_step()];
    let gateway = Gateway::start(Config::to(&[origin.address()]).route("all", prefix(""), steps));
    let mut client = gateway.client();
    let requests = [
        "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello",
    ];
    for request in requests {
        assert_eq!(client.send(request).answer().text(), "POST / hello");
    }
    let forwarded = strict_requests(&origin.captured()).unwrap();
    assert_eq!(forwarded.len(), 2);
    assert!(forwarded.iter().all(|request| request.field("content-length") == Some("5")), "{forwarded:?}");
}

#[test]
fn a_body_too_large_to_buffer_is_refused() {
    let origin = Origin::echoing();
    let steps = vec![foreign_step("Buffer", &json!({})), forward_step()];
    let config = Config::to(&[origin.address()]).route("all", prefix(""), steps);
    let gateway = Gateway::start(config.limits(|limits| limits.buffered_body_bytes = 1000));
    for request in [
        "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1001\r\n\r\n".to_owned(),
        format!("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{}\r\n", "x".repeat(1001)),
    ] {
        assert_eq!(gateway.client().send(request).answer().status(), 413);
    }
    assert!(origin.captured().is_empty());
}

#[test]
fn g5_a_declared_length_over_the_limit_is_refused_at_once() {
    let origin = Origin::echoing();
    let config = Config::to(&[origin.address()]).limits(|limits| limits.body_bytes = Some(1000));
    let gateway = Gateway::start(config);
    let mut client = gateway.client();
    let answer = client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1001\r\n\r\n").answer();
    assert_eq!((answer.status(), answer.field("connection")), (413, Some("close")));
    assert!(origin.captured().is_empty());
    let fitting = format!("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\n{}", "x".repeat(1000));
    assert_eq!(gateway.client().send(fitting).answer().status(), 200);
}

#[test]
fn g5_a_body_that_grows_over_the_limit_is_cut_off_there() {
    let origin = Origin::echoing();
    let steps = vec![foreign_step("LimitBody", &json!({"bytes": 1000})), forward_step()];
    let gateway = Gateway::start(Config::to(&[origin.address()]).route("all", prefix(""), steps));
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("1f4\r\n").send(vec![b'x'; 500]).send("\r\n").pause(50);
    client.send("1f5\r\n").send(vec![b'x'; 501]).send("\r\n0\r\n\r\n");
    assert_eq!(client.answer().status(), 413);
    assert!(strict_requests(&origin.captured()).is_err(), "the origin must not see a whole request");
    eventually("the connection to the origin is closed", || (origin.open() == 0).then_some(()));
    gateway.assert_canary();
}

#[test]
fn a15_a_body_that_breaks_while_it_streams_ends_both_sides() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    eventually("the first chunk is there", || origin.captured().ends_with(b"hello\r\n").then_some(()));
    client.send("0x5\r\nhello\r\n0\r\n\r\n");
    assert_eq!(client.answer().status(), 400);
    assert!(client.rest().0.is_empty());
    eventually("the connection to the origin is closed", || (origin.open() == 0).then_some(()));
    assert!(strict_requests(&origin.captured()).is_err(), "the origin must not see a whole request");
    gateway.assert_canary();
}

#[test]
fn a16_extensions_that_grow_over_their_limit_while_they_stream_end_both_sides() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("1;{}\r\nx\r\n", "a".repeat(1_000));
    for count in 1..=16 {
        client.send(&chunk);
        eventually("it is forwarded", || captured_body(&origin, count));
    }
    client.send(&chunk);
    assert_eq!(client.answer().status(), 400);
    assert!(client.rest().0.is_empty());
    eventually("the connection to the origin is closed", || (origin.open() == 0).then_some(()));
    assert!(strict_requests(&origin.captured()).is_err(), "the origin must not see a whole request");
}

/// Whether so many chunks of one byte have reached the origin.
fn captured_body(origin: &Origin, count: usize) -> Option<()> {
    let captured = origin.captured();
    (captured.windows(6).filter(|window| window == b"1\r\nx\r\n").count() == count).then_some(())
}

#[test]
fn a19_trailers_are_bounded_in_number_and_in_bytes() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    for trailers in ["A: b\r\n".repeat(101), format!("A: {}\r\n", "b".repeat(64 << 10))] {
        let mut client = gateway.client();
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
        let answer = client.send(format!("1\r\nx\r\n0\r\n{trailers}\r\n")).answer();
        assert!(matches!(answer.status(), 400 | 431), "{answer:?}");
        assert!(client.rest().0.is_empty());
    }
    eventually("the origin's connections are closed", || (origin.open() == 0).then_some(()));
    for capture in origin.captures() {
        assert!(capture.is_empty() || strict_requests(&capture).is_err(), "the origin must not see a whole request");
    }
    gateway.assert_canary();
}

/// A gateway that forwards each request twice, perhaps with its body buffered before.
fn forwarding_twice(origin: &Origin, before: Option<Step>) -> Gateway {
    let mut second = forward_step();
    "again".clone_into(&mut second.name);
    let steps = before.into_iter().chain([forward_step(), second]).collect();
    Gateway::start(Config::to(&[origin.address()]).route("all", prefix(""), steps))
}

const BODIES: [&str; 2] = [
    "POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\na",
];

#[test]
fn a_second_forward_sends_a_whole_request_too() {
    let origin = Origin::echoing();
    let gateway = forwarding_twice(&origin, None);
    let mut client = gateway.client();
    assert_eq!(client.get("/x").answer().text(), "GET /x ");
    let empty = "POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(client.send(empty).answer().text(), "POST /x ");
    let gateway = forwarding_twice(&origin, Some(foreign_step("Buffer", &json!({}))));
    let mut client = gateway.client();
    for body in BODIES {
        assert_eq!(client.send(body).answer().text(), "POST /x a");
    }
    for capture in origin.captures() {
        strict_requests(&capture).unwrap();
    }
}

#[test]
fn a_second_forward_of_a_body_that_has_left_says_so_and_sends_nothing() {
    let origin = Origin::echoing();
    let gateway = forwarding_twice(&origin, None);
    let mut client = gateway.client();
    for body in BODIES {
        let answer = client.send(body).answer();
        assert_eq!(answer.status(), 500);
        assert!(answer.text().contains("body_consumed"), "{answer:?}");
    }
    let sent: usize = origin.captures().iter().map(|capture| strict_requests(capture).unwrap().len()).sum();
    assert_eq!(sent, BODIES.len(), "each was sent once");
    assert_eq!(gateway.log(2)[1]["reason"], "body_consumed");
    assert_eq!(client.get("/next").answer().status(), 200);
}
