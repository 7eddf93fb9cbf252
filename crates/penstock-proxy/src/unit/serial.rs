//! How units enter and leave JSON: text or number in, number out.

use serde_json::json;

use super::UnitProblem;

/// A unit that a plan carries as one number.
pub(super) trait Unit: Sized {
    /// What it is called.
    const NAME: &'static str;
    /// Texts accepted, as a JSON Schema pattern; numbers beyond the largest are refused besides.
    const PATTERN: &'static str;
    /// What to write.
    const HINT: &'static str;

    /// The number for a plan.
    fn resolved(self) -> u64;

    /// The unit of a plan's number.
    fn from_resolved(number: u64) -> Option<Self>;

    /// What is said of a text that is none.
    fn problem(text: &str) -> UnitProblem {
        UnitProblem { message: format!("{text:?} is not a {}", Self::NAME), hint: Self::HINT }
    }
}

/// The schema of a unit as users write it.
pub(super) fn schema(name: &str, pattern: &str, hint: &str) -> schemars::Schema {
    schemars::json_schema!({
        "type": "string",
        "pattern": pattern,
        "x-penstock-unit": json!(name),
        "x-penstock-hint": json!(hint),
    })
}

/// Implements `Serialize`, `Deserialize` and `JsonSchema` of a [`Unit`].
macro_rules! unit_serial {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u64($crate::unit::serial::Unit::resolved(*self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;

                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        use $crate::unit::serial::Unit;
                        write!(formatter, "a {}: {}", $name::NAME, $name::HINT)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$name, E> {
                        $crate::unit::serial::Unit::from_resolved(number)
                            .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
                    }
                }

                deserializer.deserialize_any(Visitor)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                use $crate::unit::serial::Unit;
                $crate::unit::serial::schema($name::NAME, $name::PATTERN, $name::HINT)
            }

            fn inline_schema() -> bool {
                true
            }
        }
    };
}

pub(super) use unit_serial;
