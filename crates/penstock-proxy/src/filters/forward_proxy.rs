//! `ForwardProxy`: sends requests where they themselves say, as far as that is allowed.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::destination::{Destination, is_address_in_disguise, is_special};
use super::kind::here;
use super::{NativeFilter, Password, SettingProblem, Source, Users};
use crate::pipeline::{Filter, ResultId};
use crate::unit::Duration;

/// Ports that may be connected to where nothing else is said.
const WEB: [u16; 2] = [80, 443];

/// Sends requests where they themselves say, as clients ask of a proxy.
///
/// Clients name this gateway as their proxy. They ask with `CONNECT`, which opens a tunnel, or with a whole URL of
/// `http`. A rule in `allow` and `deny` is a name, `*.name` for all below it, an
/// address or a network, or `*` for all, maybe with a port or a range of ports: `*.example.com:443`,
/// `[2001:db8::/32]:8000-8999`. What `deny` names is refused, then what `allow` does not name. In `allow` a rule without
/// ports is for 80 and 443, in `deny` for all. Without `allow` everything is allowed on 80 and 443.
///
/// Names are looked up by the gateway, and it is the addresses found that are judged and connected to. Those of nobody
/// in particular (this machine, link-local, private, multicast and the like) are refused unless a network in `allow`
/// covers them: a rule for a name, or `*`, does not.
///
/// What is refused is answered with `403`. A request that was not sent as to a proxy is answered with `400`, one for
/// `https` without a tunnel too. Whoever is connected to is told nothing of the client: forwarding fields and
/// `Proxy-Authorization` go no further, and `Via` says that there is a proxy. Connections are kept for further requests to
/// the same address by the same name, tunnels and requests with `Authorization` aside.
///
/// With `via` another proxy connects with destinations: tunnels are asked of it with `CONNECT`, other requests are sent
/// to it as they came. It looks names up too, so that rules for networks judge addresses in requests alone.
///
/// With `users` only those are served who send one of these names with its password in `Proxy-Authorization`; others are
/// answered with `407`.
///
/// Results: `unauthorized`, `refused`, `failed` (no connection, or no answer), `timed_out`, `server_error` (a status of 500 or more),
/// `client_error` (400 to 499).
///
/// ```yaml
/// kind: ForwardProxy
/// allow: ["*.example.com", "deb.debian.org:80", "10.20.0.0/16:443"]
/// deny: [secret.example.com]
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "forwards"))]
pub struct ForwardProxy {
    /// Destinations that may be reached; absent: all on ports 80 and 443 but those of nobody in particular.
    #[serde(default)]
    pub allow: Option<Vec<Destination>>,
    /// Destinations that may not be reached, whatever `allow` says.
    #[serde(default)]
    pub deny: Vec<Destination>,
    /// Name or URL of an upstream whose endpoints are proxies; absent: destinations are connected to from here.
    #[serde(default)]
    #[schemars(extend("x-penstock-reference" = "upstream"))]
    pub via: Option<String>,
    /// What that proxy is told in `Proxy-Authorization`, `name:password`; absent: nothing.
    #[serde(default)]
    pub via_credentials: Option<Password>,
    /// Names and passwords of those who may use it; absent: all who reach it.
    #[serde(default)]
    pub users: Option<Users>,
    /// Time to look a name up and make a connection.
    #[serde(default = "connect")]
    pub connect: Duration,
    /// Time from a request sent to the head of its answer received.
    #[serde(default = "minute")]
    pub answer: Duration,
    /// Time that a body or a tunnel may stand still.
    #[serde(default = "minute")]
    pub idle: Duration,
}

/// Behind the results that a `Forward` has too.
pub(crate) const REFUSED: ResultId = ResultId(4);
pub(crate) const UNAUTHORIZED: ResultId = ResultId(5);

fn connect() -> Duration {
    Duration::of_millis(5_000)
}

fn minute() -> Duration {
    Duration::of_millis(60_000)
}

