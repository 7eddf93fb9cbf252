//! Which route serves which request, as rows of data.

use penstock_plan::{Condition, Route, Subject, Test};

use super::super::tests::plan::{compile_when, host_pattern, request, route, router};
use super::*;

/// A route with hosts.
fn on(hosts: &[&str], name: &str, path: &str) -> Route {
    Route { hosts: hosts.iter().map(|host| host_pattern(host)).collect(), ..route(name, path) }
}

fn for_methods(methods: &[&str], name: &str, path: &str) -> Route {
    Route { methods: methods.iter().map(|&method| method.into()).collect(), ..route(name, path) }
}

fn with(subject: Subject, route: Route) -> Route {
    let mut conditions = route.conditions;
    conditions.push(Condition { subject, test: Test::Present });
    Route { conditions, ..route }
}

/// The name of the chosen route, `404`, or `405` and the methods.
fn verdict(built: &Router, request: &mut Request) -> String {
    let mut scratch = Scratch::default();
    match built.find(request, &mut scratch) {
        Verdict::Chosen { index } => built.route(index).unwrap().name.name.to_string(),
        Verdict::NotFound => "404".to_owned(),
        Verdict::WholeServer => "200".to_owned(),
        Verdict::MethodNotAllowed => format!("405 {}", scratch.allow()),
    }
}

#[track_caller]
fn check(routes: &[Route], cases: &[(&str, &str)]) {
    let backwards: Vec<Route> = routes.iter().rev().cloned().collect();
    for built in [router(routes), router(&backwards)] {
        for (line, expected) in cases {
            assert_eq!(verdict(&built, &mut request(line, &[])), *expected, "{line}");
        }
    }
}

#[test]
fn d1_d2_the_rule_of_a_path_applies_however_the_path_is_written() {
    let routes = [route("admin", "/admin/*"), route("public", "/public/*"), route("rest", "/*")];
    let cases =
        ["/public/../admin", "/public/%2e%2e/admin", "/public/./../admin", "//admin", "/x//../admin", "/%61dmin/a"];
    for path in cases {
        check(&routes, &[(&format!("GET http://a{path}"), "admin")]);
    }
}

#[test]
fn d5_a_prefix_serves_whole_segments() {
    let routes = [route("api", "/api/*"), route("rest", "/*")];
    check(
        &routes,
        &[
            ("GET http://a/api", "api"),
            ("GET http://a/api/", "api"),
            ("GET http://a/api/x", "api"),
            ("GET http://a/api../admin", "rest"),
            ("GET http://a/api/%2e%2e/admin", "rest"),
            ("GET http://a/apiadmin", "rest"),
        ],
    );
}

#[test]
fn d7_case_and_ending_of_a_path_count() {
    let routes = [route("admin", "/admin"), route("rest", "/*")];
    for path in ["/ADMIN", "/admin/", "/admin.", "/admin;jsessionid=1"] {
        check(&routes, &[(&format!("GET http://a{path}"), "rest")]);
    }
}

#[test]
fn d8_fields_that_name_another_path_or_method_change_nothing() {
    let routes = [for_methods(&["GET"], "public", "/public"), for_methods(&["DELETE"], "admin", "/admin")];
    let fields =
        ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Prefix"].map(|name| (name, "/admin"));
    let built = router(&routes);
    assert_eq!(verdict(&built, &mut request("GET http://a/public", &fields)), "public");
    let fields = [("X-HTTP-Method-Override", "DELETE"), ("X-Forwarded-Host", "b")];
    assert_eq!(verdict(&built, &mut request("GET http://a/admin", &fields)), "405 DELETE");
}

