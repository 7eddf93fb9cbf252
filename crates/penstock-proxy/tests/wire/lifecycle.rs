//! Drain, stop, and plans that change while connections live.

use std::time::Duration;

use penstock_proxy::worker::Command;
use serde_json::json;

use crate::harness::{Client, Config, Gateway, Origin, eventually, foreign_step, forward_step, prefix};

fn slow() -> Origin {
    Origin::running(|caller| {
        while caller.request().is_some() {
            caller.pause(400).send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow");
        }
    })
}

#[test]
fn r5_draining_finishes_what_runs_and_closes_what_is_idle() {
    let origin = slow();
    let mut gateway = Gateway::before(&origin);
    let (mut idle, mut busy) = (gateway.client(), gateway.client());
    busy.get("/");
    eventually("the request is in flight", || (gateway.in_flight() == 1).then_some(()));
    gateway.tell(Command::Drain(Duration::from_secs(30)));
    assert!(idle.rest().0.is_empty());
    let answer = busy.answer();
    assert_eq!((answer.text().as_str(), answer.field("connection")), ("slow", Some("close")));
    assert!(busy.rest().0.is_empty());
    assert!(gateway.ended() < Duration::from_secs(5), "the worker ends with its last connection");
}

#[test]
fn r5_draining_ends_with_its_grace_whatever_still_runs() {
    let origin = Origin::running(|caller| while caller.read() > 0 {});
    let mut gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.get("/");
    eventually("the request is in flight", || (gateway.in_flight() == 1).then_some(()));
    gateway.tell(Command::Drain(Duration::from_millis(200)));
    let took = gateway.ended();
    assert!(took < Duration::from_millis(1_200), "{took:?}");
    assert!(client.rest().0.is_empty());
}

/// A worker that drains for half a minute and holds one request that nobody answers.
fn draining() -> (Gateway, Client, Origin) {
    let origin = Origin::running(|caller| while caller.read() > 0 {});
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.get("/");
    eventually("the request is in flight", || (gateway.in_flight() == 1).then_some(()));
    gateway.tell(Command::Drain(Duration::from_secs(30)));
    (gateway, client, origin)
}

#[test]
fn r6_a_second_drain_shortens_the_first() {
    let (mut gateway, mut client, _origin) = draining();
    gateway.tell(Command::Drain(Duration::from_millis(200)));
    let took = gateway.ended();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(client.rest().0.is_empty());
}

#[test]
fn r6_a_longer_second_drain_does_not_stretch_the_first() {
    let (mut gateway, _client, _origin) = draining();
    gateway.tell(Command::Drain(Duration::from_millis(200)));
    gateway.tell(Command::Drain(Duration::from_secs(30)));
    let took = gateway.ended();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn r6_stop_ends_a_drain_at_once() {
    let (mut gateway, _client, _origin) = draining();
    gateway.tell(Command::Stop);
    let took = gateway.ended();
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn r5_a_worker_that_drains_says_what_it_counts_and_takes_no_plan() {
    let (mut gateway, client, _origin) = draining();
    assert_eq!(gateway.metric("penstock_open_connections"), 1);
    gateway.apply(answering("too late"));
    assert_eq!(gateway.in_flight(), 1);
    drop(client);
    assert!(gateway.ended() < Duration::from_secs(5), "it ends with its last connection");
}

#[test]
fn r5_a_request_that_arrives_while_draining_is_served_if_it_has_begun() {
    let origin = Origin::echoing();
    let mut gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("GET /begun HTTP/1.1\r\n").pause(100);
    gateway.tell(Command::Drain(Duration::from_secs(30)));
    let answer = client.pause(100).send("Host: a.test\r\n\r\n").answer();
    assert_eq!((answer.status(), answer.field("connection")), (200, Some("close")));
    gateway.ended();
}

/// Holds the worker up while clients connect, so that they wait to be accepted.
fn with_clients_that_wait(count: usize, then: impl FnOnce(&mut Gateway)) -> (Gateway, Vec<Client>) {
    let config = Config::to(&[Origin::nowhere()])
        .route("hold", prefix("/hold"), vec![foreign_step("Hold", &json!({"ms": 300}))])
        .route("all", prefix(""), vec![foreign_step("Respond", &json!({"status": 200, "body": "served"}))]);
    let mut gateway = Gateway::start(config);
    let mut holder = gateway.client();
    holder.get("/hold").pause(100);
    let mut clients: Vec<Client> = (0..count).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.get("/");
    }
    then(&mut gateway);
    (gateway, clients)
}

#[test]
fn r5_clients_that_wait_to_be_accepted_are_served_by_a_drain() {
    let drain = |gateway: &mut Gateway| gateway.tell(Command::Drain(Duration::from_secs(30)));
    let (mut gateway, mut clients) = with_clients_that_wait(20, drain);
    for client in &mut clients {
        let answer = client.answer();
        assert_eq!((answer.text().as_str(), answer.field("connection")), ("served", Some("close")));
    }
    drop(clients);
    assert!(gateway.ended() < Duration::from_secs(5));
}

#[test]
fn r1_clients_that_wait_to_be_accepted_are_served_though_their_listener_goes() {
    let remove = |gateway: &mut Gateway| gateway.remove_listener();
    let (gateway, mut clients) = with_clients_that_wait(20, remove);
    for client in &mut clients {
        assert_eq!(client.answer().text(), "served");
        assert_eq!(client.get("/").answer().text(), "served", "its connections live on");
    }
    drop(gateway);
}

#[test]
fn stop_ends_a_worker_at_once() {
    let origin = slow();
    let mut gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.get("/");
    eventually("the request is in flight", || (gateway.in_flight() == 1).then_some(()));
    gateway.tell(Command::Stop);
    assert!(gateway.ended() < Duration::from_secs(1));
}

fn answering(body: &str) -> impl FnOnce(Config) -> Config + use<'_> {
    move |config| config.route("all", prefix(""), vec![foreign_step("Respond", &json!({"status": 200, "body": body}))])
}

