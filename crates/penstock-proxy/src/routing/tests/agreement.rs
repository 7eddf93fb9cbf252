//! Live lookup, explanation and a plain scan agree about generated routes and requests.

use penstock_plan::Route;

use super::super::{RouteVerdict, Scratch, Verdict};
use super::cases::{Case, generated_case, generated_route};
use super::generator::Random;
use super::plan::router;
use super::scan::scan;

#[derive(Default)]
struct Seen {
    chosen: usize,
    not_found: usize,
    method_not_allowed: usize,
    hidden: usize,
}

#[track_caller]
fn check(routes: &[Route], cases: &[Case], seen: &mut Seen) {
    let (built, mut scratch) = (router(routes), Scratch::default());
    for case in cases {
        let expected = scan(routes, case);
        let mut request = case.request();
        let verdict = built.find(&mut request, &mut scratch);
        let live = match verdict {
            Verdict::Chosen { index } => Ok(built.route(index).unwrap().name.name.to_string()),
            Verdict::NotFound | Verdict::WholeServer => Err(Vec::new()),
            Verdict::MethodNotAllowed => {
                let mut methods: Vec<String> = scratch.allow().split(", ").map(str::to_owned).collect();
                methods.sort();
                Err(methods)
            }
        };
        let context = || format!("{} {}{} among {routes:#?}", case.method, case.host, case.path);
        assert_eq!(live, expected, "{}", context());
        let live_params = request.params.clone();
        let explanation = built.explain(&mut request);
        assert_eq!(
            explanation.chosen.as_ref().map(|chosen| chosen.route.clone()).ok_or(()),
            live.clone().map_err(|_| ()),
            "{}",
            context()
        );
        assert_eq!(request.params, live_params, "{}", context());
        let allow = (verdict == Verdict::MethodNotAllowed).then(|| scratch.allow());
        assert_eq!(explanation.allow.as_deref(), allow, "{}", context());
        assert_eq!(explanation.routes.len(), routes.len());
        for told in &explanation.routes {
            assert_eq!(told.failed.is_some(), told.verdict == RouteVerdict::Rejected);
            seen.hidden += usize::from(told.verdict == RouteVerdict::Hidden);
        }
        match (verdict, explanation.status) {
            (Verdict::Chosen { .. }, None) => seen.chosen += 1,
            (Verdict::NotFound, Some(404)) => seen.not_found += 1,
            (Verdict::MethodNotAllowed, Some(405)) => seen.method_not_allowed += 1,
            other => panic!("{other:?}: {}", context()),
        }
    }
}

#[test]
fn lookup_explanation_and_a_plain_scan_agree() {
    let (mut random, mut seen) = (Random::new(11), Seen::default());
    for _ in 0..1_500 {
        let size = 1 + random.below(30);
        let routes: Vec<Route> = (0..size).map(|number| generated_route(&mut random, number)).collect();
        let cases: Vec<Case> = (0..10).map(|_| generated_case(&mut random)).collect();
        check(&routes, &cases, &mut seen);
    }
    let Seen { chosen, not_found, method_not_allowed, hidden } = seen;
    let smallest = chosen.min(not_found).min(method_not_allowed).min(hidden);
    assert!(smallest > 500, "{chosen} chosen, {not_found} not found, {method_not_allowed} refused, {hidden} hidden");
}
