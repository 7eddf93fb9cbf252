//! Built plans: what is taken over, and who holds what.

use serde_json::{Value, json};

use super::*;
use crate::pipeline::NoForeignFilters;
use crate::telemetry::{OwnDirectory, Place};

fn plan(parts: &Value) -> Plan {
    serde_json::from_value(json!({ "parts": parts })).unwrap()
}

/// One listener with routes for some paths, each part with a hash; equal hashes are equal parts.
fn paths(listener_hash: &str, paths: &[&str]) -> Plan {
    let respond = json!({
        "name": "Respond", "filter": "Respond", "source": "native", "when": null, "jumps": [],
        "settings": {"status": 204, "headers": {}, "body": ""},
    });
    let limits = json!({
        "header_time_ms": 1, "header_bytes": 1, "fields": 1, "uri_bytes": 1, "idle_ms": 1, "send_ms": 1,
        "half_close_ms": 1, "connections": 1, "streams": 1,
        "stream_window_bytes": 1, "connection_window_bytes": 1, "body_bytes": null, "buffered_body_bytes": 1,
    });
    let listener = json!({
        "kind": "listener", "name": "web", "address": "127.0.0.1:0", "protocols": ["http1"], "trusted_proxies": [], "proxy_protocol": "off",
        "encoded_slash": "refuse", "underscores": "refuse", "limits": limits, "before": [], "after": [],
    });
    let mut parts = json!({"listener/web": {"hash": listener_hash, "body": listener}});
    for path in paths {
        let route = json!({
            "kind": "route", "name": path, "listeners": null, "hosts": [], "path": {"exact": path}, "methods": [],
            "conditions": [], "client_ip": [], "when": null, "priority": 0, "order": 0, "timeout_ms": null,
            "pipeline": "pipeline/all",
        });
        parts[format!("route/{path}")] = json!({"hash": path, "body": route});
    }
    parts["pipeline/all"] = json!({"hash": "p", "body": {"kind": "pipeline", "name": "all", "steps": [respond]}});
    plan(&parts)
}

fn built(plan: &Plan, previous: Option<&Built>) -> Built {
    build(plan, &NoForeignFilters, &OwnDirectory::default(), None, previous)
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn served(built: &Built) -> &ServedListener {
    &built.listeners["web"]
}

#[test]
fn parts_of_an_equal_hash_are_taken_over_and_others_are_not() {
    let first = built(&paths("1", &["/a", "/b"]), None);
    let second = built(&paths("1", &["/b", "/c"]), Some(&first));
    let third = built(&paths("2", &["/b"]), Some(&second));
    assert!(Arc::ptr_eq(&first.routes["route//b"].1, &second.routes["route//b"].1));
    assert!(Arc::ptr_eq(&first.pipelines["pipeline/all"].1, &third.pipelines["pipeline/all"].1));
    assert!(Arc::ptr_eq(&served(&first).built, &served(&second).built));
    assert!(!Arc::ptr_eq(&served(&second).built, &served(&third).built));
    let counts = [&first, &second, &third].map(|built| served(built).routes.router.routes().len());
    assert_eq!(counts, [2, 2, 1]);
}

#[test]
fn r4_a_plan_is_in_use_while_anybody_holds_the_routes_of_a_listener() {
    let built = built(&paths("1", &["/a"]), None);
    assert!(built.is_unused());
    let routes = Arc::clone(&served(&built).routes);
    assert!(!built.is_unused());
    drop(routes);
    // What a tunnel keeps: its listener, the name of its route, its pipeline.
    let (listener, pipeline) = (Arc::clone(&served(&built).built), Arc::clone(&built.pipelines["pipeline/all"].1));
    assert!(built.is_unused());
    drop((listener, pipeline));
}

#[test]
fn a_rate_limit_without_a_bucket_of_its_own_is_not_built_where_it_is_to_run() {
    let limit = json!({
        "name": "limit", "filter": "RateLimit", "source": "native", "when": null, "jumps": [],
        "settings": {"rate": {"count": 5, "per_ms": 1000}, "burst": null, "key": null, "scope": "all_nodes"},
    });
    let plan =
        plan(&json!({"pipeline/all": {"hash": "p", "body": {"kind": "pipeline", "name": "all", "steps": [limit]}}}));
    let share = Share::alone().unwrap();
    let shared = Place { counters: 8, words: 8, ..Place::default() };
    let full = Places::from(["limiter/*/*", "limiter/all/limit"].map(|key| (key.to_owned(), shared)));
    for directory in [&full, &Places::new()] {
        let problems = build(&plan, &NoForeignFilters, directory, Some(&share), None).err().unwrap();
        assert_eq!(problems[0].message, "step limit: the shared table has no room for one more rate limit");
        assert!(build(&plan, &NoForeignFilters, directory, None, None).is_ok(), "it is only explained");
    }
    assert!(build(&plan, &NoForeignFilters, &OwnDirectory::default(), Some(&share), None).is_ok());
}