#[test]
fn r1_the_next_request_of_a_kept_connection_uses_the_new_plan() {
    let origin = Origin::echoing();
    let mut gateway = Gateway::before(&origin);
    let mut clients: Vec<Client> = (0..10).map(|_| gateway.client()).collect();
    for round in 0..20 {
        let body = format!("plan {round}");
        gateway.apply(answering(&body));
        assert!(clients.iter_mut().all(|client| client.get("/").answer().text() == body), "{body}");
    }
    gateway.apply(|config| config.route("all", prefix(""), vec![forward_step()]));
    assert!(clients.iter_mut().all(|client| client.get("/x").answer().text() == "GET /x "));
    assert_eq!(gateway.metric("penstock_connections_total"), 10, "no connection was closed");
}

#[test]
fn r1_an_open_exchange_finishes_on_the_plan_it_began_with() {
    let origin = slow();
    let mut gateway = Gateway::start(Config::to(&[origin.address()]).route(
        "all",
        prefix(""),
        vec![foreign_step("Mark", &json!({})), forward_step()],
    ));
    let mut client = gateway.client();
    client.get("/");
    eventually("the request is in flight", || (gateway.in_flight() == 1).then_some(()));
    gateway.apply(answering("new"));
    let answer = client.answer();
    assert_eq!((answer.text().as_str(), answer.field("x-mark")), ("slow", Some("out")));
    assert_eq!(client.get("/").answer().text(), "new");
}

#[test]
fn r1_uploads_streams_and_tunnels_outlive_many_plans() {
    let origin = Origin::running(|caller| {
        if caller.read_until("\r\n\r\n") {
            caller.send("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
            while caller.read_until("\n") {
                caller.send("pong\n");
            }
        }
    });
    let uploads = Origin::echoing();
    let mut gateway = Gateway::before(&origin);
    let mut tunnel = gateway.client();
    tunnel.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").answer();
    let address = uploads.address().to_string();
    gateway.apply(|mut config| {
        config.upstream.endpoints[0].address.clone_from(&address);
        config
    });
    let mut upload = gateway.client();
    upload.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 20\r\n\r\n");
    eventually("both are in flight", || (gateway.in_flight() == 2).then_some(()));
    for round in 0..20 {
        gateway.apply(answering(&round.to_string()));
        upload.send("x");
        assert_eq!(tunnel.send("ping\n").take(5), b"pong\n", "{round}");
    }
    assert_eq!(upload.answer().text(), format!("POST / {}", "x".repeat(20)));
}

#[test]
fn connections_to_an_endpoint_that_stays_outlive_a_plan() {
    let origin = Origin::echoing();
    let mut gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    for round in 0..5 {
        assert_eq!(client.get("/").answer().status(), 200);
        gateway.apply(|config| config.timeouts(|timeouts| timeouts.answer_ms = 10_000 + round));
    }
    assert_eq!(origin.captures().len(), 1);
}
