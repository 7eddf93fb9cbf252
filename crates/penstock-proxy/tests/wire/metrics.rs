//! What is counted, and that several workers count as one.

use penstock_plan::{Balance, Retry, RetryOn};
use serde_json::json;

use crate::harness::{Config, Gateway, Origin, eventually, foreign_step, forward_step, prefix};

fn answering_by_path(origin: &Origin) -> Config {
    let gone = foreign_step("Respond", &json!({"status": 410}));
    Config::to(&[origin.address()]).route("orders", prefix("/orders"), vec![forward_step()]).route(
        "gone",
        prefix("/gone"),
        vec![gone],
    )
}

#[test]
fn requests_are_counted_by_route_and_class_of_status() {
    let origin = Origin::echoing();
    let gateway = Gateway::start(answering_by_path(&origin).without_default_route());
    let mut client = gateway.client();
    for (path, count) in [("/orders", 3), ("/gone", 2), ("/nowhere", 4)] {
        (0..count).for_each(|_| drop(client.get(path).answer()));
    }
    for (route, class, expected) in
        [("orders", "2xx", 3), ("orders", "4xx", 0), ("gone", "4xx", 2), ("-", "4xx", 4), ("-", "2xx", 0)]
    {
        let counted = gateway.metric_of("penstock_requests_total", &[&format!("route/{route}"), class]);
        assert_eq!(counted, expected, "{route} {class}");
    }
    assert_eq!(gateway.metric_of("penstock_request_duration_seconds", &["route/orders"]), 3);
    assert_eq!(gateway.metric_of("penstock_failures_total", &["no_route", "client"]), 4);
    assert_eq!(gateway.metric("penstock_failures_total"), 4);
    assert_eq!(gateway.metric("penstock_gateway_requests_total"), 9);
}

#[test]
fn bytes_are_those_that_clients_have_sent_and_received() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let request = "GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
    let received = gateway.client().send(request).rest().0.len() as u64;
    assert_eq!(gateway.metric_of("penstock_received_bytes_total", &["listener/web"]), request.len() as u64);
    assert_eq!(gateway.metric_of("penstock_sent_bytes_total", &["listener/web"]), received);
}

#[test]
fn upstreams_count_attempts_retries_and_requests_that_nobody_answered() {
    let fine = Origin::echoing();
    let mut config = Config::to(&[Origin::nowhere(), fine.address()]);
    config.upstream.retry = Some(Retry { attempts: 1, on: vec![RetryOn::ConnectFailure], budget_percent: 100 });
    let mut gateway = Gateway::start(config);
    let mut client = gateway.client();
    for _ in 0..4 {
        assert_eq!(client.get("/").answer().status(), 200);
    }
    let counted = |gateway: &Gateway| {
        ["attempts", "retries", "failures"]
            .map(|what| gateway.metric_of(&format!("penstock_upstream_{what}_total"), &["upstream/origin"]))
    };
    assert_eq!(counted(&gateway), [8, 4, 0]);
    assert_eq!(gateway.metric("penstock_upstream_duration_seconds"), 4);
    gateway.apply(|_| Config::to(&[Origin::nowhere()]));
    assert_eq!(client.get("/").answer().status(), 502);
    assert_eq!(counted(&gateway), [9, 4, 1]);
    assert_eq!(gateway.metric("penstock_upstream_duration_seconds"), 4);
}

