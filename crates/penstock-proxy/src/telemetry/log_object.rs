//! A JSON object whose members a plan has chosen.

use penstock_plan::{LogMember, LogObject};

use super::LOG_FIELDS;
use super::built_log::LogProblem;
use super::log_line::{Field, JSON_END, Logged, Presence, Scratch, Value};
use super::log_mask::Mask;
use super::log_pieces::{Part, Pieces, escaped, shown_client};
use super::log_template::{parts, unknown_field};

/// The members in their order.
pub(super) struct Object(Box<[Member]>);

struct Member {
    /// Its name with all that stands before the value.
    before: Box<[u8]>,
    value: Pieces,
    is_quoted: bool,
    presence: Presence,
}

impl Object {
    pub(super) fn new(plan: &LogObject, mask: &Mask, problems: &mut Vec<LogProblem>) -> Self {
        let lists = [("keep", plan.keep.as_deref().unwrap_or_default()), ("remove", &plan.remove)];
        for (list, names) in lists {
            for (index, name) in names.iter().enumerate() {
                let wrong = unknown_field(name).map(|problem| LogProblem::new(&[list, &index.to_string()], problem));
                problems.extend(wrong);
            }
        }
        let is_usual = |name: &str| match &plan.keep {
            Some(kept) => kept.iter().any(|one| one == name),
            None => Field::named(name).is_some_and(|field| field.presence() != Presence::Asked),
        };
        let usual =
            LOG_FIELDS.iter().copied().filter(|name| is_usual(name) && !plan.remove.iter().any(|one| one == name));
        let usual = usual.filter(|name| plan.add.iter().all(|added| added.name != *name));
        let mut members: Vec<Member> = usual.map(|name| Member::usual(name, mask)).collect();
        for added in &plan.add {
            members.push(Member::added(added, mask, problems));
        }
        if members.is_empty() {
            problems.push(LogProblem::new(&["remove"], "no field is left; keep one"));
        }
        Self(members.into())
    }

    /// Writes the object and the end of its line.
    pub(super) fn write(&self, out: &mut Vec<u8>, logged: &Logged<'_>, scratch: &mut Scratch) {
        let mut separator = b'{';
        for member in self.0.iter().filter(|member| member.is_in(logged)) {
            out.push(separator);
            separator = b',';
            out.extend_from_slice(&member.before);
            member.value.write(out, logged, scratch);
            if member.is_quoted {
                out.push(b'"');
            }
        }
        if separator == b'{' {
            out.push(separator);
        }
        out.extend_from_slice(JSON_END);
    }
}

impl Member {
    fn usual(name: &str, mask: &Mask) -> Self {
        let parts: Vec<Part<'_>> = Field::named(name).map(Part::Field).into_iter().collect();
        Self::new(name, &parts, mask)
    }

    fn added(plan: &LogMember, mask: &Mask, problems: &mut Vec<LogProblem>) -> Self {
        let (parts, wrong) = parts(&plan.value);
        let wrong = wrong.into_iter().chain(shown_client(&parts, mask));
        problems.extend(wrong.map(|problem| LogProblem::new(&["fields", &plan.name], problem)));
        Self::new(&plan.name, &parts, mask)
    }

    fn new(name: &str, parts: &[Part<'_>], mask: &Mask) -> Self {
        let alone = if let [Part::Field(field)] = parts { Some(*field) } else { None };
        let is_quoted = !alone.is_some_and(is_number);
        let mut before = b"\"".to_vec();
        before.extend_from_slice(&escaped(name));
        before.extend_from_slice(if is_quoted { b"\":\"" } else { b"\":" });
        let presence = alone.map_or(Presence::Always, Field::presence);
        Self { before: before.into(), value: Pieces::of_member(parts, name, mask), is_quoted, presence }
    }

    fn is_in(&self, logged: &Logged<'_>) -> bool {
        match self.presence {
            Presence::Always | Presence::Asked => true,
            Presence::Enciphered => logged.entry.session.is_some(),
            Presence::Known => !logged.entry.consumer.is_empty(),
            Presence::Called => logged.entry.grpc_status.is_some(),
            Presence::Traced => logged.entry.trace.is_some(),
        }
    }
}

/// Whether JSON has the value of a field without quotes.
fn is_number(field: Field) -> bool {
    matches!(field.of(&super::log_line::NOTHING), Value::Number(_) | Value::Millis(_))
}

#[cfg(test)]
mod tests {
    use penstock_plan::{LogFormat, LogMask, LogPattern};
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::exchange::Exchange;
    use crate::telemetry::log_line::tests::{ENTRY, line_of};

