//! Memory that is short: who comes is told to come again, who waits is accepted later (R58).

use std::sync::Arc;

use penstock_proxy::worker::MemoryReading;

use crate::harness::{Config, Gateway, Origin, eventually};

const LIMIT: u64 = 1 << 30;

/// A gateway, and what notes the hundredths of its memory that are used.
fn limited(origin: &Origin) -> (Gateway, impl Fn(u64)) {
    let config = Config::to(&[origin.address()]);
    let memory: Arc<MemoryReading> = Arc::clone(&config.memory);
    let note = move |hundredths| {
        memory.note((LIMIT / 100 * hundredths, LIMIT), 0, 1);
    };
    (Gateway::start(config), note)
}

#[test]
fn r58_requests_are_refused_while_memory_is_short_and_served_once_it_is_not() {
    let origin = Origin::echoing();
    let (gateway, note) = limited(&origin);
    let mut kept = gateway.client();
    assert_eq!(kept.get("/early").answer().status(), 200);
    note(91);
    let refused = eventually("requests are refused", || {
        let answer = gateway.client().get("/").answer();
        (answer.status() != 200).then_some(answer)
    });
    assert_eq!(refused.status(), 503);
    assert_eq!((refused.field("retry-after"), refused.field("connection")), (Some("5"), Some("close")));
    assert_eq!(kept.get("/").answer().status(), 503, "on connections that were there, too");
    note(86);
    assert_eq!(gateway.client().get("/").answer().status(), 503, "not before there is some more");
    note(60);
    eventually("requests are served", || (gateway.client().get("/").answer().status() == 200).then_some(()));
    assert!(gateway.log(3).iter().any(|line| line["reason"] == "out_of_memory" && line["status"] == 503));
}

#[test]
fn r58_connections_wait_in_the_kernel_while_there_is_next_to_no_memory() {
    let origin = Origin::echoing();
    let (gateway, note) = limited(&origin);
    note(97);
    let mut waiting = eventually("nobody is accepted", || {
        let mut client = gateway.client();
        client.get("/");
        client.is_silent_for(300).then_some(client)
    });
    note(50);
    assert_eq!(waiting.answer().status(), 200);
}
