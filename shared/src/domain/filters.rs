//! A subscription's filters, which select the publications that it receives by fields of their payload.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use crate::domain::limits;

/// All filters must match. Without a filter every payload matches.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filters(Vec<Filter>);

#[derive(Debug, Clone, PartialEq)]
struct Filter {
    /// A top-level field of the payload.
    field: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    OneOf(Vec<Value>),
    AtLeast(Number),
    AtMost(Number),
}

/// Makes a test from the number that bounds a field.
type Bound = fn(Number) -> Test;

/// Why filters are rejected: the path of the field, and a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// Such as `filters.minDiscount`.
    pub field: String,
    pub message: String,
}

impl FilterError {
    fn of(name: &str, message: impl std::fmt::Display) -> Self {
        let field = match name {
            "" => "filters".to_owned(),
            name => format!(
                "filters.{}",
                limits::prefix(name, limits::FILTER_NAME_BYTES)
            ),
        };
        Self {
            message: format!("'{field}' {message}"),
            field,
        }
    }
}

impl Filters {
    /// Parses a client's `filters`. A string, number, `true` or `false` must equal the field, a list of these must contain it,
    /// and `minX` and `maxX` bound the number `x`.
    ///
    /// # Errors
    /// The filters have another shape or exceed the [`limits`].
    pub fn parse(filters: &Value) -> Result<Self, FilterError> {
        let Value::Object(fields) = filters else {
            return Err(FilterError::of("", "must be an object."));
        };
        if fields.len() > limits::FILTERS {
            let message = format!("may have at most {} fields.", limits::FILTERS);
            return Err(FilterError::of("", message));
        }
        if filters.to_string().len() > limits::FILTERS_BYTES {
            let message = format!("may be at most {} bytes long.", limits::FILTERS_BYTES);
            return Err(FilterError::of("", message));
        }
        let parsed = fields
            .iter()
            .map(|(name, expected)| parse_filter(name, expected));
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// Whether all filters match this payload. A missing field matches no filter.
    pub fn matches(&self, payload: &Map<String, Value>) -> bool {
        let holds = |filter: &Filter| {
            let field = payload.get(&filter.field);
            field.is_some_and(|value| filter.test.accepts(value))
        };
        self.0.iter().all(holds)
    }
}

fn parse_filter(name: &str, expected: &Value) -> Result<Filter, FilterError> {
    if name.is_empty() || name.len() > limits::FILTER_NAME_BYTES {
        let max = limits::FILTER_NAME_BYTES;
        let message = format!("must have a name of 1 to {max} bytes.");
        return Err(FilterError::of(name, message));
    }
    if let Some((field, bound)) = parse_bound(name) {
        let Value::Number(number) = expected else {
            return Err(FilterError::of(name, "must be a number."));
        };
        let test = bound(number.clone());
        return Ok(Filter { field, test });
    }
    let one_of = match expected {
        Value::Array(values) if values.is_empty() => {
            return Err(FilterError::of(name, "must not be an empty list."));
        }
        Value::Array(values) => values.clone(),
        one => vec![one.clone()],
    };
    let is_scalar = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    if !one_of.iter().all(is_scalar) {
        let message = "must be a string, a number, true, false, or a list of these.";
        return Err(FilterError::of(name, message));
    }
    Ok(Filter {
        field: name.to_owned(),
        test: Test::OneOf(one_of),
    })
}

/// The field and the bound of a name such as `minDiscount`; `None` for a plain field, such as `minimum`.
fn parse_bound(name: &str) -> Option<(String, Bound)> {
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
    fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::OneOf(values) => values.iter().any(|expected| equal(expected, value)),
            Self::AtLeast(min) => compared(value, min).is_some_and(Ordering::is_ge),
            Self::AtMost(max) => compared(value, max).is_some_and(Ordering::is_le),
        }
    }
}

/// Numbers are equal by value: 1 equals 1.0.
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

    fn parsed(filters: Value) -> Filters {
        Filters::parse(&filters).unwrap()
    }

    fn hold(filters: Value, payload: Value) -> bool {
        parsed(filters).matches(payload.as_object().unwrap())
    }

    #[test]
    fn filters_match_equal_fields_and_bounds() {
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
    fn an_error_names_the_field() {
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
        fn any_filter_is_parsed_or_rejected(name in "\\PC{0,8}", text in "\\PC{0,20}", deep in 0u8..3) {
            let expected = (0..deep).fold(json!(text), |inner, _| json!([inner]));
            let filters = json!({name.as_str(): expected});
            if let Ok(read) = Filters::parse(&filters) {
                prop_assert!(read.matches(&Map::from_iter([(name, json!(text))])));
            }
        }

        #[test]
        fn equality_matches_equal_fields_only(filters in fields(scalar()), payload in fields(scalar())) {
            let same = |one: &Value, other: &Value| match (one.as_f64(), other.as_f64()) {
                (Some(one), Some(other)) => one == other,
                _ => one == other,
            };
            let expected = filters.iter().all(|(name, expected)| payload.get(name).is_some_and(|it| same(it, expected)));
            prop_assert_eq!(parsed(json!(filters)).matches(&payload), expected);
        }

        #[test]
        fn bounds_are_inclusive(min in -3i64..4, max in -3i64..4, is in -6i64..8) {
            let value = is as f64 / 2.0;
            let within = value >= min as f64 && value <= max as f64;
            prop_assert_eq!(hold(json!({"minX": min, "maxX": max}), json!({"x": value})), within);
        }

        #[test]
        fn a_list_matches_any_of_its_values(values in proptest::collection::vec(scalar(), 1..4), payload in fields(scalar())) {
            let any = values.iter().any(|one| parsed(json!({"x": one})).matches(&payload));
            prop_assert_eq!(parsed(json!({"x": values})).matches(&payload), any);
        }

        #[test]
        fn another_filter_never_matches_more(filters in fields(scalar()), more in scalar(), payload in fields(scalar())) {
            let mut narrower = filters.clone();
            narrower.insert("w".into(), more);
            let (wide, narrow) = (parsed(json!(filters)), parsed(json!(narrower)));
            prop_assert!(!narrow.matches(&payload) || wide.matches(&payload));
            // Stored as text and parsed again, it is the same.
            let again: Value = serde_json::from_str(&json!(narrower).to_string()).unwrap();
            prop_assert_eq!(parsed(again), narrow);
        }
    }
}