#[test]
fn a_tunnel_is_counted_while_it_is_open_and_is_no_request_that_takes_long() {
    let origin = Origin::running(|caller| {
        if caller.read_until("\r\n\r\n") {
            caller.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n");
            while caller.read() > 0 {}
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n");
    assert_eq!(client.answer().status(), 101);
    eventually("it is open", || (gateway.metric("penstock_open_tunnels") == 1).then_some(()));
    drop(client);
    eventually("it has ended", || (gateway.metric("penstock_open_tunnels") == 0).then_some(()));
    assert_eq!(gateway.metric_of("penstock_requests_total", &["1xx"]), 1);
    assert_eq!(gateway.metric("penstock_request_duration_seconds"), 0);
}

#[test]
fn numbers_survive_a_change_and_what_is_gone_counts_among_the_others() {
    let origin = Origin::running(|caller| {
        while caller.request().is_some() {
            caller.pause(300).send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let config = answering_by_path(&origin);
    let mut gateway = Gateway::start(config.clone());
    let (mut stays, mut leaves) = (gateway.client(), gateway.client());
    assert_eq!(stays.get("/orders").answer().status(), 200);
    stays.get("/orders");
    leaves.get("/other");
    eventually("both are in flight", || (gateway.in_flight() == 2).then_some(()));
    gateway.apply(|_| config.clone().without_default_route());
    assert_eq!([stays.answer().status(), leaves.answer().status()], [200, 200]);
    let requests = |key: &str| gateway.metric_of("penstock_requests_total", &[key, "2xx"]);
    eventually("both have ended", || (gateway.metric("penstock_gateway_requests_total") == 3).then_some(()));
    assert_eq!([requests("route/orders"), requests("route/all"), requests("route/*")], [2, 0, 1]);
    assert_eq!(gateway.in_flight(), 0);
}

#[test]
fn an_upstream_that_is_gone_counts_out_what_it_counted_in() {
    let origin = Origin::running(|caller| {
        while caller.request().is_some() {
            caller.pause(300).send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let other = Origin::echoing();
    let mut gateway = Gateway::before(&origin);
    let mut client = gateway.client();
    client.get("/");
    eventually("it is in flight", || (gateway.in_flight() == 1).then_some(()));
    gateway.apply(|_| Config::to(&[other.address()]));
    assert_eq!(gateway.in_flight(), 1);
    assert_eq!(client.answer().status(), 200);
    eventually("it has ended", || (gateway.in_flight() == 0).then_some(()));
    assert_eq!(client.get("/new").answer().text(), "GET /new ");
    let idle = |address| format!("endpoint/origin/{address}");
    let idle = [idle(origin.address()), idle(other.address())];
    let counted = |key: &String| gateway.metric_of("penstock_idle_upstream_connections", &[key]);
    assert_eq!(idle.each_ref().map(counted), [0, 1]);
}

#[test]
fn two_workers_keep_one_limit_of_connections() {
    let origin = Origin::echoing();
    let config = || Config::to(&[origin.address()]).limits(|limits| limits.connections = 5);
    let first = Gateway::start(config());
    let second = first.neighbour(config());
    let mut clients: Vec<_> = [&first, &second, &first, &second, &first].map(Gateway::client).into();
    eventually("all are open", || (first.metric("penstock_open_connections") == 5).then_some(()));
    assert!([&first, &second].iter().all(|full| full.client().rest().0.is_empty()));
    assert_eq!(second.metric("penstock_connections_refused_total"), 2);
    drop(clients.remove(0));
    eventually("one has left", || (second.metric("penstock_open_connections") == 4).then_some(()));
    second.assert_canary();
    drop(second);
    drop(clients);
    eventually("all are gone", || (first.metric("penstock_open_connections") == 0).then_some(()));
}

#[test]
fn least_requests_heeds_what_other_workers_have_in_flight() {
    let slow = || {
        Origin::running(|caller| {
            while caller.request().is_some() {
                caller.pause(1_500).send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        })
    };
    let origins = [slow(), slow(), slow()];
    let config = || {
        let mut config = Config::to(&origins.each_ref().map(Origin::address));
        config.upstream.balance = Balance::LeastRequests;
        config
    };
    let first = Gateway::start(config());
    let second = first.neighbour(config());
    let mut clients: Vec<_> = (0..6).map(|number| [&first, &second][number % 2].client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.get("/");
        eventually("it is in flight", || (first.in_flight() == number as u64 + 1).then_some(()));
    }
    let endpoints = origins.each_ref().map(|origin| format!("endpoint/origin/{}", origin.address()));
    let in_flight = |endpoint: &String| first.metric_of("penstock_requests_in_flight", &[endpoint]);
    assert_eq!(endpoints.each_ref().map(in_flight), [2, 2, 2]);
    assert!(clients.iter_mut().all(|client| client.answer().status() == 200));
}
