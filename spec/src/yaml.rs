//! JSON as YAML: blocks for objects and lists, and JSON strings for text, which are YAML too.

use std::fmt::Write;

use serde_json::Value;

/// The value as the text of a YAML file.
pub fn text(value: &Value) -> String {
    let mut text = String::from(
        "# Generated from shared/src/protocol by `cargo run -p longhaul-spec -- write`.\n",
    );
    write_block(&mut text, value, 0);
    text
}

fn write_block(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let _ = write!(text, "{indent}{}:", key(name));
                write_value(text, value, depth + 1);
            }
        }
        Value::Array(items) => {
            for item in items {
                let _ = write!(text, "{indent}-");
                write_value(text, item, depth + 1);
            }
        }
        scalar => {
            let _ = writeln!(text, "{indent}{scalar}");
        }
    }
}

fn write_value(text: &mut String, value: &Value, depth: usize) {
    let is_empty = match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    };
    let is_short_list = value.as_array().is_some_and(|items| {
        items
            .iter()
            .all(|item| !item.is_object() && !item.is_array())
            && value.to_string().len() <= 100
    });
    if is_empty || is_short_list {
        let _ = writeln!(text, " {value}");
    } else {
        text.push('\n');
        write_block(text, value, depth);
    }
}

fn key(name: &str) -> String {
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_$-".contains(&byte))
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '$');
    match is_plain
        && !matches!(
            name,
            "true" | "false" | "null" | "yes" | "no" | "on" | "off"
        ) {
        true => name.to_owned(),
        false => Value::from(name).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_values_become_blocks() {
        let value = json!({"a": {"b": [1, {"c": "d: e"}], "f": []}, "4x": ["g", "h"]});
        let text = text(&value);
        let (_, body) = text.split_once('\n').unwrap();
        let expected =
            "\"4x\": [\"g\",\"h\"]\na:\n  b:\n    - 1\n    -\n      c: \"d: e\"\n  f: []\n";
        assert_eq!(body, expected);
    }
}
