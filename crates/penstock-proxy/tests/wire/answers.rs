//! Answers of origins: what passes, what is refused, and what becomes of the connection.

use crate::harness::{Config, End, Gateway, Kind, Message, Origin, Parsed, eventually, parse, text};

/// The answer that a client gets for what the origin sends, and the origin.
fn answered(bytes: impl Into<Vec<u8>>) -> Message {
    let origin = Origin::answering_once(bytes);
    Gateway::before(&origin).client().get("/").answer()
}

/// Answers one request and keeps its connection until the gateway closes it.
fn staying(bytes: impl Into<Vec<u8>>) -> Origin {
    let bytes = bytes.into();
    Origin::running(move |caller| {
        if caller.request().is_some() {
            caller.send(&bytes);
            while !caller.is_closed() {
                caller.pause(5);
            }
        }
    })
}

#[test]
fn a24_a_switch_of_protocols_that_nobody_asked_for_is_an_error() {
    let origin = staying("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    let answer = client.get("/").answer();
    assert_eq!(answer.status(), 502, "{answer:?}");
    eventually("the origin's connection is closed", || (origin.open() == 0).then_some(()));
}

#[test]
fn a26_a_storm_of_interim_answers_ends() {
    let answer =
        |count: usize| "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(count) + "HTTP/1.1 204 X\r\n\r\n";
    for (count, interim, last) in [(16, 16, 204), (1_000, 16, 502)] {
        let origin = Origin::answering_once(answer(count));
        let gateway = Gateway::before(&origin);
        let mut client = gateway.client();
        client.get("/");
        for _ in 0..interim {
            let early = client.answer();
            assert_eq!((early.status(), early.field("link")), (103, Some("</a>")));
        }
        assert_eq!(client.answer().status(), last, "{count}");
        eventually("the origin's connection is closed", || (origin.open() == 0).then_some(()));
    }
}

#[test]
fn a35_answers_with_broken_framing_are_refused_whole() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad Name: a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\nA: b\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "garbage\r\n\r\n",
    ] {
        let origin = staying(bytes);
        let gateway = Gateway::before(&origin);
        let mut client = gateway.client();
        let answer = client.get("/").answer();
        assert_eq!(answer.status(), 502, "{}", text(bytes.as_bytes()));
        assert!(!answer.text().contains("hello"));
        eventually("the origin's connection is closed", || (origin.open() == 0).then_some(()));
    }
    assert_eq!(answered("\x16\x03\x01").status(), 502);
}

#[test]
fn a35_a_first_chunk_that_is_none_brings_the_client_nothing() {
    for chunk in ["0x5", "+5", "5;", "5;\"", "5 ", ""] {
        let origin =
            staying(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}\r\nhello\r\n0\r\n\r\n"));
        let gateway = Gateway::before(&origin);
        let (received, _) = gateway.client().get("/").rest();
        assert!(!text(&received).contains("hello"), "{chunk:?}: {}", text(&received));
        let is_refused =
            matches!(parse(&received, Kind::Answer), Ok(Parsed::Whole(answer, _)) if answer.status() == 502);
        assert!(is_refused || parse(&received, Kind::Answer) == Ok(Parsed::Part), "{chunk:?}: {}", text(&received));
        eventually("the origin's connection is closed", || (origin.open() == 0).then_some(()));
    }
}

#[test]
fn a35_a_head_over_its_limits_is_refused_and_told_apart_from_a_malformed_one() {
    for (fields, reason) in [
        (format!("A: {}\r\n", "b".repeat(128 << 10)), "upstream_head_too_large"),
        ("A: b\r\n".repeat(257), "upstream_head_too_large"),
        ("A b\r\n".to_owned(), "upstream_malformed"),
    ] {
        let origin = Origin::answering_once(format!("HTTP/1.1 200 OK\r\n{fields}\r\n"));
        let gateway = Gateway::before(&origin);
        assert_eq!(gateway.client().get("/").answer().status(), 502, "{reason}");
        assert_eq!(gateway.log(1)[0]["reason"], reason);
        assert_eq!(gateway.metric_of("penstock_failures_total", &[reason]), 1);
    }
}

#[test]
fn a35_a_chunk_that_breaks_while_it_streams_leaves_the_answer_unfinished() {
    let origin = Origin::running(|caller| {
        if caller.request().is_some() {
            caller.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            caller.pause(50).send("0x5\r\nworld\r\n0\r\n\r\n");
            caller.read();
        }
    });
    let gateway = Gateway::before(&origin);
    let (received, _) = gateway.client().get("/").rest();
    assert!(received.ends_with(b"5\r\nhello\r\n"), "{}", text(&received));
    assert_eq!(parse(&received, Kind::Answer), Ok(Parsed::Part));
    eventually("the origin's connection is closed", || (origin.open() == 0).then_some(()));
}

