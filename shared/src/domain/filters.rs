//! Filters of a subscription: which payloads reach it (PROTOCOL 7).
//!
//! Pure. A filter is read once from what the client gave, kept as that text, and asked of each payload.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use crate::domain::limits;

/// All must hold; none of them holds of every payload.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filters(Vec<Filter>);

#[derive(Debug, Clone, PartialEq)]
struct Filter {
    /// A field at the top of the payload.
    field: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    OneOf(Vec<Value>),
    AtLeast(Number),
    AtMost(Number),
}

/// What a number bounds a field by.
type Bound = fn(Number) -> Test;

/// What is wrong with a filter: the path of its field, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct FilterError {
    /// Such as `filters.minDiscount`.
    pub field: String,
    pub sentence: String,
}

impl FilterError {
    fn of(name: &str, sentence: impl std::fmt::Display) -> Self {
        let field = match name {
            "" => "filters".to_owned(),
            name => format!(
                "filters.{}",
                limits::prefix(name, limits::FILTER_NAME_BYTES)
            ),
        };
        Self {
            sentence: format!("'{field}' {sentence}"),
            field,
        }
    }
}

impl Filters {
    /// Reads a client's `filters`: a text, number or `true`/`false` is what a field must equal, a list of
    /// these has it among them, and `minX`/`maxX` bound the number `x`.
    ///
    /// # Errors
    /// Another shape, or more than [`limits`] allow; the field is named.
    pub fn parse(filters: &Value) -> Result<Self, FilterError> {
        let Value::Object(fields) = filters else {
            return Err(FilterError::of("", "must be an object."));
        };
        if fields.len() > limits::FILTERS {
            let sentence = format!("may have at most {} fields.", limits::FILTERS);
            return Err(FilterError::of("", sentence));
        }
        if filters.to_string().len() > limits::FILTERS_BYTES {
            let sentence = format!("may be at most {} bytes long.", limits::FILTERS_BYTES);
            return Err(FilterError::of("", sentence));
        }
        let read = fields.iter().map(|(name, wanted)| filter(name, wanted));
        read.collect::<Result<_, _>>().map(Self)
    }

    /// Whether all of them hold of this payload. A field that is not there equals nothing, and is within
    /// no bounds.
    pub fn matches(&self, payload: &Map<String, Value>) -> bool {
        let holds = |filter: &Filter| {
            let field = payload.get(&filter.field);
            field.is_some_and(|value| filter.test.holds(value))
        };
        self.0.iter().all(holds)
    }
}

fn filter(name: &str, wanted: &Value) -> Result<Filter, FilterError> {
    if name.is_empty() || name.len() > limits::FILTER_NAME_BYTES {
        let most = limits::FILTER_NAME_BYTES;
        let sentence = format!("has a name that is not of 1 to {most} bytes.");
        return Err(FilterError::of(name, sentence));
    }
    if let Some((field, bound)) = bounded(name) {
        let Value::Number(number) = wanted else {
            return Err(FilterError::of(name, "must be a number."));
        };
        let test = bound(number.clone());
        return Ok(Filter { field, test });
    }
    let one_of = match wanted {
        Value::Array(several) if several.is_empty() => {
            return Err(FilterError::of(name, "is an empty list."));
        }
        Value::Array(several) => several.clone(),
        one => vec![one.clone()],
    };
    let plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    if !one_of.iter().all(plain) {
        let sentence = "must be a string, a number, true, false, or a list of these.";
        return Err(FilterError::of(name, sentence));
    }
    Ok(Filter {
        field: name.to_owned(),
        test: Test::OneOf(one_of),
    })
}

/// Of `minDiscount`: `discount`, and what bounds it. `minimum` bounds nothing: it is a field.
fn bounded(name: &str) -> Option<(String, Bound)> {
    let (rest, bound): (_, Bound) = match name.split_at_checked(3)? {
        ("min", rest) => (rest, Test::AtLeast),
        ("max", rest) => (rest, Test::AtMost),
        _ => return None,
    };
    let first = rest.chars().next().filter(char::is_ascii_uppercase)?;
    let field = format!("{}{}", first.to_ascii_lowercase(), &rest[1..]);
    Some((field, bound))
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::OneOf(several) => several.iter().any(|wanted| equal(wanted, value)),
            Self::AtLeast(least) => compared(value, least).is_some_and(Ordering::is_ge),
            Self::AtMost(most) => compared(value, most).is_some_and(Ordering::is_le),
        }
    }
}

/// Numbers are equal as numbers, however they are spelled: 1 and 1.0.
fn equal(one: &Value, other: &Value) -> bool {
    match other {
        Value::Number(number) => compared(one, number) == Some(Ordering::Equal),
        other => one == other,
    }
}

