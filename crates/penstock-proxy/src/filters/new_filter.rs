//! `NewFilter`: tells the upstream that the request has passed here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::here;
use super::{FieldName, NativeFilter, Source};
use crate::exchange::Exchange;
use crate::pipeline::{Filter, Outcome};

/// Tells the upstream that the request has passed here.
///
/// This text is the manual page: what the filter does, what it needs, what surprises. Its
/// first line is the summary in lists, and the block below is checked by a test.
///
/// ```yaml
/// kind: NewFilter
/// header: x-passed
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "never"))]
pub struct NewFilter {
    /// Header that is set.
    pub header: FieldName,
}

impl NativeFilter for NewFilter {
    const SOURCE: Source = here!();
}

impl Filter for NewFilter {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        exchange.request.head.set(self.header.bytes(), b"yes");
        Outcome::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_set() {
        let filter: NewFilter = serde_json::from_value(serde_json::json!({"header": "x-passed"})).unwrap();
        let mut exchange = Exchange::default();
        assert!(matches!(filter.on_request(&mut exchange), Outcome::Continue));
        assert_eq!(exchange.request.head.get(b"x-passed"), Some(b"yes".as_slice()));
    }
}
