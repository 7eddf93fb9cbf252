//! R40 and R41: a panic in a filter, or in what it leaves behind, ends its own exchange and nothing else.

use serde_json::json;

use crate::harness::{Config, Gateway, Origin, foreign_step, forward_step, prefix};

fn before(origin: &Origin) -> Gateway {
    let config = Config::to(&[origin.address()])
        .route("in", prefix("/in"), vec![foreign_step("PanicIn", &json!({})), forward_step()])
        .route("out", prefix("/out"), vec![foreign_step("PanicOut", &json!({})), forward_step()]);
    Gateway::start(config)
}

#[test]
fn r40_a_panic_is_answered_with_500_and_counted_and_others_go_on() {
    let origin = Origin::echoing();
    let gateway = before(&origin);
    let mut other = gateway.client();
    assert_eq!(other.get("/first").answer().status(), 200);
    for path in ["/in", "/out"] {
        let answer = gateway.client().get(path).answer();
        assert_eq!((answer.status(), answer.field("connection")), (500, Some("close")), "{path}");
    }
    assert_eq!(other.get("/second").answer().status(), 200);
    assert_eq!((gateway.metric("penstock_panics_total"), gateway.in_flight()), (2, 0));
    let reasons: Vec<_> = gateway.log(4).iter().map(|line| line["reason"].as_str().unwrap().to_owned()).collect();
    assert_eq!(reasons.iter().filter(|reason| *reason == "panicked").count(), 2, "{reasons:?}");
}

#[test]
fn r40_a_thousand_panics_stop_nobody() {
    let origin = Origin::echoing();
    let gateway = before(&origin);
    let mut other = gateway.client();
    for count in 0..1_000 {
        let path = if count % 2 == 0 { "/in" } else { "/out" };
        assert_eq!(gateway.client().get(path).answer().status(), 500);
        if count % 10 == 0 {
            assert_eq!(other.get("/fine").answer().status(), 200);
        }
    }
    assert_eq!((gateway.metric("penstock_panics_total"), gateway.in_flight()), (1_000, 0));
}

#[test]
fn r41_a_panic_in_what_is_dropped_ends_its_own_exchange() {
    let origin = Origin::echoing();
    let steps = vec![foreign_step("PanicInDrop", &json!({})), forward_step()];
    let config = Config::to(&[origin.address()])
        .route_with("drop", prefix("/drop"), steps, |route| route.timeout_ms = Some(150));
    let gateway = Gateway::start(config);
    let mut other = gateway.client();
    for count in 1..=3 {
        let answer = gateway.client().get("/drop").answer();
        assert_eq!((answer.status(), answer.field("connection")), (500, Some("close")));
        assert_eq!(other.get("/fine").answer().status(), 200);
        assert_eq!((gateway.metric("penstock_panics_total"), gateway.in_flight()), (count, 0));
    }
}
