//! Explanations as rows of data, and their agreement with live lookups and a plain scan.

use penstock_plan::{Condition, Route, Subject, Test};

use super::super::tests::plan::{host_pattern, request, route, router};

/// `condition[name]: expected / found` of the only route.
fn failure(route: Route, line: &str) -> String {
    let explanation = router(&[route]).explain(&mut request(line, &[("x-env", "dev"), ("cookie", "c=1")]));
    let Some(failed) = explanation.routes.into_iter().next().unwrap().failed else { return "none".to_owned() };
    let name = failed.name.map_or(String::new(), |name| format!("[{name}]"));
    format!("{}{name}: {} / {}", failed.condition, failed.expected, failed.found.as_deref().unwrap_or("nothing"))
}

fn on_condition(subject: Subject, test: Test) -> Route {
    Route { conditions: vec![Condition { subject, test }], ..route("r", "/a") }
}

#[test]
fn the_first_condition_that_failed_is_told_with_what_was_found() {
    let header = |name: &str| Subject::Header(name.into());
    let line = "GET http://a.test/a?q=x%20y";
    let cases: Vec<(Route, &str)> = vec![
        (
            Route { hosts: vec![host_pattern("b.test"), host_pattern("*.c")], ..route("r", "/b") },
            "host: b.test, *.c / a.test",
        ),
        (Route { methods: vec!["PUT".into()], ..route("r", "/b/*") }, "path: /b/* / /a"),
        (Route { methods: vec!["PUT".into(), "POST".into()], ..route("r", "/a") }, "method: PUT, POST / GET"),
        (on_condition(header("x-env"), Test::Exact("qa".into())), "header[x-env]: qa / dev"),
        (on_condition(header("x-env"), Test::Regex("^q".into())), "header[x-env]: matches ^q / dev"),
        (on_condition(header("x-none"), Test::Present), "header[x-none]: present / nothing"),
        (on_condition(header("x-env"), Test::Absent), "header[x-env]: absent / dev"),
        (on_condition(Subject::Query("q".into()), Test::Prefix("y".into())), "query[q]: begins with y / x y"),
        (on_condition(Subject::Cookie("c".into()), Test::Suffix("2".into())), "cookie[c]: ends with 2 / 1"),
        (Route { client_ip: vec!["10.0.0.0/8".into()], ..route("r", "/a") }, "client_ip: 10.0.0.0/8 / 0.0.0.0"),
        (Route { when: Some("host:b".into()), ..route("r", "/a") }, "when: host:b / false"),
        (route("r", "/a"), "none"),
    ];
    for (route, expected) in cases {
        assert_eq!(failure(route, line), expected);
    }
}

#[test]
fn conditions_are_told_in_the_order_in_which_they_were_written() {
    let conditions =
        ["x-b", "x-a"].map(|name| Condition { subject: Subject::Header(name.into()), test: Test::Present });
    let route = Route { conditions: conditions.into(), client_ip: vec!["10.0.0.0/8".into()], ..route("r", "/a") };
    assert_eq!(failure(route, "GET http://a/a"), "header[x-b]: present / nothing");
}

#[test]
fn an_explanation_reads_the_same_as_json() {
    let routes = [route("exact", "/orders/new"), route("one", "/orders/{id}"), route("rest", "/*")];
    let mut request = request("GET http://a/orders/a%20b", &[]);
    let explanation = serde_json::to_value(router(&routes).explain(&mut request)).unwrap();
    let failed = serde_json::json!(
        {"condition": "path", "name": null, "expected": "/orders/new", "found": "/orders/a%20b"}
    );
    let expected = serde_json::json!({
        "routes": [
            {"name": "exact", "verdict": "rejected", "failed": failed},
            {"name": "one", "verdict": "chosen", "failed": null},
            {"name": "rest", "verdict": "hidden", "failed": null},
        ],
        "chosen": {"route": "one", "params": {"id": "a b"}},
        "allow": null,
        "status": null,
    });
    assert_eq!(explanation, expected);
    assert_eq!(request.param(0), Some("a%20b"));
}

#[test]
fn a_miss_is_told_with_its_status() {
    let routes = [Route { methods: vec!["PUT".into()], ..route("put", "/a") }];
    let explain = |line| router(&routes).explain(&mut request(line, &[]));
    let (refused, missed) = (explain("GET http://a/a"), explain("GET http://a/b"));
    assert_eq!((refused.status, refused.allow.as_deref()), (Some(405), Some("PUT")));
    assert_eq!((missed.status, missed.allow), (Some(404), None));
}

#[test]
fn a_route_of_several_hosts_stands_where_its_matching_host_puts_it() {
    let both = Route { hosts: vec![host_pattern("a.test"), host_pattern("*.test")], ..route("both", "/") };
    let wide = Route { hosts: vec![host_pattern("*.b.test")], ..route("wide", "/") };
    let order = |line| {
        router(&[both.clone(), wide.clone()])
            .explain(&mut request(line, &[]))
            .routes
            .into_iter()
            .map(|route| route.name)
    };
    assert_eq!(order("GET http://a.test/").collect::<Vec<_>>(), ["both", "wide"]);
    assert_eq!(order("GET http://x.b.test/").collect::<Vec<_>>(), ["wide", "both"]);
}
