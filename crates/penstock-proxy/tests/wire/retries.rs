//! Requests that are repeated: when, where, how often, and what never is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use penstock_plan::{Retry, RetryOn};
use serde_json::json;

use crate::harness::{Config, Gateway, Origin, foreign_step, forward_step, prefix, strict_requests};

const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno";

fn retrying(origins: &[&Origin], on: RetryOn) -> Config {
    let addresses: Vec<_> = origins.iter().map(|origin| origin.address()).collect();
    let mut config = Config::to(&addresses).timeouts(|timeouts| timeouts.answer_ms = 200);
    config.upstream.retry = Some(Retry { attempts: 1, on: vec![on], budget_percent: 100 });
    config
}

fn requests(origin: &Origin) -> usize {
    origin.captures().iter().map(|capture| strict_requests(capture).unwrap().len()).sum()
}

#[test]
fn a_get_is_repeated_at_another_endpoint_for_each_cause_that_is_listed() {
    let causes: [(RetryOn, fn() -> Origin); 3] = [
        (RetryOn::Status(503), || Origin::answering(UNAVAILABLE)),
        (RetryOn::Reset, || Origin::answering_once("HTTP/1.1 200 OK\r\nConte")),
        (RetryOn::TimedOut, || Origin::running(|caller| while caller.read() > 0 {})),
    ];
    for (cause, failing) in causes {
        let (failing, fine) = (failing(), Origin::echoing());
        let gateway = Gateway::start(retrying(&[&failing, &fine], cause));
        let mut client = gateway.client();
        for path in ["/a", "/b", "/c", "/d"] {
            assert_eq!(client.get(path).answer().text(), format!("GET {path} "), "{cause:?}");
        }
        assert!(requests(&failing) > 0, "{cause:?}: the failing endpoint was never asked");
    }
}

#[test]
fn a_cause_that_is_not_listed_is_what_the_client_gets() {
    let (failing, fine) = (Origin::answering(UNAVAILABLE), Origin::echoing());
    let gateway = Gateway::start(retrying(&[&failing, &fine], RetryOn::ConnectFailure));
    let mut client = gateway.client();
    let failures = (0..4).filter(|_| client.get("/").answer().status() == 503).count();
    assert_eq!(failures, 2);
}

#[test]
fn r24_a_post_is_not_repeated_though_the_policy_asks_for_it() {
    let (failing, fine) = (Origin::answering(UNAVAILABLE), Origin::echoing());
    let gateway = Gateway::start(retrying(&[&failing, &fine], RetryOn::Status(503)));
    let mut client = gateway.client();
    for _ in 0..4 {
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello").answer();
    }
    assert_eq!(requests(&failing) + requests(&fine), 4);
}

#[test]
fn a_body_is_repeated_only_where_it_is_there_as_a_whole() {
    for (buffers, expected) in [(true, 4), (false, 2)] {
        let (failing, fine) = (Origin::answering(UNAVAILABLE), Origin::echoing());
        let mut steps = vec![forward_step()];
        if buffers {
            steps.insert(0, foreign_step("Buffer", &json!({})));
        }
        let config = retrying(&[&failing, &fine], RetryOn::Status(503)).route("all", prefix(""), steps);
        let gateway = Gateway::start(config);
        let mut client = gateway.client();
        let put = "PUT /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let answers: Vec<_> = (0..4).map(|_| client.send(put).answer()).collect();
        assert_eq!(answers.iter().filter(|answer| answer.text() == "PUT /x hello").count(), expected, "{answers:?}");
    }
}

#[test]
fn r25_an_upstream_that_always_fails_is_asked_a_fifth_more_at_most() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let origin = Origin::running(move |caller| {
        while caller.request().is_some() {
            counter.fetch_add(1, Ordering::SeqCst);
            caller.send(UNAVAILABLE);
        }
    });
    let mut config = retrying(&[&origin], RetryOn::Status(503));
    config.upstream.retry = Some(Retry { attempts: 3, on: vec![RetryOn::Status(503)], budget_percent: 20 });
    let gateway = Gateway::start(config);
    let mut client = gateway.client();
    for _ in 0..500 {
        assert_eq!(client.get("/").answer().status(), 503);
    }
    // Ten may be saved up from before.
    assert!((501..=610).contains(&asked.load(Ordering::SeqCst)), "{} for 500", asked.load(Ordering::SeqCst));
}
