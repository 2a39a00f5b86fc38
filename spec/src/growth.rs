//! Whether schemas only grew: what clients of the baseline send is still accepted, and what they receive is still what
//! they know, besides fields, enum values and types that are new.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::schemas::Direction;

/// Changes that mended a fault, though a schema says that they break.
const MENDED: [&str; 3] = [
    // The clients of `text_message` read their time as text: a number gave them a day in 1970.
    "TextResponse.timestamp",
    "VoiceAck.timestamp",
    "VoiceStarted.timestamp",
];

/// Each way in which clients of the baseline would break.
///
/// A break that mends a fault is in [`MENDED`].
pub fn breaks(baseline: &Value, current: &Value, direction: Direction) -> Vec<String> {
    let mut comparison = Comparison {
        direction,
        breaks: vec![],
    };
    let definitions = baseline["$defs"].as_object();
    for (name, old) in definitions.into_iter().flatten() {
        match current["$defs"].get(name) {
            Some(new) => comparison.compare(name, old, new),
            None => comparison.breaks.push(format!("{name} is gone")),
        }
    }
    let is_new = |line: &String| !MENDED.iter().any(|mended| line.starts_with(mended));
    comparison.breaks.into_iter().filter(is_new).collect()
}

struct Comparison {
    direction: Direction,
    breaks: Vec<String>,
}

impl Comparison {
    fn compare(&mut self, path: &str, old: &Value, new: &Value) {
        self.compare_properties(path, old, new);
        self.compare_required(path, old, new);
        let types = (texts(&old["type"]), texts(&new["type"]));
        self.compare_sets(path, "type", types, false);
        let values = (texts(&old["enum"]), texts(&new["enum"]));
        // A client ignores values that it does not know.
        self.compare_sets(path, "enum", values, true);
        for keyword in ["const", "$ref", "pattern", "additionalProperties"] {
            if old.get(keyword) != new.get(keyword) {
                self.breaks.push(format!("{path}: {keyword} changed"));
            }
        }
        for (keyword, is_upper) in [
            ("maximum", true),
            ("maxLength", true),
            ("maxItems", true),
            ("minimum", false),
            ("minLength", false),
            ("minItems", false),
        ] {
            self.compare_bound(path, keyword, is_upper, old, new);
        }
        if let (Some(old), Some(new)) = (old.get("items"), new.get("items")) {
            self.compare(&format!("{path}[]"), old, new);
        }
        for keyword in ["anyOf", "oneOf"] {
            self.compare_alternatives(path, keyword, old, new);
        }
    }