fn compared(value: &Value, with: &Number) -> Option<Ordering> {
    let Value::Number(value) = value else {
        return None;
    };
    match (value.as_i128(), with.as_i128()) {
        (Some(value), Some(with)) => Some(value.cmp(&with)),
        _ => value.as_f64()?.partial_cmp(&with.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn reads(filters: Value) -> Filters {
        Filters::parse(&filters).unwrap()
    }

    fn hold(filters: Value, payload: Value) -> bool {
        reads(filters).matches(payload.as_object().unwrap())
    }

    #[test]
    fn a_payload_meets_what_it_equals_and_what_bounds_it() {
        let deal = || json!({"category": "travel", "discount": 30, "price": 19.5, "hot": true});
        for (filters, expected) in [
            (json!({}), true),
            (json!({"category": "travel", "hot": true}), true),
            (json!({"category": "food"}), false),
            (json!({"category": ["food", "travel"]}), true),
            (json!({"minDiscount": 30, "maxDiscount": 30}), true),
            (json!({"minDiscount": 30.5}), false),
            (json!({"maxPrice": 19}), false),
            (json!({"discount": 30.0}), true),
            (json!({"discount": "30"}), false),
            (json!({"minCategory": 1}), false),
            (json!({"minimum": 1}), false),
            (json!({"absent": "x"}), false),
        ] {
            assert_eq!(hold(filters.clone(), deal()), expected, "{filters}");
        }
        assert!(hold(json!({"minimum": 1}), json!({"minimum": 1})));
        let large = 9_007_199_254_740_993u64;
        assert!(!hold(json!({"id": large}), json!({"id": large - 1})));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let many: Map<String, Value> = (0..=limits::FILTERS)
            .map(|n| (n.to_string(), json!(1)))
            .collect();
        for (filters, field) in [
            (json!([]), "filters"),
            (Value::Object(many), "filters"),
            (json!({"x": "y".repeat(limits::FILTERS_BYTES)}), "filters"),
            (json!({"minPrice": "3"}), "filters.minPrice"),
            (json!({"a": {"b": 1}}), "filters.a"),
            (json!({"a": []}), "filters.a"),
            (json!({"a": [[1]]}), "filters.a"),
            (json!({"a": null}), "filters.a"),
        ] {
            assert_eq!(Filters::parse(&filters).unwrap_err().field, field);
        }
    }

    fn scalar() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::from),
            (-3i64..4).prop_map(Value::from),
            (-3i64..4).prop_map(|n| json!(n as f64 / 2.0)),
            "[ab]{0,1}".prop_map(Value::from),
        ]
    }

    fn fields(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
        proptest::collection::btree_map("[xyz]", value, 0..4).prop_map(|m| m.into_iter().collect())
    }

    proptest! {
        #![proptest_config(crate::many_cases())]

        #[test]
        fn anything_is_read_or_refused(name in "\\PC{0,8}", text in "\\PC{0,20}", deep in 0u8..3) {
            let wanted = (0..deep).fold(json!(text), |inner, _| json!([inner]));
            let filters = json!({name.as_str(): wanted});
            if let Ok(read) = Filters::parse(&filters) {
                prop_assert!(read.matches(&Map::from_iter([(name, json!(text))])));
            }
        }

        #[test]
        fn equality_is_what_it_says(filters in fields(scalar()), payload in fields(scalar())) {
            let same = |one: &Value, other: &Value| match (one.as_f64(), other.as_f64()) {
                (Some(one), Some(other)) => one == other,
                _ => one == other,
            };
            let expected = filters.iter().all(|(name, wanted)| payload.get(name).is_some_and(|it| same(it, wanted)));
            prop_assert_eq!(reads(json!(filters)).matches(&payload), expected);
        }

        #[test]
        fn bounds_are_inclusive(least in -3i64..4, most in -3i64..4, is in -6i64..8) {
            let value = is as f64 / 2.0;
            let within = value >= least as f64 && value <= most as f64;
            prop_assert_eq!(hold(json!({"minX": least, "maxX": most}), json!({"x": value})), within);
        }

        #[test]
        fn a_list_is_any_of_it(several in proptest::collection::vec(scalar(), 1..4), payload in fields(scalar())) {
            let any = several.iter().any(|one| reads(json!({"x": one})).matches(&payload));
            prop_assert_eq!(reads(json!({"x": several})).matches(&payload), any);
        }

        #[test]
        fn one_more_filter_never_lets_more_through(filters in fields(scalar()), more in scalar(), payload in fields(scalar())) {
            let mut narrower = filters.clone();
            narrower.insert("w".into(), more);
            let (wide, narrow) = (reads(json!(filters)), reads(json!(narrower)));
            prop_assert!(!narrow.matches(&payload) || wide.matches(&payload));
            // Kept as text and read again, it is the same.
            let again: Value = serde_json::from_str(&json!(narrower).to_string()).unwrap();
            prop_assert_eq!(reads(again), narrow);
        }
    }
}
