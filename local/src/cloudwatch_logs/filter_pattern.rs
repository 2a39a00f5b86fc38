//! CloudWatch's filter patterns: terms of text, and conditions on fields of JSON lines.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>. Not supported, and refused:
//! regular expressions, patterns of columns, parentheses, and conditions other than comparisons.

use serde_json::Value;

/// Which events match.
#[derive(Debug, PartialEq)]
pub(super) enum FilterPattern {
    Text {
        required: Vec<String>,
        /// At least one of these, if there are any.
        optional: Vec<String>,
        excluded: Vec<String>,
    },
    /// Alternatives, each a list of conditions that must all hold.
    Json(Vec<Vec<Condition>>),
}

/// A comparison of one field.
#[derive(Debug, PartialEq)]
pub(super) struct Condition {
    /// The names from the root to the field.
    path: Vec<String>,
    operator: Operator,
    operand: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
}

/// In the order in which they are looked for: a longer one before its prefix.
const OPERATORS: [(&str, Operator); 6] = [
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl FilterPattern {
    /// # Errors
    /// What is wrong with the pattern, or not supported.
    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        let pattern = pattern.trim();
        match pattern.strip_prefix('{') {
            Some(rest) => {
                let conditions = rest
                    .strip_suffix('}')
                    .ok_or("a JSON pattern must end with }")?;
                let alternatives = split_outside_quotes(conditions, "||");
                let parse_all = |all: &str| {
                    let conditions = split_outside_quotes(all, "&&");
                    conditions.into_iter().map(Condition::parse).collect()
                };
                let alternatives: Result<_, String> =
                    alternatives.into_iter().map(parse_all).collect();
                alternatives.map(Self::Json)
            }
            None if pattern.starts_with('[') || pattern.contains('%') => {
                Err("patterns of columns and regular expressions are not supported".to_owned())
            }
            None => terms(pattern),
        }
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        match self {
            Self::Text {
                required,
                optional,
                excluded,
            } => {
                let has = |term: &String| message.contains(term.as_str());
                required.iter().all(has)
                    && (optional.is_empty() || optional.iter().any(has))
                    && !excluded.iter().any(has)
            }
            Self::Json(alternatives) => {
                let Ok(event @ Value::Object(_)) = serde_json::from_str(message) else {
                    return false;
                };
                let holds = |condition: &Condition| condition.holds(&event);
                alternatives.iter().any(|all| all.iter().all(holds))
            }
        }
    }
}

impl Condition {
    fn parse(text: &str) -> Result<Self, String> {
        let unsupported = || format!("the condition '{}' is not supported", text.trim());
        let (at, sign, operator) = OPERATORS
            .iter()
            .filter_map(|(sign, operator)| Some((text.find(sign)?, *sign, *operator)))
            .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())))
            .ok_or_else(unsupported)?;
        let selector = text[..at]
            .trim()
            .strip_prefix("$.")
            .ok_or_else(unsupported)?;
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || "_-@".contains(c))
        };
        let path: Vec<String> = selector.split('.').map(str::to_owned).collect();
        let operand = text[at + sign.len()..].trim();
        let operand = operand
            .strip_prefix('"')
            .map_or(Some(operand), |rest| rest.strip_suffix('"'));
        match operand {
            Some(operand) if path.iter().all(|name| is_name(name)) => Ok(Self {
                path,
                operator,
                operand: operand.to_owned(),
            }),
            _ => Err(unsupported()),
        }
    }

    fn holds(&self, event: &Value) -> bool {
        let mut field = event;
        for name in &self.path {
            let Some(inner) = field.get(name) else {
                return false;
            };
            field = inner;
        }
        let text = match field {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let compare = |holds: fn(f64, f64) -> bool| {
            let (field, operand) = (field.as_f64(), self.operand.parse().ok());
            field
                .zip(operand)
                .is_some_and(|(field, operand)| holds(field, operand))
        };
        match self.operator {
            Operator::Equal => matches_wildcard(&self.operand, &text),
            Operator::NotEqual => !matches_wildcard(&self.operand, &text),
            Operator::LessOrEqual => compare(|field, operand| field <= operand),
            Operator::GreaterOrEqual => compare(|field, operand| field >= operand),
            Operator::Less => compare(|field, operand| field < operand),
            Operator::Greater => compare(|field, operand| field > operand),
        }
    }
}

/// Words and quoted phrases: all must occur, of those with `?` one, of those with `-` none.
fn terms(pattern: &str) -> Result<FilterPattern, String> {
    let (mut required, mut optional, mut excluded) = (vec![], vec![], vec![]);
    let mut rest = pattern;
    while !rest.is_empty() {
        let (list, text) = match rest.as_bytes()[0] {
            b'?' => (&mut optional, &rest[1..]),
            b'-' => (&mut excluded, &rest[1..]),
            _ => (&mut required, rest),
        };
        let (term, after) = match text.strip_prefix('"') {
            Some(quoted) => quoted
                .split_once('"')
                .ok_or("a quotation mark is missing")?,
            None => text.split_once(char::is_whitespace).unwrap_or((text, "")),
        };
        list.push(term.to_owned());
        rest = after.trim_start();
    }
    Ok(FilterPattern::Text {
        required,
        optional,
        excluded,
    })
}

fn split_outside_quotes<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let (mut parts, mut start, mut quoted) = (vec![], 0, false);
    for (at, c) in text.char_indices() {
        if c == '"' {
            quoted = !quoted;
        } else if !quoted && at >= start && text[at..].starts_with(separator) {
            parts.push(&text[start..at]);
            start = at + separator.len();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Whether the text is the pattern, in which `*` stands for any text.
fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = rest.split('*').collect();
    let (last, middle) = parts.split_last().expect("a split has a part");
    for part in middle {
        let Some(at) = text.find(part) else {
            return false;
        };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        r#"{"level":"ERROR","message":"a job ended","span":{"request":"r-1"},"took":12}"#;

    #[test]
    fn patterns_match_as_cloudwatch_documents_them() {
        for (pattern, matches) in [
            ("", true),
            ("ERROR", true),
            ("ERROR ended", true),
            ("ERROR WARN", false),
            ("?ERROR ?WARN", true),
            ("ended -ERROR", false),
            (r#""a job ended""#, true),
            (r#""ended a job""#, false),
            (r#"{ $.level = "ERROR" }"#, true),
            (r#"{$.level="ERROR"}"#, true),
            (r#"{ $.level = ERR* }"#, true),
            (r#"{ $.level != "ERROR" }"#, false),
            (r#"{ $.span.request = "r-1" && $.took > 11 }"#, true),
            (r#"{ $.took <= 11 || $.message = "*job*" }"#, true),
            (r#"{ $.took >= 13 }"#, false),
            (r#"{ $.message = "a && b" }"#, false),
            (r#"{ $.absent != "x" }"#, false),
        ] {
            let parsed = FilterPattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(LINE), matches, "{pattern}");
        }
        let json = FilterPattern::parse("{ $.level = ERROR }").unwrap();
        assert!(!json.matches("REPORT RequestId: r-1"));
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for pattern in [
            "[a, b]",
            "%a%",
            "{ $.a = 1",
            "{ a = 1 }",
            "{ $.a IS NULL }",
            "{ ($.a = 1) }",
            "{ $.a[0] = 1 }",
            r#"{ $.a = "b }"#,
            r#""a"#,
        ] {
            assert!(FilterPattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
