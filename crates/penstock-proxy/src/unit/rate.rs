//! Rates: `100/s`, `5000/m`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::number::{UnitProblem, bounded, split_digits};

/// Units of time after the slash and their milliseconds.
const UNITS: [(&str, u64); 4] = [("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const PATTERN: &str = "^0*[1-9][0-9]*/[smhd]$";
const HINT: &str = "write a whole number above 0, a slash and `s`, `m`, `h` or `d`, such as `100/s` or `5000/m`";

/// How often something may happen: a count above 0 in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Rate {
    count: u64,
    per_ms: u64,
}

impl Rate {
    /// How many.
    pub const fn count(self) -> u64 {
        self.count
    }

    /// In how many milliseconds.
    pub const fn per_millis(self) -> u64 {
        self.per_ms
    }
}

impl FromStr for Rate {
    type Err = UnitProblem;

    fn from_str(text: &str) -> Result<Self, UnitProblem> {
        let read = || {
            let (count, rest) = split_digits(text)?;
            let unit = rest.strip_prefix('/')?;
            let (_, per_ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
            Some(Self { count, per_ms: *per_ms }).filter(|rate| rate.count > 0)
        };
        read().ok_or_else(|| UnitProblem { message: format!("{text:?} is not a rate"), hint: HINT })
    }
}

/// The forms a rate comes in: as users write it, and resolved as in a plan.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a rate such as `100/s` or `5000/m`")]
enum Written {
    Text(String),
    Resolved(Resolved),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolved {
    count: u64,
    per_ms: u64,
}

impl TryFrom<Written> for Rate {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Text(text) => text.parse().map_err(|problem: UnitProblem| problem.to_string()),
            Written::Resolved(Resolved { count, per_ms }) if count > 0 && per_ms > 0 => {
                let (Some(count), Some(per_ms)) = (bounded(count), bounded(per_ms)) else { return Err(HINT.into()) };
                Ok(Self { count, per_ms })
            }
            Written::Resolved(_) => Err(HINT.into()),
        }
    }
}

impl schemars::JsonSchema for Rate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        super::serial::schema("rate", PATTERN, HINT)
    }

    fn inline_schema() -> bool {
        true
    }
}
