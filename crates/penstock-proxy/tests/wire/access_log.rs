//! The access log: one line an exchange, every field as it was.

use serde_json::json;

use crate::harness::{Config, Gateway, Origin, foreign_step, prefix};

const FIELDS: [&str; 19] = [
    "time",
    "id",
    "listener",
    "route",
    "client",
    "method",
    "host",
    "path",
    "protocol",
    "status",
    "bytes_in",
    "bytes_out",
    "duration_ms",
    "upstream",
    "endpoint",
    "attempts",
    "upstream_ms",
    "reason",
    "user_agent",
];

#[test]
fn a_line_has_every_field_and_no_other() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    let request = "POST /a/../b?secret=1 HTTP/1.1\r\nHost: A.Test:8080\r\nUser-Agent: u\"\x1b[0m\r\nContent-Length: 5\r\n\r\nhello";
    let refused = "POST /b HTTP/1.1\r\nHost: A.Test:8080\r\nUser-Agent: one \"two\"\r\nContent-Length: 5\r\n\r\nhello";
    gateway.client().send(request).answer();
    let mut client = gateway.client();
    let received = client.send(refused).take_until("POST /b hello");
    let lines = gateway.log(2);
    let line = lines[1].as_object().unwrap();
    let mut names: Vec<&str> = line.keys().map(String::as_str).collect();
    let mut expected = FIELDS;
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
    for (name, value) in [
        ("listener", json!("web")),
        ("route", json!("all")),
        ("client", json!("127.0.0.1")),
        ("method", json!("POST")),
        ("host", json!("a.test")),
        ("path", json!("/b")),
        ("protocol", json!("HTTP/1.1")),
        ("status", json!(200)),
        ("bytes_in", json!(refused.len())),
        ("bytes_out", json!(received.len())),
        ("upstream", json!("origin")),
        ("endpoint", json!(origin.address().to_string())),
        ("attempts", json!(1)),
        ("reason", json!("")),
        ("user_agent", json!("one \"two\"")),
    ] {
        assert_eq!(line[name], value, "{name}");
    }
    assert!(line["duration_ms"].as_f64() >= line["upstream_ms"].as_f64());
    assert_eq!(lines[0]["status"], 400, "an escape character is no part of a field: {}", lines[0]);
}

#[test]
fn the_id_is_one_for_log_upstream_and_error() {
    let origin = Origin::echoing();
    let gateway = Gateway::before(&origin);
    gateway.client().get("/").answer();
    let captured = String::from_utf8(origin.captured()).unwrap();
    let id = gateway.log(1)[0]["id"].as_str().unwrap().to_owned();
    assert!(captured.contains(&format!("x-request-id: {id}\r\n")), "{captured}");
    let refused = gateway.client().send("\u{1}\r\n\r\n").answer().text();
    let id = gateway.log(2)[1]["id"].as_str().unwrap().to_owned();
    assert!(id.len() == 32 && refused.contains(&id), "{refused}");
}

#[test]
fn an_exchange_that_no_upstream_saw_names_none() {
    let own = vec![foreign_step("Respond", &json!({"status": 418, "body": "mine"}))];
    let gateway = Gateway::start(Config::to(&[Origin::nowhere()]).route("own", prefix("/own"), own));
    gateway.client().get("/own").answer();
    let line = &gateway.log(1)[0];
    assert_eq!((line["upstream"].as_str(), line["endpoint"].as_str()), (Some(""), Some("")));
    assert_eq!((line["attempts"].as_u64(), line["status"].as_u64()), (Some(0), Some(418)));
}
