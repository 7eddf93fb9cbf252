//! Origins that fail: what is tried again, what the client is told, what never looks whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::harness::{
    Config, End, Gateway, Kind, Origin, PATIENCE, Parsed, eventually, forward_step, parse, prefix, strict_requests,
    text,
};

#[test]
fn r20_a_refused_connection_goes_to_another_endpoint() {
    let origin = Origin::echoing();
    let gateway = Gateway::start(Config::to(&[Origin::nowhere(), origin.address()]));
    let mut client = gateway.client();
    for count in 0..20 {
        assert_eq!(client.get(&format!("/{count}")).answer().status(), 200);
    }
    let post = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello";
    for _ in 0..4 {
        assert_eq!(client.send(post).answer().text(), "POST / hello", "nothing was sent, so any method goes on");
    }
    assert!(gateway.log(24).iter().any(|line| line["attempts"] == 2));
}

#[test]
fn r20_an_upstream_that_refuses_everywhere_is_a_502_and_the_connection_goes_on() {
    let gateway = Gateway::start(Config::to(&[Origin::nowhere(), Origin::nowhere()]));
    let mut client = gateway.client();
    for _ in 0..2 {
        assert_eq!(client.get("/").answer().status(), 502);
    }
    let line = &gateway.log(2)[1];
    assert_eq!((line["reason"].as_str(), line["attempts"].as_u64()), (Some("connect_failed"), Some(2)));
}