#[test]
fn d10_the_host_that_says_most_is_served() {
    let routes = [
        on(&["a.shop.test"], "exact", "/*"),
        on(&["*.b.shop.test"], "deep", "/*"),
        on(&["*.shop.test"], "wide", "/*"),
        on(&["~^[a-z]+\\.shop\\.test$", "~^x"], "regex", "/regex"),
        on(&["[::1]"], "six", "/*"),
        on(&["xn--bcher-kva.test"], "idn", "/*"),
        route("any", "/regex"),
    ];
    check(
        &routes,
        &[
            ("GET http://A.Shop.Test.:80/", "exact"),
            ("GET http://c.b.shop.test/", "deep"),
            ("GET http://d.c.b.shop.test/", "deep"),
            ("GET http://b.shop.test/", "wide"),
            ("GET http://shop.test/", "404"),
            ("GET http://b.shop.test/regex", "wide"),
            ("GET http://xyz.test/regex", "regex"),
            ("GET http://other.test/regex", "any"),
            ("GET http:///regex", "any"),
            ("GET http://[0:0::1]:8080/", "six"),
            ("GET http://XN--bcher-kva.test/", "idn"),
        ],
    );
}

#[test]
fn d11_an_unknown_host_is_not_found() {
    check(&[on(&["a.test"], "a", "/*")], &[("GET http://evil.test/", "404"), ("GET http://a.test.evil.test/", "404")]);
}

#[test]
fn the_path_that_says_most_is_served() {
    let routes = [
        route("exact", "/orders/new"),
        route("two", "/orders/{id}/items"),
        route("late", "/{kind}/new/items"),
        route("one", "/orders/{id}"),
        route("open", "/orders/{id}/*"),
        route("long", "/orders/*"),
        route("longer", "/orders/new/*"),
        route("regex", "~^/"),
        route("tenant", "/{tenant}/*"),
        route("short", "/*"),
    ];
    check(
        &routes,
        &[
            ("GET http://a/orders/new", "exact"),
            // Both spell two segments; one of them spells the earlier.
            ("GET http://a/orders/new/items", "longer"),
            ("GET http://a/orders/old/items", "two"),
            ("GET http://a/users/new/items", "late"),
            ("GET http://a/orders/7", "one"),
            ("GET http://a/orders/7/x", "open"),
            ("GET http://a/orders/", "long"),
            ("GET http://a/orders/new/x", "longer"),
            ("GET http://a/x", "regex"),
        ],
    );
    check(&routes[8..], &[("GET http://a/x", "tenant"), ("GET http://a/", "short")]);
    // A parameter never takes what a literal names, whether either goes on below or not.
    check(
        &[route("tenant", "/{x}/*"), route("orders", "/orders/*"), route("one", "/{x}"), route("two", "/{x}/{y}")],
        &[
            ("GET http://a/orders", "orders"),
            ("GET http://a/orders/7", "orders"),
            ("GET http://a/users", "one"),
            ("GET http://a/users/7", "two"),
            ("GET http://a/users/7/x", "tenant"),
        ],
    );
}

#[test]
fn each_step_of_precedence_decides_when_those_before_it_are_equal() {
    let header = |name: &str| Subject::Header(name.to_owned());
    let query = || Subject::Query("q".to_owned());
    // Each route says more than the next in one way, and less in all the ways behind it.
    let ladder = [
        Route { priority: 1, ..route("priority", "~a") },
        on(&["a.test"], "host", "~a"),
        on(&["*.test"], "wildcard", "~a"),
        on(&["~a"], "host_regex", "~a"),
        route("path", "/a"),
        route("prefix", "/a/*"),
        route("path_regex", "~a"),
        route("template", "/{x}"),
        Route { order: 9, ..for_methods(&["GET"], "method", "/*") },
        Route { order: 9, ..with(header("x-b"), with(header("x-a"), route("headers", "/*"))) },
        Route { order: 9, ..with(query(), with(header("x-a"), route("header", "/*"))) },
        Route { order: 9, ..with(query(), route("query", "/*")) },
        Route { order: 1, ..route("z_older", "/*") },
        Route { order: 2, ..route("a_first", "/*") },
        Route { order: 2, ..route("b_second", "/*") },
    ];
    for start in 0..ladder.len() {
        let built = router(&ladder[start..]);
        let mut request = request("GET http://a.test/a?q=1", &[("x-a", "1"), ("x-b", "1")]);
        assert_eq!(verdict(&built, &mut request), ladder[start].name);
    }
}

