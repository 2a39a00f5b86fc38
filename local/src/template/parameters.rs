//! The values of a template's parameters, checked against the template's constraints.
//!
//! `AllowedPattern` is not checked: it is a Java regular expression, which AWS checks at deployment.

use std::collections::BTreeMap;

use super::error::{LineError, Result};
use super::yaml::{MapEntry, Node, Value};

/// The value of every declared parameter: a text, or a list of texts for the list types. `given` takes
/// precedence over `defaults`, and `defaults` over the template's own defaults.
pub(super) fn values(
    section: Option<&Node>,
    given: &BTreeMap<String, String>,
    defaults: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Node>> {
    let declared = match section {
        Some(section) => section.entries("Parameters")?,
        None => &[],
    };
    if let Some(undeclared) = given
        .keys()
        .find(|name| declared.iter().all(|e| &e.key != *name))
    {
        let line = section.map_or(1, |section| section.line);
        return Err(LineError::at(
            line,
            format!("the template has no parameter {undeclared}"),
        ));
    }
    let chosen = |name: &String| given.get(name).or_else(|| defaults.get(name));
    declared
        .iter()
        .map(|entry| Ok((entry.key.clone(), value(entry, chosen(&entry.key))?)))
        .collect()
}

fn value(parameter: &MapEntry, given: Option<&String>) -> Result<Node> {
    let (name, line) = (&parameter.key, parameter.line);
    let error = |problem: String| LineError::at(line, format!("parameter {name} {problem}"));
    let kind = constraint(parameter, "Type")?.ok_or_else(|| error("has no Type".into()))?;
    let text = match given {
        Some(text) => text.clone(),
        None => constraint(parameter, "Default")?
            .ok_or_else(|| error("has no default, so it needs a value".into()))?,
    };
    let texts: Vec<&str> = match kind.as_str() {
        "String" | "Number" => vec![&text],
        "CommaDelimitedList" | "List<Number>" => text.split(',').map(str::trim).collect(),
        other => {
            return Err(error(format!(
                "has the type {other}, which the embedded cloud does not support"
            )));
        }
    };
    let numeric = matches!(kind.as_str(), "Number" | "List<Number>");
    for text in &texts {
        violated_constraint(parameter, text, numeric)?
            .map_or(Ok(()), |problem| Err(error(problem)))?;
    }
    let value = match kind.as_str() {
        "String" | "Number" => Value::Text(text),
        _ => Value::List(texts.iter().map(|text| Node::text(line, *text)).collect()),
    };
    Ok(Node { line, value })
}

/// The constraint that one value violates, if any. The message omits the value, which may be a secret
/// (`NoEcho`).
fn violated_constraint(parameter: &MapEntry, text: &str, numeric: bool) -> Result<Option<String>> {
    if let Some(allowed) = parameter.node.get("AllowedValues") {
        let allowed = allowed.node.items("AllowedValues")?;
        if !allowed
            .iter()
            .any(|node| node.as_text().unwrap_or("") == text)
        {
            let list: Vec<_> = allowed.iter().filter_map(Node::as_text).collect();
            return Ok(Some(format!("must be one of {}", list.join(", "))));
        }
    }
    let number = text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
    if numeric && number.is_none() {
        return Ok(Some("must be a number".into()));
    }
    let length = Some(text.chars().count() as f64);
    for (key, measured, is_minimum) in [
        ("MinLength", length, true),
        ("MaxLength", length, false),
        ("MinValue", number, true),
        ("MaxValue", number, false),
    ] {
        let Some(written) = constraint(parameter, key)? else {
            continue;
        };
        let bound = written.trim().parse::<f64>().map_err(|_| {
            LineError::at(
                parameter.line,
                format!("{key} of parameter {} must be a number", parameter.key),
            )
        })?;
        let is_met = measured.is_none_or(|n| if is_minimum { n >= bound } else { n <= bound });
        if !is_met {
            let side = if is_minimum { "below" } else { "above" };
            return Ok(Some(format!("is {side} its {key} of {written}")));
        }
    }
    Ok(None)
}

fn constraint(parameter: &MapEntry, key: &str) -> Result<Option<String>> {
    match parameter.node.get(key) {
        None => Ok(None),
        Some(entry) => match &entry.node.value {
            Value::Text(text) => Ok(Some(text.clone())),
            Value::Null => Ok(Some(String::new())),
            _ => Err(LineError::at(
                entry.line,
                format!("{key} of parameter {} must be plain text", parameter.key),
            )),
        },
    }
}
