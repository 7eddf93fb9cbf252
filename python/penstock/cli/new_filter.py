"""The first text of a filter, in Python and in Rust; the Rust one is compiled and tested as `NewFilter`."""

_PYTHON = '''\
"""`{name}`: adds a header to every request."""

from penstock.sdk import Field, Filter, FilterConfig, Request


class {name}(Filter):
    """Adds a header to every request.

    This text is the filter's manual page: `penstock filters {name}` prints it.
    """

    class Config(FilterConfig):
        """What a step may set."""

        header: str = Field("x-{header}", description="Header that is added.")
        value: str = Field("on", description="What the header says.")

    example = """
        kind: {name}
        value: "yes"
    """

    def on_request(self, request: Request) -> None:
        """Add the header before the request goes on."""
        request.headers[self.config.header] = self.config.value
'''
_RUST = """\
//! `{name}`: tells the upstream that the request has passed here.

use schemars::JsonSchema;
use serde::{{Deserialize, Serialize}};

use super::kind::here;
use super::{{FieldName, NativeFilter, Source}};
use crate::exchange::Exchange;
use crate::pipeline::{{Filter, Outcome}};

/// Tells the upstream that the request has passed here.
///
/// This text is the manual page: what the filter does, what it needs, what surprises. Its
/// first line is the summary in lists, and the block below is checked by a test.
///
/// ```yaml
/// kind: {name}
/// header: x-passed
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "never"))]
pub struct {name} {{
    /// Header that is set.
    pub header: FieldName,
}}

impl NativeFilter for {name} {{
    const SOURCE: Source = here!();
}}

impl Filter for {name} {{
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {{
        exchange.request.head.set(self.header.bytes(), b"yes");
        Outcome::Continue
    }}
}}

#[cfg(test)]
mod tests {{
    use super::*;

    #[test]
    fn the_header_is_set() {{
        let filter: {name} = serde_json::from_value(serde_json::json!({{"header": "x-passed"}})).unwrap();
        let mut exchange = Exchange::default();
        assert!(matches!(filter.on_request(&mut exchange), Outcome::Continue));
        assert_eq!(exchange.request.head.get(b"x-passed"), Some(b"yes".as_slice()));
    }}
}}
"""


def python_text(name: str, header: str) -> str:
    """The file of a filter in Python."""
    return _PYTHON.format(name=name, header=header)


def rust_text(name: str) -> str:
    """The file of a filter of the core."""
    return _RUST.format(name=name)