#[test]
fn priority_beats_the_host() {
    let routes = [on(&["a.test"], "host", "/a"), Route { priority: 1, ..route("priority", "/*") }];
    check(&routes, &[("GET http://a.test/a", "priority")]);
}

#[test]
fn a_route_that_fails_later_gives_way_to_the_next() {
    let routes = [with(Subject::Header("x-beta".into()), route("beta", "/a")), route("stable", "/a")];
    let built = router(&routes);
    assert_eq!(verdict(&built, &mut request("GET http://a/a", &[])), "stable");
    assert_eq!(verdict(&built, &mut request("GET http://a/a", &[("X-Beta", "1")])), "beta");
}

#[test]
fn only_the_method_failed_gives_the_union_of_methods() {
    let routes = [
        for_methods(&["GET", "HEAD"], "read", "/a"),
        for_methods(&["POST", "GET"], "write", "/*"),
        with(Subject::Header("x-a".into()), for_methods(&["PUT"], "conditional", "/a")),
        Route { when: Some("host:b".into()), ..for_methods(&["PATCH"], "when", "/a") },
        Route { hosts: vec![host_pattern("b")], ..for_methods(&["DELETE"], "other_host", "/a") },
    ];
    check(
        &routes,
        &[
            ("BREW http://a/a", "405 GET, HEAD, POST"),
            ("get http://a/a", "405 GET, HEAD, POST"),
            ("BREW http://b/a", "405 DELETE, GET, HEAD, PATCH, POST"),
            ("BREW http://a/b", "405 POST, GET"),
        ],
    );
    check(&routes[2..4], &[("BREW http://a/a", "404"), ("BREW http://b/a", "405 PATCH")]);
}

#[test]
fn a_condition_sees_the_parameters_of_its_own_route() {
    let routes = [
        Route { when: Some("param:7".into()), ..route("seven", "/{id}") },
        Route { order: 1, ..route("rest", "/{id}") },
    ];
    check(&routes, &[("GET http://a/7", "seven"), ("GET http://a/8", "rest")]);
}

#[test]
fn the_chosen_route_leaves_its_parameters_and_a_miss_leaves_none() {
    let routes = [Route { when: Some("param:8".into()), ..route("a", "/{a}/{b}/{c}") }, route("b", "/x/{d}/*")];
    let (built, mut scratch) = (router(&routes), Scratch::default());
    let mut request = request("GET http://a/x/7/y/", &[]);
    assert!(matches!(built.find(&mut request, &mut scratch), Verdict::Chosen { .. }));
    assert_eq!(
        [0, 1, 2].map(|position| request.param(position).map(str::to_owned)),
        [Some("7".into()), Some("y/".into()), None]
    );
    request.path = "/7/8/9".into();
    assert_eq!(built.find(&mut request, &mut scratch), Verdict::NotFound);
    assert!(request.params.spans.is_empty());
}

#[test]
fn a_client_outside_the_networks_is_not_served() {
    let routes = [Route { client_ip: vec!["10.0.0.0/8".into(), "::1".into()], ..route("inside", "/") }];
    let built = router(&routes);
    for (address, expected) in [("10.9.9.9", "inside"), ("::1", "inside"), ("192.0.2.1", "404")] {
        let mut request = request("GET http://a/", &[]);
        request.client.ip = address.parse().unwrap();
        assert_eq!(verdict(&built, &mut request), expected, "{address}");
    }
}

