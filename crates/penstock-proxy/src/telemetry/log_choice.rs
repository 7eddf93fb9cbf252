//! Which exchanges an access log has lines of.

use penstock_plan::{AccessLog, LogSample, LogScope};

use super::built_log::LogProblem;
use super::log_line::Logged;
use crate::expression::Condition;
use crate::grpc::Status;

/// What an exchange must be to have a line.
pub(super) struct Choice {
    only: LogScope,
    skip: LogScope,
    when: Option<Condition>,
    sample: Option<LogSample>,
}

impl Choice {
    /// None where every exchange has a line.
    pub(super) fn new(plan: &AccessLog, problems: &mut Vec<LogProblem>) -> Option<Self> {
        let condition = plan.when.as_deref().map(Condition::parse).transpose();
        let when = condition.unwrap_or_else(|problem| {
            problems.push(LogProblem::new(&["when"], problem.to_string()));
            None
        });
        let (only, skip, sample) = (plan.only.clone(), plan.skip.clone(), plan.sample.clone());
        let names_nobody = only == LogScope::default() && skip == LogScope::default();
        (!names_nobody || when.is_some() || sample.is_some()).then_some(Self { only, skip, when, sample })
    }

    /// Whether the exchange has a line.
    pub(super) fn takes(&self, logged: &Logged<'_>) -> bool {
        let entry = logged.entry;
        let is_there =
            |names: &Option<Vec<String>>, name: &str| names.as_ref().map(|names| names.iter().any(|one| one == name));
        is_there(&self.only.listeners, entry.listener).unwrap_or(true)
            && is_there(&self.only.routes, entry.route).unwrap_or(true)
            && !is_there(&self.skip.listeners, entry.listener).unwrap_or(false)
            && !is_there(&self.skip.routes, entry.route).unwrap_or(false)
            && self.sample.as_ref().is_none_or(|sample| is_sampled(sample, logged))
            && self.when.as_ref().is_none_or(|when| when.holds(&logged.exchange.facts()))
    }
}

fn is_sampled(sample: &LogSample, logged: &Logged<'_>) -> bool {
    let entry = logged.entry;
    let has_failed = entry.status >= 500 || entry.grpc_status.is_some_and(Status::is_server_error);
    let is_slow = sample.slow_ms.is_some_and(|slow_ms| entry.duration_us / 1_000 >= slow_ms);
    has_failed || is_slow || place_in_million(entry.id) < sample.per_million
}

/// Where among a million an id lies: the same for every gateway that a request with this id passes.
///
/// Source: FNV-1a, and the finaliser of `MurmurHash3`, without which short texts lie close together.
fn place_in_million(id: &str) -> u32 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    ((((mixed ^ (mixed >> 33)) >> 32) * 1_000_000) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use penstock_plan::LogPlace;

    use super::*;
    use crate::exchange::Exchange;
    use crate::telemetry::log_line::Entry;
    use crate::telemetry::log_line::tests::ENTRY;

    fn takes(change: impl FnOnce(&mut AccessLog), entry: &Entry<'_>, exchange: &Exchange) -> bool {
        let mut plan = AccessLog::of_everything(LogPlace::Stdout);
        change(&mut plan);
        let mut problems = Vec::new();
        let choice = Choice::new(&plan, &mut problems);
        assert_eq!(problems, []);
        choice.is_none_or(|choice| choice.takes(&Logged { entry, exchange, second: "" }))
    }

    #[test]
    fn listeners_and_routes_have_lines_as_they_are_named() {
        let names = |name: &str| Some(vec![name.to_owned()]);
        let exchange = Exchange::default();
        assert!(takes(|_| (), &ENTRY, &exchange));
        for (name, expected) in [("web", true), ("other", false)] {
            assert_eq!(takes(|plan| plan.only.listeners = names(name), &ENTRY, &exchange), expected);
            assert_eq!(takes(|plan| plan.skip.listeners = names(name), &ENTRY, &exchange), !expected);
        }
        for (name, expected) in [("r", true), ("other", false)] {
            assert_eq!(takes(|plan| plan.only.routes = names(name), &ENTRY, &exchange), expected);
            assert_eq!(takes(|plan| plan.skip.routes = names(name), &ENTRY, &exchange), !expected);
        }
        assert!(!takes(|plan| plan.only.routes = Some(Vec::new()), &ENTRY, &exchange));
    }

    #[test]
    fn a_condition_looks_at_request_and_answer() {
        let mut exchange = Exchange::default();
        exchange.answer(404, crate::exchange::LocalBody::Empty);
        let when = |text: &'static str| move |plan: &mut AccessLog| plan.when = Some(text.to_owned());
        assert!(takes(when("response.status >= 400"), &ENTRY, &exchange));
        assert!(!takes(when("response.status < 400"), &ENTRY, &exchange));
        assert!(!takes(when("request.headers[\"x-log\"] == \"1\""), &ENTRY, &exchange));
    }

    #[test]
    fn errors_and_slow_requests_are_in_every_sample() {
        let none = |plan: &mut AccessLog| plan.sample = Some(LogSample { per_million: 0, slow_ms: Some(5) });
        let exchange = Exchange::default();
        assert!(!takes(none, &ENTRY, &exchange));
        assert!(!takes(none, &Entry { status: 499, duration_us: 4_999, ..ENTRY }, &exchange));
        assert!(takes(none, &Entry { status: 500, ..ENTRY }, &exchange));
        assert!(takes(none, &Entry { duration_us: 5_000, ..ENTRY }, &exchange));
    }

    #[test]
    fn a_sample_has_its_share_and_is_the_same_everywhere() {
        for (per_million, least, most) in
            [(0, 0, 0), (10_000, 70, 130), (250_000, 2_350, 2_650), (1_000_000, 10_000, 10_000)]
        {
            let sample = |plan: &mut AccessLog| plan.sample = Some(LogSample { per_million, slow_ms: None });
            let ids = (0..10_000).map(|number| format!("{number:032x}"));
            let count = ids.filter(|id| takes(sample, &Entry { id, ..ENTRY }, &Exchange::default())).count();
            assert!((least..=most).contains(&count), "{count} of 10,000 at {per_million}");
        }
        assert_eq!(
            place_in_million("4bf92f3577b34da6a3ce929d0e0e4736"),
            place_in_million("4bf92f3577b34da6a3ce929d0e0e4736")
        );
    }
}
