//! Regular expressions of routes and logs: linear in time, bounded in size.

use regex::{Regex, RegexBuilder};

/// Largest compiled expression; `\w{64}` fits, a repetition meant to fill memory does not.
const SIZE_LIMIT_BYTES: usize = 4 << 20;

/// Compiles an expression of a route, or says why it is refused.
pub fn compile_regex(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(SIZE_LIMIT_BYTES).build().map_err(|problem| refusal(&problem))
}

/// The same for texts that may hold any bytes.
pub fn compile_byte_regex(pattern: &str) -> Result<regex::bytes::Regex, String> {
    let builder = regex::bytes::RegexBuilder::new(pattern).size_limit(SIZE_LIMIT_BYTES).build();
    builder.map_err(|problem| refusal(&problem))
}

fn refusal(problem: &regex::Error) -> String {
    match problem {
        regex::Error::CompiledTooBig(limit) => format!("the expression needs more than {} KiB", limit >> 10),
        other => one_line(&other.to_string()),
    }
}

/// What the parser says without its drawing of the pattern, which takes several lines.
fn one_line(said: &str) -> String {
    let reason = said.rsplit("error: ").next().unwrap_or(said).trim();
    format!("not a regular expression: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d15_an_expression_that_backtracks_elsewhere_is_linear_here() {
        let pattern = compile_regex("^(a+)+$").unwrap();
        assert!(pattern.is_match(&"a".repeat(50_000)));
        assert!(!pattern.is_match(&format!("{}b", "a".repeat(50_000))));
    }

    #[test]
    fn d15_an_expression_that_fills_memory_is_refused() {
        assert_eq!(compile_regex(r"(\w{99}){99}").unwrap_err(), "the expression needs more than 4096 KiB");
        assert!(compile_regex(r"^/\w{64}$").is_ok());
        assert_eq!(compile_regex("(").unwrap_err(), "not a regular expression: unclosed group");
    }
}
