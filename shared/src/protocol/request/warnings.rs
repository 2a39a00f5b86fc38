//! Warnings about fields that an action does not know: most are misspelt.

use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Serialize, forward_to_deserialize_any};

use super::Fields;
use crate::domain::limits;

/// Fields that every frame may have.
const OF_ALL: [&str; 5] = ["action", "type", "data", "requestId", "timestamp"];
/// Warnings of one frame, at most. Our choice.
const MAX_WARNINGS: usize = 8;
/// A longer name is cut, in bytes. Our choice.
const NAME_BYTES: usize = 64;

/// A field of the frame that the action does not know, and that is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Warning {
    /// The field's name, at most its first 64 bytes.
    pub field: String,
    /// A sentence for people, with the name that was probably meant.
    pub message: String,
}

impl Fields {
    /// The frame's own fields that are not among `known` and not for all actions, at most eight.
    pub fn warnings(&self, known: &[&str]) -> Vec<Warning> {
        let is_known =
            |name: &&String| !known.contains(&name.as_str()) && !OF_ALL.contains(&name.as_str());
        let unknown = self.frame.keys().filter(is_known).take(MAX_WARNINGS);
        unknown.map(|name| warning(name, known)).collect()
    }
}

/// Whether there are no warnings.
pub fn are_none(warnings: &&[Warning]) -> bool {
    warnings.is_empty()
}

fn warning(name: &str, known: &[&str]) -> Warning {
    let field = limits::prefix(name, NAME_BYTES);
    let similar = known.iter().chain(&OF_ALL);
    let similar = similar
        .map(|known| (distance(field, known), known))
        // A third of the name may be wrong.
        .filter(|(distance, known)| *distance <= known.len().div_ceil(3))
        .min();
    let message = match similar {
        Some((_, known)) => format!("unknown field; did you mean {known}?"),
        None => "unknown field".to_owned(),
    };
    Warning {
        field: field.to_owned(),
        message,
    }
}

/// The number of characters to insert, remove or replace to get from one name to the other, ignoring case.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ours) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, theirs) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ours != *theirs);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The names of a request's fields, as its type declares them.
pub fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It fails once it has the names.
    let _ = T::deserialize(FieldNames(&mut names));
    names
}

/// Notes which fields a type asks for, and has none.
struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(Error::custom("only the names of the fields are wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("only a struct has fields"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::request::{PingRequest, QueryRequest};

    #[test]
    fn a_misspelt_field_is_named_with_the_one_that_was_meant() {
        let frame = json!({"action": "query", "kind": "noop", "query": "q", "deadlineSecond": 5, "requestID": "r",
            "colour": 1, "data": {"anything": 1}});
        let fields = Fields::parse(&frame.to_string()).unwrap();
        let warnings = fields.warnings(field_names::<QueryRequest>());
        let warnings: Vec<(&str, &str)> = warnings
            .iter()
            .map(|warning| (&*warning.field, &*warning.message))
            .collect();
        assert_eq!(
            warnings,
            [
                ("colour", "unknown field"),
                (
                    "deadlineSecond",
                    "unknown field; did you mean deadlineSeconds?"
                ),
                ("requestID", "unknown field; did you mean requestId?"),
            ]
        );
    }

    #[test]
    fn warnings_are_bounded() {
        assert_eq!(field_names::<PingRequest>(), [""; 0]);
        let many: serde_json::Map<_, _> =
            (0..100).map(|n| (format!("{n:_>100}"), json!(n))).collect();
        let fields = Fields::parse(&json!(many).to_string()).unwrap();
        let warnings = fields.warnings(&[]);
        assert_eq!(warnings.len(), MAX_WARNINGS);
        assert!(
            warnings
                .iter()
                .all(|warning| warning.field.len() <= NAME_BYTES)
        );
    }
}