/// Where an origin resets, and the status that the client is told.
#[test]
fn r23_a_reset_before_the_head_is_a_502_and_after_it_ends_the_answer() {
    let moments: [(&str, &str, Option<u16>); 6] = [
        ("at once", "", Some(502)),
        ("mid status line", "HTTP/1.1 2", Some(502)),
        ("mid head", "HTTP/1.1 200 OK\r\nContent-Le", Some(502)),
        ("after the head", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", None),
        ("mid body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", None),
        ("mid chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello", None),
    ];
    for (moment, bytes, status) in moments {
        let origin = Origin::running(move |caller| {
            if caller.request().is_some() {
                caller.send(bytes);
                caller.pause(30).reset();
            }
        });
        let gateway = Gateway::before(&origin);
        let mut client = gateway.client();
        client.get("/");
        match status {
            Some(status) => assert_eq!(client.answer().status(), status, "{moment}"),
            None => assert_unfinished(&client.rest().0, moment),
        }
        assert_eq!(origin.captures().len(), 1, "{moment}: a fresh connection is no reason to try again");
        eventually("nothing is in flight", || (gateway.in_flight() == 0).then_some(()));
    }
}

fn assert_unfinished(received: &[u8], case: &str) {
    if !received.is_empty() {
        assert_eq!(parse(received, Kind::Answer), Ok(Parsed::Part), "{case}: {}", text(received));
    }
}

#[test]
fn r23_a_reset_between_requests_is_not_noticed_by_the_client() {
    let origin = Origin::running(|caller| {
        if let Some(request) = caller.request() {
            let body = request.target();
            caller.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
            caller.pause(30).reset();
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    for path in ["/a", "/b", "/c"] {
        assert_eq!(client.get(path).answer().text(), path);
        client.pause(80);
    }
}

#[test]
fn r26_an_origin_that_drips_its_head_is_given_up_at_the_limit() {
    let origin = Origin::running(|caller| {
        if caller.request().is_some() {
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: bcdefghijklmnopqrstuvwxyz\r\n\r\n" {
                if !caller.pause(50).send([*byte]) {
                    return;
                }
            }
        }
    });
    let gateway = Gateway::start(Config::to(&[origin.address()]).timeouts(|timeouts| timeouts.answer_ms = 300));
    let started = Instant::now();
    let mut client = gateway.client();
    assert_eq!(client.get("/").answer().status(), 504);
    assert!((300..3_000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    assert_eq!(gateway.log(1)[0]["reason"], "answer_timed_out");
    eventually("the slot is free", || (gateway.in_flight() == 0 && origin.open() == 0).then_some(()));
    assert_eq!(client.get("/").answer().status(), 504, "the client's connection goes on");
}

#[test]
fn r26_the_whole_request_has_a_limit_where_a_route_says_so() {
    let origin = Origin::running(|caller| while caller.read() > 0 {});
    let config = Config::to(&[origin.address()]);
    let gateway = Gateway::start(
        config.route_with("all", prefix(""), vec![forward_step()], |route| route.timeout_ms = Some(200)),
    );
    assert_eq!(gateway.client().get("/").answer().status(), 504);
    assert_eq!(gateway.log(1)[0]["reason"], "request_timed_out");
}

#[test]
fn r26_a_body_that_stands_still_ends_unfinished() {
    for head in ["Content-Length: 10", "Transfer-Encoding: chunked", "X-Until: close"] {
        let origin = Origin::running(move |caller| {
            if caller.request().is_some() {
                let start = if head.starts_with('T') { "5\r\nhello\r\n" } else { "hello" };
                caller.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{start}"));
                while caller.read() > 0 {}
            }
        });
        let gateway = Gateway::start(Config::to(&[origin.address()]).timeouts(|timeouts| timeouts.idle_ms = 200));
        for version in ["1.1", "1.0"] {
            let mut client = gateway.client();
            let (received, end) = client.send(format!("GET / HTTP/{version}\r\nHost: a.test\r\n\r\n")).rest();
            if version == "1.1" {
                assert_unfinished(&received, head);
            } else {
                assert_eq!(end, End::Reset, "{head}: {}", text(&received));
            }
        }
    }
}

#[test]
fn r27_a_partial_answer_never_looks_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ] {
        let origin = Origin::answering_once(answer);
        let gateway = Gateway::before(&origin);
        assert_unfinished(&gateway.client().get("/").rest().0, answer);
        // HTTP/1.0 has no chunks: only a reset tells a cut answer from a whole one.
        let (_, end) = gateway.client().send("GET / HTTP/1.0\r\n\r\n").rest();
        assert_eq!(end, End::Reset, "{answer:?}");
        assert!(gateway.log(2).iter().all(|line| line["reason"] == "upstream_closed"));
    }
}

#[test]
fn r28_an_early_answer_is_delivered_while_the_upload_stops() {
    let gotten = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&gotten);
    let origin = Origin::running(move |caller| {
        if caller.read_until("\r\n\r\n") {
            caller.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nfull");
            while caller.read() > 0 {}
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10000000\r\n\r\nstart");
    let answer = client.answer();
    assert_eq!((answer.status(), answer.text().as_str(), answer.field("connection")), (413, "full", Some("close")));
    client.send("GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n").finish();
    assert!(client.rest().0.is_empty());
    eventually("the origin's connection is closed", || (gotten.load(Ordering::SeqCst) == 1).then_some(()));
    assert!(strict_requests(&origin.captured()).is_err(), "the upload was never whole");
}

#[test]
fn r28_a_connection_is_used_again_only_if_the_upload_was_whole() {
    let origin = Origin::running(|caller| {
        while caller.read_until("\r\n\r\n") {
            caller.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
            if !caller.read_until("hello") {
                return;
            }
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    for _ in 0..3 {
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(client.answer().text(), "no");
    }
    let whole = origin.captures().len();
    let mut late = gateway.client();
    late.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhe");
    assert_eq!(late.answer().field("connection"), Some("close"));
    drop(late);
    eventually("the unclean connection is closed", || (origin.open() < whole.max(1) + 1).then_some(()));
    assert_eq!(client.get("/").answer().status(), 403);
}

#[test]
fn r28_an_origin_that_answers_and_resets_still_has_its_answer_delivered() {
    let origin = Origin::running(|caller| {
        if caller.read_until("\r\n\r\n") {
            caller.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfull");
            caller.pause(20).finish();
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n").send(vec![b'x'; 100_000]);
    assert_eq!(client.answer().status(), 413);
    assert!(client.time_to_end() < PATIENCE);
}

#[test]
fn r31_an_origin_that_leaves_in_the_middle_of_both_bodies_leaves_nothing_behind() {
    let origin = Origin::running(|caller| {
        if caller.read_until("\r\n\r\n") {
            caller.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
            caller.pause(5).reset();
        }
    });
    let gateway = Gateway::before(&origin);
    for _ in 0..50 {
        let mut client = gateway.client();
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n").send(vec![b'x'; 10_000]);
        assert_unfinished(&client.rest().0, "both bodies");
    }
    eventually("nothing is left", || {
        (gateway.in_flight() == 0 && gateway.metric("penstock_open_connections") == 0).then_some(())
    });
}