#[test]
fn the_whole_server_is_below_no_prefix() {
    let mut request = request("OPTIONS http://a/", &[]);
    request.path = "*".into();
    let routes = router(&[route("rest", "/*"), route("one", "/{a}")]);
    assert_eq!(verdict(&routes, &mut request), "200");
    let explanation = routes.explain(&mut request);
    assert_eq!((explanation.chosen, explanation.status), (None, Some(200)));
    let taken = router(&[route("ping", "~^\\*$")]);
    assert_eq!(verdict(&taken, &mut request), "ping", "who names it serves it");
    let put = router(&[for_methods(&["PUT"], "put", "~^\\*$")]);
    assert_eq!((verdict(&put, &mut request).as_str(), put.explain(&mut request).status), ("405 PUT", Some(405)));
}

#[test]
fn ten_thousand_routes_are_looked_up_by_looking_at_a_few() {
    let mut routes: Vec<Route> = (0..9_998)
        .map(|number| {
            let host = format!("h{}.test", number % 100);
            match number % 3 {
                0 => on(&[&host], &format!("r{number}"), &format!("/r{number}/*")),
                1 => on(&["*.test"], &format!("r{number}"), &format!("/r{number}")),
                _ => route(&format!("r{number}"), &format!("/r{number}/{{id}}")),
            }
        })
        .collect();
    routes.extend([route("rest", "/*"), for_methods(&["PUT"], "put", "/*")]);
    let (built, mut scratch) = (router(&routes), Scratch::default());
    for (line, expected) in [
        ("GET http://h0.test/r300/x", "r300"),
        ("GET http://h1.test/r301", "r301"),
        ("GET http://h1.test/r302/x", "r302"),
        ("GET http://h1.test/r300", "rest"),
    ] {
        let mut request = request(line, &[]);
        assert_eq!(verdict(&built, &mut request), expected, "{line}");
        built.gather(&request, &mut scratch);
        let mut candidates = 0;
        while built.next_candidate(&mut scratch.chains).is_some() {
            candidates += 1;
        }
        assert!(candidates <= 3, "{line}: {candidates}");
    }
}

#[test]
fn a_lookup_that_was_done_before_needs_no_more_memory() {
    let routes =
        [route("a", "/{a}/x/*"), route("b", "/b/{c}/*"), on(&["*.test"], "c", "/*"), for_methods(&["PUT"], "d", "/*")];
    let (built, mut scratch) = (router(&routes), Scratch::default());
    let mut request = request("GET http://a.b.test/b/x/y", &[]);
    let mut memory = || {
        built.find(&mut request, &mut scratch);
        (
            scratch.chains.capacity(),
            scratch.visits.capacity(),
            scratch.allow.capacity(),
            request.params.spans.capacity(),
        )
    };
    let first = memory();
    assert_eq!((0..100).map(|_| memory()).find(|later| *later != first), None);
}

#[test]
fn every_problem_of_a_route_is_named() {
    let broken = Route {
        hosts: vec![host_pattern("a"), host_pattern("b:1"), host_pattern("~(")],
        client_ip: vec!["10.0.0.0/99".into()],
        when: Some("nonsense".into()),
        conditions: vec![Condition { subject: Subject::Query("q".into()), test: Test::Regex("[".into()) }],
        ..route("broken", "/{a}/{a}")
    };
    let problems = BuiltRoute::build(&broken, &compile_when).err().unwrap();
    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["hosts[1]", "hosts[2]", "path", "conditions[0]", "client_ip[0]", "when"]);
    assert!(problems.iter().all(|problem| problem.route == "broken" && !problem.message.is_empty()));
}

#[test]
fn a_route_knows_its_listeners() {
    let built = |listeners: Option<Vec<String>>| {
        BuiltRoute::build(&Route { listeners, ..route("a", "/") }, &compile_when).unwrap()
    };
    assert!(built(None).serves_listener("web"));
    assert!(built(Some(vec!["web".into()])).serves_listener("web"));
    assert!(!built(Some(vec!["web".into()])).serves_listener("internal"));
}

#[test]
fn a_built_route_and_a_router_may_go_to_another_thread() {
    fn is_shareable<T: Send + Sync + 'static>(_: &T) {}
    is_shareable(&router(&[route("a", "/")]));
}
