//! What is shown of a request that is looked at as it comes.

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;

use penstock_plan::{AccessLog, LogFormat, LogMask, LogObject};

use crate::telemetry::Entry;
use crate::telemetry::log_line::{LineFormat, Logged, Scratch};
use crate::telemetry::log_mask::{Mask, Pattern, hide, network};

/// The form of a request, and what is hidden of it; made ready once for each plan.
pub(crate) struct Shown {
    line: LineFormat,
    hides_client: bool,
    host: Box<[Arc<Pattern>]>,
    path: Box<[Arc<Pattern>]>,
}

impl Default for Shown {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl Shown {
    /// The members of the first access log that writes objects, or the usual ones; what one log hides is hidden.
    pub(crate) fn of(logs: &[&AccessLog]) -> Self {
        let mut problems = Vec::new();
        let mask = Mask::new(&together(logs.iter().map(|log| &log.mask)), &mut problems);
        let format = logs.iter().map(|log| &log.format).find(|format| !matches!(format, LogFormat::Template(_)));
        let format = format.cloned().unwrap_or(LogFormat::Json);
        let mut line = LineFormat::new(&format, &mask, &mut problems);
        if let (false, LogFormat::Object(object)) = (problems.is_empty(), format) {
            // What one log adds may show what another hides.
            let bare = LogFormat::Object(LogObject { add: Vec::new(), ..object });
            line = LineFormat::new(&bare, &mask, &mut problems);
        }
        Self { line, hides_client: mask.client, host: mask.patterns_of("host"), path: mask.patterns_of("path") }
    }

    /// The host, without what is hidden.
    pub(super) fn host<'a>(&self, entry: &'a Entry<'_>, scratch: &'a mut Scratch) -> &'a [u8] {
        without(&self.host, entry.host.as_bytes(), scratch)
    }

    /// The path likewise.
    pub(super) fn path<'a>(&self, entry: &'a Entry<'_>, scratch: &'a mut Scratch) -> &'a [u8] {
        without(&self.path, entry.path.as_bytes(), scratch)
    }

    /// The client's address, or its network.
    pub(super) fn client(&self, entry: &Entry<'_>) -> IpAddr {
        if self.hides_client { network(entry.client) } else { entry.client }
    }

    /// Writes a request as an object of JSON, and the end of a line.
    pub(super) fn write(&self, out: &mut Vec<u8>, logged: &Logged<'_>, scratch: &RefCell<Scratch>) {
        self.line.write(out, logged, scratch);
    }
}

fn without<'a>(patterns: &[Arc<Pattern>], text: &'a [u8], (out, other): &'a mut Scratch) -> &'a [u8] {
    if patterns.is_empty() {
        return text;
    }
    out.clear();
    out.extend_from_slice(text);
    hide(patterns, out, other);
    out
}

/// All that any of several masks hides.
fn together<'a>(masks: impl Iterator<Item = &'a LogMask>) -> LogMask {
    let mut all = LogMask::default();
    for mask in masks {
        all.client |= mask.client;
        all.query.extend_from_slice(&mask.query);
        all.patterns.extend_from_slice(&mask.patterns);
    }
    all
}

#[cfg(test)]
mod tests {
    use penstock_plan::{LogMember, LogPattern, LogPlace};
    use serde_json::{Value, json};

    use super::*;
    use crate::exchange::Exchange;
    use crate::telemetry::log_line::tests::ENTRY;

    fn log(format: LogFormat, mask: LogMask) -> AccessLog {
        AccessLog { format, mask, ..AccessLog::of_everything(LogPlace::Stdout) }
    }

    fn object(keep: &[&str], add: &[(&str, &str)]) -> LogFormat {
        let add = add.iter().map(|&(name, value)| LogMember { name: name.to_owned(), value: value.to_owned() });
        let keep = Some(keep.iter().map(|&name| name.to_owned()).collect());
        LogFormat::Object(LogObject { keep, remove: Vec::new(), add: add.collect() })
    }

    fn shown(logs: &[AccessLog]) -> Value {
        let mut out = Vec::new();
        let exchange = &Exchange::default();
        let logged = Logged { entry: &ENTRY, exchange, second: "2023-11-14T22:13:20" };
        Shown::of(&logs.iter().collect::<Vec<_>>()).write(&mut out, &logged, &RefCell::default());
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn requests_have_the_members_of_the_first_log_that_writes_objects() {
        let template = LogFormat::Template("{{ path }}".to_owned());
        let usual = shown(&[]);
        assert_eq!((&usual["path"], &usual["query"]), (&json!("/a\"b"), &Value::Null));
        assert_eq!(shown(&[log(template.clone(), LogMask::default())]), usual);
        let chosen = object(&["id"], &[("target", "{{ method }} {{ query }}")]);
        let logs = [template, chosen, LogFormat::Json].map(|format| log(format, LogMask::default()));
        assert_eq!(shown(&logs), json!({"id": "i", "target": "GET a=1&token=2\n"}));
    }

    #[test]
    fn i15_what_any_log_hides_is_hidden() {
        let hides_client = LogMask { client: true, ..LogMask::default() };
        let hides_token = LogMask { query: vec!["token".to_owned()], ..LogMask::default() };
        let pattern = LogPattern { regex: "/a".to_owned(), by: "/*".to_owned(), members: None };
        let hides_path = LogMask { patterns: vec![pattern], ..LogMask::default() };
        let chosen = object(&["client", "path", "query"], &[]);
        let logs =
            [log(chosen, hides_token), log(LogFormat::Json, hides_client.clone()), log(LogFormat::Json, hides_path)];
        assert_eq!(shown(&logs), json!({"client": "10.0.0.0", "path": "/*\"b", "query": "a=1&token=***"}));
        // What one log shows of the client and another hides is left out with all that was added.
        let telling = object(&["id"], &[("who", "{{ request.client_ip }}")]);
        assert_eq!(shown(&[log(telling, LogMask::default()), log(LogFormat::Json, hides_client)]), json!({"id": "i"}));
    }
}
