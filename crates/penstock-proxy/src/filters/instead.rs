//! What to write instead of a value of the wrong type.

use serde_json::Value;

/// The value as it was probably meant; empty where nobody can tell.
pub(super) fn hint(schema: &Value, value: &Value) -> String {
    match (wanted(schema), value) {
        ("size", Value::Number(number)) => format!("write it with its unit: `{}`", size(number.as_u64())),
        ("duration", Value::Number(number)) => format!("write it with its unit: `{number}s` or `{number}ms`"),
        ("rate", Value::Number(number)) => format!("write it with its period: `{number}/s` or `{number}/m`"),
        ("string", Value::Number(_) | Value::Bool(_)) => format!("write it in quotes: `\"{value}\"`"),
        ("array", Value::Number(_) | Value::String(_)) => format!("write it as a list: `[{value}]`"),
        ("array", Value::Object(_)) => "write `- ` before each of its items".into(),
        ("integer" | "number", Value::String(text)) if text.parse::<f64>().is_ok() => {
            format!("write it without quotes: `{text}`")
        }
        ("boolean", Value::String(text)) if matches!(text.as_str(), "yes" | "on" | "1") => "write `true`".into(),
        ("boolean", Value::String(text)) if matches!(text.as_str(), "no" | "off" | "0") => "write `false`".into(),
        _ => String::new(),
    }
}

/// The unit that a schema asks for, else its type.
fn wanted(schema: &Value) -> &str {
    let named = |key: &str| schema.get(key).and_then(Value::as_str);
    named("x-penstock-unit").or_else(|| named("type")).unwrap_or_default()
}

/// A number of bytes in the largest unit that says it whole.
fn size(bytes: Option<u64>) -> String {
    match bytes {
        None => "64KiB".into(),
        Some(bytes) if bytes > 0 && bytes % (1 << 20) == 0 => format!("{}MiB", bytes >> 20),
        Some(bytes) if bytes > 0 && bytes % (1 << 10) == 0 => format!("{}KiB", bytes >> 10),
        Some(bytes) => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hint_shows_the_value_as_it_was_meant() {
        let unit = |name: &str| json!({"type": "string", "x-penstock-unit": name});
        let of_type = |name: &str| json!({"type": name});
        let cases = [
            (unit("size"), json!(65_536), "write it with its unit: `64KiB`"),
            (unit("size"), json!(1_048_576), "write it with its unit: `1MiB`"),
            (unit("size"), json!(1000), "write it with its unit: `1000B`"),
            (unit("size"), json!(-1), "write it with its unit: `64KiB`"),
            (unit("duration"), json!(5), "write it with its unit: `5s` or `5ms`"),
            (unit("rate"), json!(5), "write it with its period: `5/s` or `5/m`"),
            (of_type("string"), json!(5), "write it in quotes: `\"5\"`"),
            (of_type("array"), json!("x"), "write it as a list: `[\"x\"]`"),
            (of_type("integer"), json!("200"), "write it without quotes: `200`"),
            (of_type("integer"), json!("many"), ""),
            (of_type("boolean"), json!("yes"), "write `true`"),
            (of_type("object"), json!(5), ""),
            (json!({}), json!(5), ""),
        ];
        for (schema, value, expected) in cases {
            assert_eq!(hint(&schema, &value), expected, "{value} for {schema}");
        }
    }
}