#[test]
fn a36_more_than_was_promised_never_answers_the_next_request() {
    for extra in ["HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", "poison"] {
        for pause in [0, 40] {
            let origin = Origin::running(move |caller| {
                while let Some(request) = caller.request() {
                    let body = request.target().to_owned();
                    caller.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
                    caller.pause(pause).send(extra);
                }
            });
            let gateway = Gateway::before(&origin);
            let mut client = gateway.client();
            for path in ["/a", "/b", "/c"] {
                assert_eq!(client.get(path).answer().text(), path);
                client.pause(80);
            }
            assert_eq!(origin.captures().len(), 3, "a connection with unasked bytes was used again");
        }
    }
}

#[test]
fn a37_answers_without_a_body_have_none_whatever_the_origin_sends() {
    for (method, answer) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison"),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ] {
        let origin = Origin::answering(answer);
        let gateway = Gateway::before(&origin);
        let mut client = gateway.client();
        for _ in 0..2 {
            client.send(format!("{method} / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
            let kind = client.answer_to_head();
            assert!(matches!(kind.status(), 200 | 204 | 304), "{kind:?}");
            // RFC 9112, section 6.1: a 204 has no such field, and a client of it may be waiting for chunks.
            assert!(kind.status() != 204 || kind.field("transfer-encoding").is_none(), "{kind:?}");
            client.pause(40);
        }
        assert_eq!(origin.captures().len(), 2, "{method} {answer:?}: the connection was used again");
    }
}

#[test]
fn answers_to_head_and_304_keep_the_length_of_the_body_they_stand_for() {
    for (method, answer) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 600\r\n\r\n"),
    ] {
        let origin = Origin::answering(answer);
        let gateway = Gateway::before(&origin);
        let mut client = gateway.client();
        for _ in 0..2 {
            client.send(format!("{method} / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
            assert_eq!(client.answer_to_head().field("content-length"), Some("600"));
        }
        assert_eq!(origin.captures().len(), 1, "{method}: the connection is kept");
    }
}

#[test]
fn a204_has_no_length_and_an_empty_200_has_one() {
    let none = answered("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!((none.field("content-length"), none.field("transfer-encoding")), (None, None));
    assert_eq!(answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").field("content-length"), Some("0"));
}

#[test]
fn chunks_and_their_trailers_pass_to_a_client_that_takes_trailers() {
    let bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                 5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-Sum: 11\r\nSet-Cookie: a=b\r\nContent-Length: 3\r\n\r\n";
    let origin = Origin::answering(bytes);
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    let with = client.send("GET / HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nConnection: TE\r\n\r\n").answer();
    assert_eq!(
        (with.text().as_str(), &with.trailers[..]),
        ("hello world", &[("X-Sum".to_owned(), "11".to_owned())][..])
    );
    let without = client.get("/").answer();
    assert_eq!((without.text().as_str(), without.trailers.len()), ("hello world", 0));
    assert_eq!(origin.captures().len(), 1, "the connection is kept");
}

#[test]
fn an_answer_without_length_is_chunked_for_1_1_and_ends_with_the_connection_for_1_0() {
    let origin = Origin::answering_once("HTTP/1.1 200 OK\r\n\r\nhello");
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    let answer = client.get("/").answer();
    assert_eq!((answer.text().as_str(), answer.field("transfer-encoding")), ("hello", Some("chunked")));
    assert_eq!(client.get("/").answer().text(), "hello", "the client's connection is kept");
    let (received, end) = gateway.client().send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n").rest();
    assert!(received.ends_with(b"\r\n\r\nhello"), "{}", text(&received));
    assert_eq!(end, End::Closed);
}

#[test]
fn chunks_for_a_client_of_1_0_become_plain_bytes() {
    let bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let origin = Origin::answering(bytes);
    let gateway = Gateway::start(Config::to(&[origin.address()]));
    let (received, end) = gateway.client().send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").rest();
    assert!(received.ends_with(b"\r\n\r\nhello world"), "{}", text(&received));
    assert!(!received.windows(8).any(|window| window == b"chunked\r"), "{}", text(&received));
    assert_eq!(end, End::Closed);
}

#[test]
fn a_connection_that_the_origin_will_close_is_not_kept() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    ] {
        let origin = Origin::answering(answer);
        let gateway = Gateway::before(&origin);
        let mut client = gateway.client();
        assert_eq!((client.get("/").answer().status(), client.get("/").answer().status()), (200, 200));
        assert_eq!(origin.captures().len(), 2, "{answer:?}");
    }
}

#[test]
fn fields_of_one_hop_stay_behind_and_others_pass_in_order() {
    let answer = answered(
        "HTTP/1.1 200 Fine\r\nB: 2\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nOdd-Hop: 1\r\nKeep-Alive: 5\r\nA: 1\r\nB: 3\r\n\
         Content-Length: 0\r\n\r\n",
    );
    let names: Vec<&str> = answer.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert!(!names.contains(&"Keep-Alive"), "{names:?}");
    assert_eq!((answer.all("b"), answer.field("a")), (vec!["2", "3"], Some("1")));
    assert_eq!(answer.field("connection"), None);
}