    fn compare_properties(&mut self, path: &str, old: &Value, new: &Value) {
        for (name, old) in old["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            match new["properties"].get(name) {
                Some(new) => self.compare(&path, old, new),
                None => self.breaks.push(format!("{path} is gone")),
            }
        }
    }

    fn compare_required(&mut self, path: &str, old: &Value, new: &Value) {
        let (old, new) = (texts(&old["required"]), texts(&new["required"]));
        let (changed, what) = match self.direction {
            Direction::ToServer => (new.difference(&old), "is required now"),
            Direction::ToClient => (old.difference(&new), "is not always there any more"),
        };
        for name in changed {
            self.breaks.push(format!("{path}.{name} {what}"));
        }
    }

    /// A request may accept more than before; a frame to a client may hold less, or more that clients ignore.
    fn compare_sets(
        &mut self,
        path: &str,
        what: &str,
        (old, new): (BTreeSet<String>, BTreeSet<String>),
        may_grow: bool,
    ) {
        let breaks = match self.direction {
            // No list is any value.
            Direction::ToServer => !new.is_empty() && (old.is_empty() || !old.is_subset(&new)),
            Direction::ToClient if may_grow => old.is_empty() != new.is_empty(),
            Direction::ToClient => !old.is_empty() && (new.is_empty() || !new.is_subset(&old)),
        };
        if breaks {
            self.breaks
                .push(format!("{path}: {what} was {old:?} and is {new:?}"));
        }
    }

    fn compare_bound(
        &mut self,
        path: &str,
        keyword: &str,
        is_upper: bool,
        old: &Value,
        new: &Value,
    ) {
        let bound = |schema: &Value| schema.get(keyword).and_then(Value::as_f64);
        let (old, new) = (bound(old), bound(new));
        // Whether `inner` allows nothing that `outer` does not.
        let is_within = |inner: Option<f64>, outer: Option<f64>| match (inner, outer) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(inner), Some(outer)) if is_upper => inner <= outer,
            (Some(inner), Some(outer)) => inner >= outer,
        };
        let breaks = match self.direction {
            Direction::ToServer => !is_within(old, new),
            Direction::ToClient => !is_within(new, old),
        };
        if breaks {
            self.breaks
                .push(format!("{path}: {keyword} was {old:?} and is {new:?}"));
        }
    }

    fn compare_alternatives(&mut self, path: &str, keyword: &str, old: &Value, new: &Value) {
        let alternatives = |schema: &Value| schema[keyword].as_array().cloned().unwrap_or_default();
        let (old, new) = (alternatives(old), alternatives(new));
        let consts = |all: &[Value]| -> BTreeSet<String> {
            let consts = all.iter().filter_map(|one| one.get("const"));
            consts.map(Value::to_string).collect()
        };
        let (known, now) = (consts(&old), consts(&new));
        if !old.is_empty() && known.len() == old.len() && now.len() == new.len() {
            let is_held = match self.direction {
                Direction::ToServer => known.is_subset(&now),
                // A client ignores values that it does not know.
                Direction::ToClient => true,
            };
            if !is_held {
                self.breaks
                    .push(format!("{path}: was {known:?} and is {now:?}"));
            }
            return;
        }
        // A reference names a type, an inline alternative is known by its place.
        let names_types = |all: &[Value]| all.iter().all(|one| one.get("$ref").is_some());
        if names_types(&old) && names_types(&new) {
            if let Some(gone) = old.iter().find(|one| !new.contains(one)) {
                self.breaks
                    .push(format!("{path}: {} is gone", gone["$ref"]));
            }
            return;
        }
        if old.len() != new.len() {
            self.breaks.push(format!("{path}: {keyword} changed"));
            return;
        }
        for (place, (old, new)) in old.iter().zip(&new).enumerate() {
            self.compare(&format!("{path}/{place}"), old, new);
        }
    }
}

fn texts(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(items) => items.iter().map(Value::to_string).collect(),
        Value::Null => BTreeSet::new(),
        one => BTreeSet::from([one.to_string()]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn frame(properties: &Value, required: &Value) -> Value {
        json!({"$defs": {"Frame": {"type": "object", "properties": properties, "required": required}}})
    }

    fn count(old: &Value, new: &Value, direction: Direction) -> usize {
        breaks(old, new, direction).len()
    }

    #[test]
    fn what_is_new_and_optional_breaks_nobody() {
        let old = frame(
            &json!({"a": {"type": "string", "enum": ["x"]}}),
            &json!(["a"]),
        );
        let more = json!({"a": {"type": "string", "enum": ["x", "y"]}, "b": {"type": "string"}});
        let new = frame(&more, &json!(["a"]));
        for direction in [Direction::ToServer, Direction::ToClient] {
            assert_eq!(count(&old, &new, direction), 0, "{direction:?}");
            assert_eq!(count(&old, &old, direction), 0, "{direction:?}");
        }
    }

    #[test]
    fn requests_must_not_ask_for_more_and_frames_must_not_lack_what_they_had() {
        let field = json!({"a": {"type": "string", "maxLength": 9}});
        let (optional, required) = (frame(&field, &json!([])), frame(&field, &json!(["a"])));
        assert_eq!(count(&optional, &required, Direction::ToServer), 1);
        assert_eq!(count(&required, &optional, Direction::ToServer), 0);
        assert_eq!(count(&optional, &required, Direction::ToClient), 0);
        assert_eq!(count(&required, &optional, Direction::ToClient), 1);
        let nullable = frame(
            &json!({"a": {"type": ["string", "null"], "maxLength": 9}}),
            &json!([]),
        );
        assert_eq!(count(&optional, &nullable, Direction::ToServer), 0);
        assert_eq!(count(&optional, &nullable, Direction::ToClient), 1);
        let shorter = frame(
            &json!({"a": {"type": "string", "maxLength": 8}}),
            &json!([]),
        );
        assert_eq!(count(&optional, &shorter, Direction::ToServer), 1);
        assert_eq!(count(&optional, &shorter, Direction::ToClient), 0);
        for direction in [Direction::ToServer, Direction::ToClient] {
            assert_eq!(
                count(&optional, &frame(&json!({}), &json!([])), direction),
                1
            );
            assert_eq!(count(&optional, &json!({"$defs": {}}), direction), 1);
        }
    }
}
