//! DynamoDB's JSON of attributes (`{"S":"text"}`), to and from the SDK's type. Binary attributes are an error.

use std::fmt::{Formatter, Result as Formatted};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::aws::item::Attributes;

/// Serializes attributes.
pub(super) struct AttributesJson<'a>(pub &'a Attributes);

struct ValueJson<'a>(&'a AttributeValue);

impl Serialize for AttributesJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, ValueJson(value))))
    }
}

impl Serialize for ValueJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut value = serializer.serialize_map(Some(1))?;
        match self.0 {
            AttributeValue::S(text) => value.serialize_entry("S", text)?,
            AttributeValue::N(number) => value.serialize_entry("N", number)?,
            AttributeValue::Bool(flag) => value.serialize_entry("BOOL", flag)?,
            AttributeValue::Null(null) => value.serialize_entry("NULL", null)?,
            AttributeValue::Ss(texts) => value.serialize_entry("SS", texts)?,
            AttributeValue::Ns(numbers) => value.serialize_entry("NS", numbers)?,
            AttributeValue::M(map) => value.serialize_entry("M", &AttributesJson(map))?,
            AttributeValue::L(list) => {
                let list: Vec<ValueJson> = list.iter().map(ValueJson).collect();
                value.serialize_entry("L", &list)?;
            }
            _ => return Err(S::Error::custom("binary attributes are not supported")),
        }
        value.end()
    }
}

struct ParsedAttributes(Attributes);

struct ParsedValue(AttributeValue);

/// Deserializes attributes.
pub(super) fn deserialize_attributes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Attributes>, D::Error> {
    let parsed = Option::<ParsedAttributes>::deserialize(deserializer)?;
    Ok(parsed.map(|parsed| parsed.0))
}

impl<'de> Deserialize<'de> for ParsedAttributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Item;

        impl<'de> Visitor<'de> for Item {
            type Value = ParsedAttributes;

            fn expecting(&self, to: &mut Formatter<'_>) -> Formatted {
                to.write_str("attributes by name")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<ParsedAttributes, A::Error> {
                let mut item = Attributes::new();
                while let Some((name, ParsedValue(value))) = map.next_entry()? {
                    item.insert(name, value);
                }
                Ok(ParsedAttributes(item))
            }
        }

        deserializer.deserialize_map(Item)
    }
}

impl<'de> Deserialize<'de> for ParsedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "UPPERCASE")]
        enum Kind {
            S,
            N,
            Bool,
            Null,
            Ss,
            Ns,
            M,
            L,
        }

        struct Value;

        impl<'de> Visitor<'de> for Value {
            type Value = ParsedValue;

            fn expecting(&self, to: &mut Formatter<'_>) -> Formatted {
                to.write_str("an attribute by its type")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ParsedValue, A::Error> {
                let kind = map.next_key()?;
                let kind = kind.ok_or_else(|| A::Error::custom("an attribute without a type"))?;
                let value = match kind {
                    Kind::S => AttributeValue::S(map.next_value()?),
                    Kind::N => AttributeValue::N(map.next_value()?),
                    Kind::Bool => AttributeValue::Bool(map.next_value()?),
                    Kind::Null => AttributeValue::Null(map.next_value()?),
                    Kind::Ss => AttributeValue::Ss(map.next_value()?),
                    Kind::Ns => AttributeValue::Ns(map.next_value()?),
                    Kind::M => AttributeValue::M(map.next_value::<ParsedAttributes>()?.0),
                    Kind::L => {
                        let list: Vec<ParsedValue> = map.next_value()?;
                        AttributeValue::L(list.into_iter().map(|value| value.0).collect())
                    }
                };
                Ok(ParsedValue(value))
            }
        }

        deserializer.deserialize_map(Value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::collection::{hash_map, vec};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Option<Attributes>, serde_json::Error> {
        deserialize_attributes(&mut serde_json::Deserializer::from_str(text))
    }

    #[test]
    fn attributes_are_spelled_as_dynamodb_has_them() {
        let item = HashMap::from([
            ("text".to_owned(), AttributeValue::S("a\"b".into())),
            ("number".to_owned(), AttributeValue::N("1.50".into())),
            ("flag".to_owned(), AttributeValue::Bool(false)),
            ("set".to_owned(), AttributeValue::Ss(vec!["x".into()])),
        ]);
        let list = vec![AttributeValue::M(item.clone()), AttributeValue::Null(true)];
        let outer = HashMap::from([("list".to_owned(), AttributeValue::L(list))]);
        let json = json!({"list": {"L": [
            {"M": {"text": {"S": "a\"b"}, "number": {"N": "1.50"}, "flag": {"BOOL": false}, "set": {"SS": ["x"]}}},
            {"NULL": true},
        ]}});
        assert_eq!(serde_json::to_value(AttributesJson(&outer)).unwrap(), json);
        assert_eq!(read(&json.to_string()).unwrap(), Some(outer));
    }

    #[test]
    fn other_json_is_an_error() {
        for text in [
            r#"{"a": {}}"#,
            r#"{"a": {"S": 1}}"#,
            r#"{"a": {"B": "AAAA"}}"#,
            r#"{"a": {"S": "x", "N": "1"}}"#,
            r#"{"a": "x"}"#,
            "[]",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let binary = AttributeValue::Bs(vec![]);
        let item = HashMap::from([("a".to_owned(), binary)]);
        assert!(serde_json::to_string(&AttributesJson(&item)).is_err());
    }

    fn values() -> impl Strategy<Value = AttributeValue> {
        let leaf = prop_oneof![
            any::<String>().prop_map(AttributeValue::S),
            any::<i64>().prop_map(|number| AttributeValue::N(number.to_string())),
            any::<bool>().prop_map(AttributeValue::Bool),
            Just(AttributeValue::Null(true)),
            vec(any::<String>(), 0..4).prop_map(AttributeValue::Ss),
            vec("[0-9]{1,9}", 0..4).prop_map(AttributeValue::Ns),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
                hash_map(any::<String>(), inner, 0..4).prop_map(AttributeValue::M),
            ]
        })
    }

    proptest! {
        #[test]
        fn serialized_attributes_parse_back(item in hash_map(any::<String>(), values(), 0..6)) {
            let json = serde_json::to_string(&AttributesJson(&item)).unwrap();
            prop_assert_eq!(read(&json).unwrap(), Some(item));
        }
    }
}
