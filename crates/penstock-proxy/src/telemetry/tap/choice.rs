//! Which requests a tap takes.

use serde::Deserialize;

use super::shown::Shown;
use crate::expression::Condition;
use crate::routing::Networks;
use crate::telemetry::log_line::{Logged, Scratch};

/// Requests a second that a tap takes from one worker where nothing else is asked for.
const USUAL_PER_SECOND: u32 = 1_000;

/// What somebody wants to see of the requests as they come; of what is not named, all.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Interest {
    /// Names of routes.
    pub routes: Option<Vec<String>>,
    /// What the names of routes begin with.
    pub route_prefix: String,
    /// Statuses, the least and the largest of each range.
    pub statuses: Vec<(u16, u16)>,
    /// Methods.
    pub methods: Vec<String>,
    /// A host.
    pub host: Option<String>,
    /// What paths begin with.
    pub path_prefix: String,
    /// A network that clients are in, or one address.
    pub client: Option<String>,
    /// Milliseconds that requests take at least.
    pub slower_ms: u64,
    /// A condition over request and answer.
    pub when: Option<String>,
    /// How many of them a second are shown at most.
    pub per_second: u32,
}

impl Default for Interest {
    fn default() -> Self {
        Self {
            routes: None,
            route_prefix: String::new(),
            statuses: Vec::new(),
            methods: Vec::new(),
            host: None,
            path_prefix: String::new(),
            client: None,
            slower_ms: 0,
            when: None,
            per_second: USUAL_PER_SECOND,
        }
    }
}

/// An interest, made ready.
pub(super) struct TapChoice {
    interest: Interest,
    client: Option<Networks>,
    when: Option<Condition>,
}

impl TapChoice {
    /// Makes ready what somebody wants; what is wrong with it is told in words.
    pub(super) fn new(interest: Interest) -> Result<Self, String> {
        let when = interest.when.as_deref().map(Condition::parse).transpose();
        let when = when.map_err(|problem| format!("when: {problem}"))?;
        let client = interest.client.iter().map(|text| Networks::parse(std::slice::from_ref(text))).next().transpose();
        let client = client.map_err(|(_, problem)| format!("client: {problem}"))?;
        Ok(Self { interest, client, when })
    }

    /// How many a second are taken at most.
    pub(super) fn per_second(&self) -> u32 {
        self.interest.per_second
    }

    /// Whether a request is among them. What is hidden of it is not compared either: nobody is to find it out by asking.
    pub(super) fn takes(&self, logged: &Logged<'_>, shown: &Shown, scratch: &mut Scratch) -> bool {
        let (entry, asked) = (logged.entry, &self.interest);
        asked.routes.as_ref().is_none_or(|routes| routes.iter().any(|one| one == entry.route))
            && entry.route.starts_with(&asked.route_prefix)
            && (asked.statuses.is_empty()
                || asked.statuses.iter().any(|(from, to)| (*from..=*to).contains(&entry.status)))
            && (asked.methods.is_empty() || asked.methods.iter().any(|one| one.as_bytes() == entry.method))
            && entry.duration_us >= asked.slower_ms.saturating_mul(1_000)
            && asked.host.as_ref().is_none_or(|host| shown.host(entry, scratch) == host.as_bytes())
            && (asked.path_prefix.is_empty() || shown.path(entry, scratch).starts_with(asked.path_prefix.as_bytes()))
            && self.client.as_ref().is_none_or(|network| network.contains(shown.client(entry)))
            && self.when.as_ref().is_none_or(|when| when.holds(&logged.exchange.facts()))
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use penstock_plan::{AccessLog, LogMask, LogPattern, LogPlace};
    use serde_json::{Value, json};

    use super::*;
    use crate::exchange::{Exchange, LocalBody};
    use crate::telemetry::Entry;
    use crate::telemetry::log_line::tests::ENTRY;

    fn choice(interest: Value) -> Result<TapChoice, String> {
        TapChoice::new(serde_json::from_value(interest).unwrap())
    }

    fn takes(interest: Value, mask: LogMask) -> bool {
        let log = AccessLog { mask, ..AccessLog::of_everything(LogPlace::Stdout) };
        let mut exchange = Exchange::default();
        exchange.answer(200, LocalBody::Empty);
        let entry = Entry { client: IpAddr::from([192, 0, 2, 17]), path: "/users/42/x", ..ENTRY };
        let logged = Logged { entry: &entry, exchange: &exchange, second: "" };
        choice(interest).unwrap().takes(&logged, &Shown::of(&[&log]), &mut Scratch::default())
    }

    #[test]
    fn what_is_asked_for_is_taken_and_nothing_else() {
        for (interest, expected) in [
            (json!({}), true),
            (json!({"routes": ["a", "r"]}), true),
            (json!({"routes": ["a"]}), false),
            (json!({"routes": []}), false),
            (json!({"route_prefix": "r"}), true),
            (json!({"route_prefix": "team."}), false),
            (json!({"statuses": [[500, 599], [200, 200]]}), true),
            (json!({"statuses": [[201, 599]]}), false),
            (json!({"methods": ["POST", "GET"]}), true),
            (json!({"methods": ["POST"]}), false),
            (json!({"host": "h"}), true),
            (json!({"host": "shop"}), false),
            (json!({"path_prefix": "/users/4"}), true),
            (json!({"path_prefix": "/users/5"}), false),
            (json!({"client": "192.0.2.0/24"}), true),
            (json!({"client": "192.0.2.17"}), true),
            (json!({"client": "192.0.2.18"}), false),
            (json!({"slower_ms": 1}), true),
            (json!({"slower_ms": 2}), false),
            (json!({"when": "response.status == 200"}), true),
            (json!({"when": "response.status == 200 and request.method == \"PUT\""}), false),
            (json!({"routes": ["r"], "methods": ["POST"]}), false),
        ] {
            assert_eq!(takes(interest.clone(), LogMask::default()), expected, "{interest}");
        }
    }

    #[test]
    fn i15_nobody_finds_out_by_asking_what_is_hidden() {
        let pattern = LogPattern { regex: "/users/[^/]+".to_owned(), by: "/users/*".to_owned(), members: None };
        let mask = LogMask { client: true, patterns: vec![pattern], ..LogMask::default() };
        for (interest, expected) in [
            (json!({"client": "192.0.2.17"}), false),
            (json!({"client": "192.0.2.0/24"}), true),
            (json!({"path_prefix": "/users/4"}), false),
            (json!({"path_prefix": "/users/*/x"}), true),
            (json!({"host": "h"}), true),
        ] {
            assert_eq!(takes(interest.clone(), mask.clone()), expected, "{interest}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_told() {
        for (interest, expected) in [
            (json!({"client": "shop"}), "client: shop is not a network such as 10.0.0.0/8"),
            (json!({"when": "request.methd"}), "when: `request` has no `methd`; did you mean `method`?"),
        ] {
            assert_eq!(choice(interest).err().unwrap(), expected);
        }
        assert!(serde_json::from_value::<Interest>(json!({"statuss": []})).is_err());
    }
}
