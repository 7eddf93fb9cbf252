//! Templates of access-log lines: `{{ name }}` stands for the field of that name, or for the value of an expression.

use super::LOG_FIELDS;
use super::log_line::Field;
use super::log_pieces::Part;
use crate::expression::{Template, suggestion};

/// Everything that is wrong with a template, in the order of the text.
pub fn log_template_problems(template: &str) -> Vec<String> {
    let (parts, mut problems) = parts(template);
    if problems.is_empty() && parts.iter().all(|part| matches!(part, Part::Literal(_))) {
        let example = "{{ method }} {{ path }} {{ status }}";
        problems.push(format!("no field is named; write `json`, or names in braces such as `{example}`"));
    }
    problems
}

/// What a template is made of, and everything that is wrong with it.
pub(super) fn parts(template: &str) -> (Vec<Part<'_>>, Vec<String>) {
    let (mut parts, mut problems, mut rest) = (Vec::new(), Vec::new(), template);
    while let Some((before, behind)) = rest.split_once("{{") {
        problems.extend(single_braces(before));
        parts.push(Part::Literal(before));
        let Some((inner, after)) = behind.split_once("}}") else {
            problems.push(format!("`{{{{{}` is not closed; write `}}}}` behind the name", short(behind)));
            return (parts, problems);
        };
        match part(inner.trim()) {
            Ok(part) => parts.push(part),
            Err(problem) => problems.push(problem),
        }
        rest = after;
    }
    problems.extend(single_braces(rest));
    parts.push(Part::Literal(rest));
    parts.retain(|part| *part != Part::Literal(""));
    (parts, problems)
}

/// What stands between the braces: the name of a field, or an expression.
fn part(inner: &str) -> Result<Part<'static>, String> {
    if let Some(field) = Field::named(inner) {
        return Ok(Part::Field(field));
    }
    if inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(unknown_field(inner).unwrap_or_default());
    }
    let text = format!("{{{{ {inner} }}}}");
    Template::parse(&text).map_err(|problem| format!("`{}`: {problem}", short(inner)))?;
    Ok(Part::Expression(text))
}

/// Fields in single braces, which are plain text.
fn single_braces(text: &str) -> impl Iterator<Item = String> {
    let in_braces = text.split('{').skip(1).filter_map(|piece| piece.split_once('}').map(|(name, _)| name));
    in_braces
        .filter(|name| LOG_FIELDS.contains(&name.trim()))
        .map(|name| format!("`{{{name}}}` is plain text; write `{{{{ {} }}}}`", name.trim()))
}

/// What is said of a name that no field has.
pub(super) fn unknown_field(name: &str) -> Option<String> {
    let is_known = LOG_FIELDS.contains(&name);
    (!is_known).then(|| format!("no field is called `{}`; {}", short(name), suggestion::hint(name, LOG_FIELDS)))
}

/// Enough to recognise it by.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_of_a_template_says_what_to_write() {
        let none = "no field is named; write `json`, or names in braces such as `{{ method }} {{ path }} {{ status }}`";
        let cases: [(&str, &[&str]); 12] = [
            ("{{client}} \"{{ method }} {{ path }}\" {{ status }}", &[]),
            ("{\"took\": {{ duration_ms }}}", &[]),
            ("{{ stauts }}", &["no field is called `stauts`; did you mean `status`?"]),
            ("{{ time }} {{", &["`{{` is not closed; write `}}` behind the name"]),
            ("{{ time }} {{ status", &["`{{ status` is not closed; write `}}` behind the name"]),
            (
                "{status} {{ time }} {path}",
                &["`{status}` is plain text; write `{{ status }}`", "`{path}` is plain text; write `{{ path }}`"],
            ),
            ("{ status }", &["`{ status }` is plain text; write `{{ status }}`"]),
            ("combined", &[none]),
            ("$status %s", &[none]),
            ("{{ request.headers['x-a'] | default('-') }} {{ response.status }}", &[]),
            (
                "{{ request.header['x-a'] }}",
                &["`request.header['x-a']`: `request` has no `header`; did you mean `headers`?"],
            ),
            ("{{ stats }}", &["no field is called `stats`; did you mean `status`?"]),
        ];
        for (template, expected) in cases {
            assert_eq!(log_template_problems(template), expected, "{template}");
        }
        let every = log_template_problems("{{}}");
        assert!(every.len() == 1 && LOG_FIELDS.iter().all(|field| every[0].contains(field)), "{every:?}");
    }
}