impl NativeFilter for ForwardProxy {
    const SOURCE: Source = here!();
    const RESULTS: &'static [&'static str] =
        &["failed", "timed_out", "server_error", "client_error", "refused", "unauthorized"];

    fn problems(&self) -> Vec<SettingProblem> {
        let is_empty = self.allow.as_ref().is_some_and(Vec::is_empty);
        let hint = "name who may be reached, or leave it out";
        let lonely = self.via_credentials.is_some() && self.via.is_none();
        let lonely = lonely.then(|| {
            SettingProblem::new("via_credentials", "there is no proxy to tell them", "write `via`, or leave them out")
        });
        let empty = is_empty.then(|| SettingProblem::new("allow", "nothing is allowed", hint));
        let nobody = self.users.as_ref().filter(|users| users.is_empty()).map(|_| {
            SettingProblem::new("users", "nobody is allowed", "name who may use it, or leave it out")
        });
        let impossible = self.users.as_ref().and_then(Users::impossible).map(|name| {
            let message = format!("{name:?} is no name of a user");
            SettingProblem::new("users", message, "names have letters, and no colon")
        });
        empty.into_iter().chain(lonely).chain(nobody).chain(impossible).collect()
    }
}

/// The core runs this step itself: connecting and waiting are no filter's work.
impl Filter for ForwardProxy {}

impl ForwardProxy {
    /// Whether some address of a name could be taken: else it is not even looked up, for that tells somebody too.
    pub(crate) fn may_take(&self, name: &str, port: u16) -> bool {
        let is_denied = |rule: &Destination| rule.is_for_name(name) && rule.is_for_port(port, |_| true);
        let is_allowed =
            |rule: &Destination| (rule.is_network() || rule.is_for_name(name)) && rule.is_for_port(port, is_web);
        !is_address_in_disguise(name)
            && !self.deny.iter().any(is_denied)
            && self.allow.as_ref().map_or_else(|| is_web(port), |rules| rules.iter().any(is_allowed))
    }

    /// Whether a name may be connected to by somebody else, who looks it up.
    pub(crate) fn takes_name(&self, name: &str, port: u16) -> bool {
        let is_allowed = |rule: &Destination| rule.is_for_name(name) && rule.is_for_port(port, is_web);
        self.may_take(name, port) && self.allow.as_ref().is_none_or(|rules| rules.iter().any(is_allowed))
    }

    /// Whether an address may be connected to, which a name, if there is one, has led to.
    pub(crate) fn takes(&self, name: Option<&str>, address: IpAddr, port: u16) -> bool {
        let (name, address) = (name.unwrap_or_default(), address.to_canonical());
        let is_denied = |rule: &Destination| {
            rule.is_for_port(port, |_| true) && (rule.is_for_name(name) || rule.covers(address))
        };
        let is_allowed = |rule: &Destination| {
            rule.is_for_port(port, is_web) && (rule.covers(address) || !is_special(address) && rule.is_for_name(name))
        };
        !self.deny.iter().any(is_denied)
            && match &self.allow {
                None => is_web(port) && !is_special(address),
                Some(rules) => rules.iter().any(is_allowed),
            }
    }

    /// What becomes of a request for a host and port, as far as that can be said without looking a name up.
    pub(crate) fn explain(&self, host: &str, port: Option<u16>) -> String {
        let port = port.unwrap_or(80);
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        match literal.parse() {
            Err(_) if self.via.is_some() && self.takes_name(host, port) => {
                format!("has another proxy look {host} up and connect to it on port {port}")
            }
            Err(_) if self.via.is_some() => format!("refuses {host}:{port}"),
            Ok(address) if self.via.is_some() && self.takes(None, address, port) => {
                format!("has another proxy connect to {host}:{port}")
            }
            Ok(address) if self.takes(None, address, port) => format!("connects to {host}:{port}"),
            Err(_) if self.may_take(host, port) => {
                format!("looks {host} up, and connects to the first of its addresses that is allowed on port {port}")
            }
            Ok(_) | Err(_) => format!("refuses {host}:{port}"),
        }
    }
}

