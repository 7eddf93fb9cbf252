//! Templates of access-log lines: `{{ name }}` stands for the field of that name.

use super::LOG_FIELDS;
use crate::expression::suggestion;

/// Everything that is wrong with a template, in the order of the text.
pub fn log_template_problems(template: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let (mut rest, mut names) = (template, 0);
    while let Some((before, behind)) = rest.split_once("{{") {
        problems.extend(single_braces(before));
        names += 1;
        let Some((name, after)) = behind.split_once("}}") else {
            problems.push(format!("`{{{{{}` is not closed; write `}}}}` behind the name", short(behind)));
            return problems;
        };
        problems.extend(unknown(name.trim()));
        rest = after;
    }
    problems.extend(single_braces(rest));
    if names == 0 && problems.is_empty() {
        let example = "{{ method }} {{ path }} {{ status }}";
        problems.push(format!("no field is named; write `json`, or names in braces such as `{example}`"));
    }
    problems
}

/// Fields in single braces, which are plain text.
fn single_braces(text: &str) -> impl Iterator<Item = String> {
    let in_braces = text.split('{').skip(1).filter_map(|piece| piece.split_once('}').map(|(name, _)| name));
    in_braces
        .filter(|name| LOG_FIELDS.contains(&name.trim()))
        .map(|name| format!("`{{{name}}}` is plain text; write `{{{{ {} }}}}`", name.trim()))
}

fn unknown(name: &str) -> Option<String> {
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
        let cases: [(&str, &[&str]); 9] = [
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
        ];
        for (template, expected) in cases {
            assert_eq!(log_template_problems(template), expected, "{template}");
        }
        let every = log_template_problems("{{}}");
        assert!(every.len() == 1 && LOG_FIELDS.iter().all(|field| every[0].contains(field)), "{every:?}");
    }
}