    fn exchange() -> Exchange {
        let mut exchange = Exchange::default();
        exchange.request.head.add(b"x-tenant", b"a\"\x1b\xe4\nb");
        exchange
    }

    fn object(plan: LogObject, mask: &LogMask) -> Json {
        let mut problems = Vec::new();
        let mask = Mask::new(mask, &mut problems);
        assert_eq!(problems, []);
        let text = line_of(&LogFormat::Object(plan), &mask, &ENTRY, &exchange());
        assert!(text.is_ascii() && text.ends_with("}\n") && text.lines().count() == 1, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    fn member(name: &str, value: &str) -> LogMember {
        LogMember { name: name.to_owned(), value: value.to_owned() }
    }

    fn names(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn an_object_as_usual_is_the_usual_line() {
        let usual = line_of(&LogFormat::Json, &Mask::default(), &ENTRY, &exchange());
        let made = line_of(&LogFormat::Object(LogObject::default()), &Mask::default(), &ENTRY, &exchange());
        assert_eq!(made, usual);
    }

    #[test]
    fn members_are_kept_removed_and_added() {
        let add = vec![
            member("tenant", "{{ request.headers[\"x-tenant\"] }}"),
            member("took", "{{ duration_ms }}"),
            member("what \"\n", "{{ method }} {{ path }}, \"{{ request.headers['x-none'] | default('-') }}\""),
            member("status", "{{ status }}!"),
            member("query", "{{ query }}"),
        ];
        let plan = LogObject { keep: Some(names(&["client", "status", "host"])), remove: names(&["host"]), add };
        let expected = json!({
            "client": "10.0.0.255",
            "tenant": "a\"%1B\u{e4}%0Ab",
            "took": 1.002,
            "what \"\n": "GET /a\"b, \"-\"",
            "status": "200!",
            "query": "a=1&token=2\n",
        });
        assert_eq!(object(plan, &LogMask::default()), expected);
    }

    #[test]
    fn what_is_masked_is_in_no_member() {
        let pattern = |regex: &str, members: Option<&str>| LogPattern {
            regex: regex.to_owned(),
            by: "*".to_owned(),
            members: members.map(|name| names(&[name])),
        };
        let mask = LogMask {
            client: true,
            query: names(&["token"]),
            patterns: vec![pattern("^..", Some("tenant")), pattern("GET", None)],
        };
        let add = vec![member("query", "{{ query }}"), member("tenant", "{{ request.headers['x-tenant'] }}")];
        let plan = LogObject { keep: Some(names(&["client", "method", "path"])), remove: Vec::new(), add };
        let expected = json!({"client": "10.0.0.0", "method": "*", "path": "/a\"b", "query": "a=1&token=***", "tenant": "*%1B\u{e4}%0Ab"});
        assert_eq!(object(plan, &mask), expected);
    }

    #[test]
    fn every_problem_of_an_object_has_its_place() {
        let plan = LogObject {
            keep: Some(names(&["stauts"])),
            remove: names(&["path", "pth"]),
            add: vec![member("a", "{{ request.header['x'] }}"), member("b", "{{ stats }}")],
        };
        let mut problems = Vec::new();
        Object::new(&plan, &Mask::default(), &mut problems);
        let told: Vec<(String, bool)> =
            problems.iter().map(|one| (one.path.join("."), one.message.contains("did you mean"))).collect();
        let expected = [("keep.0", true), ("remove.1", true), ("fields.a", true), ("fields.b", true)];
        assert_eq!(told, expected.map(|(path, hinted)| (path.to_owned(), hinted)));
    }
}