fn is_web(port: u16) -> bool {
    WEB.contains(&port)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::check;
    use super::*;

    fn step(settings: Value) -> ForwardProxy {
        serde_json::from_value(check("ForwardProxy", settings).unwrap()).unwrap()
    }

    #[test]
    fn settings_have_defaults_and_rules_are_checked() {
        let expected = json!({"allow": null, "deny": [], "via": null, "via_credentials": null, "users": null, "connect": 5000, "answer": 60000, "idle": 60000});
        assert_eq!(check("ForwardProxy", json!({})), Ok(expected));
        for (settings, path, words) in [
            (json!({"allow": []}), "allow", "nothing is allowed"),
            (json!({"allow": ["a.test", "0x7f.1"]}), "allow[1]", "`0x7f.1` is no destination"),
            (json!({"deny": ["http://a.test"]}), "deny[0]", "is no destination"),
            (json!({"via_credentials": "a:b"}), "via_credentials", "no proxy to tell"),
            (json!({"users": {}}), "users", "nobody is allowed"),
            (json!({"users": {"a:b": "c"}}), "users", "is no name of a user"),
            (json!({"users": {"a": 5}}), "users.a", "is no text"),
        ] {
            let problems = check("ForwardProxy", settings.clone()).unwrap_err();
            let found = problems.iter().any(|one| one.path == path && one.message.contains(words));
            assert!(found, "{settings}: {problems:?}");
        }
    }

    #[test]
    fn d13_addresses_of_nobody_in_particular_need_a_network_that_covers_them() {
        for (settings, name, address, port, expected) in [
            (json!({}), Some("a.test"), "9.9.9.9", 443, true),
            (json!({}), Some("a.test"), "9.9.9.9", 8080, false),
            (json!({}), None, "9.9.9.9", 80, true),
            (json!({}), None, "127.0.0.1", 80, false),
            (json!({}), Some("a.test"), "169.254.169.254", 80, false),
            (json!({}), Some("a.test"), "::ffff:127.0.0.1", 80, false),
            (json!({"allow": ["*"]}), Some("a.test"), "127.0.0.1", 80, false),
            (json!({"allow": ["a.test"]}), Some("a.test"), "10.0.0.1", 80, false),
            (json!({"allow": ["a.test", "10.0.0.1"]}), Some("a.test"), "10.0.0.1", 80, true),
            (json!({"allow": ["10.0.0.0/8:81"]}), None, "10.0.0.1", 81, true),
            (json!({"allow": ["10.0.0.0/8:81"]}), None, "10.0.0.1", 80, false),
            (json!({"allow": ["0.0.0.0/0"]}), None, "127.0.0.1", 443, true),
            (json!({"allow": ["*.a.test:1-9999"]}), Some("b.a.test"), "9.9.9.9", 8080, true),
            (json!({"allow": ["*.a.test"]}), Some("b.test"), "9.9.9.9", 80, false),
            (json!({"allow": ["*.a.test"]}), None, "9.9.9.9", 80, false),
            (json!({"allow": ["*"], "deny": ["9.9.9.0/24"]}), Some("a.test"), "9.9.9.9", 80, false),
            (json!({"allow": ["*"], "deny": ["a.test:25"]}), Some("a.test"), "9.9.9.9", 80, true),
            (json!({"allow": ["10.0.0.0/8"], "deny": ["*"]}), None, "10.0.0.1", 80, false),
        ] {
            let found = step(settings.clone()).takes(name, address.parse().unwrap(), port);
            assert_eq!(found, expected, "{settings} {name:?} {address} {port}");
        }
    }

    #[test]
    fn d13_what_another_proxy_looks_up_is_judged_by_its_name_alone() {
        for (settings, name, port, expected) in [
            (json!({}), "a.test", 443, true),
            (json!({}), "a.test", 22, false),
            (json!({}), "0x7f.1", 80, false),
            (json!({"allow": ["10.0.0.0/8"]}), "a.test", 80, false),
            (json!({"allow": ["*.a.test", "10.0.0.0/8"]}), "b.a.test", 80, true),
            (json!({"allow": ["*"], "deny": ["a.test"]}), "a.test", 80, false),
        ] {
            assert_eq!(step(settings.clone()).takes_name(name, port), expected, "{settings} {name} {port}");
        }
    }

    #[test]
    fn d13_a_name_that_cannot_be_taken_is_not_looked_up() {
        for (settings, name, port, expected) in [
            (json!({}), "a.test", 443, true),
            (json!({}), "a.test", 22, false),
            (json!({}), "0x7f.1", 80, false),
            (json!({"allow": ["*.a.test"]}), "b.test", 80, false),
            (json!({"allow": ["*.a.test", "10.0.0.0/8"]}), "b.test", 80, true),
            (json!({"deny": ["*.a.test"]}), "b.a.test", 80, false),
        ] {
            assert_eq!(step(settings.clone()).may_take(name, port), expected, "{settings} {name} {port}");
        }
    }
}
