//! The values of a template's parameters: the caller's, else the defaults, held to the template's
//! own constraints.
//!
//! It does not know where a caller's values come from. `AllowedPattern` is not checked: its Java
//! regular expressions have no counterpart here, and AWS checks them at the deployment.

use std::collections::BTreeMap;

use super::node::{Entry, Node, Value};
use super::{Fault, Result};

/// Every parameter's value: a text, or for the list types a list of texts.
pub(super) fn values(
    section: Option<&Node>,
    given: &BTreeMap<String, String>,
    defaults: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Node>> {
    let declared = match section {
        Some(section) => section.entries("Parameters")?,
        None => &[],
    };
    if let Some(stray) = given
        .keys()
        .find(|name| declared.iter().all(|e| &e.key != *name))
    {
        let line = section.map_or(1, |section| section.line);
        return Err(Fault::at(
            line,
            format!("the template has no parameter {stray}"),
        ));
    }
    let chosen = |name: &String| given.get(name).or_else(|| defaults.get(name));
    declared
        .iter()
        .map(|entry| Ok((entry.key.clone(), value(entry, chosen(&entry.key))?)))
        .collect()
}

fn value(parameter: &Entry, given: Option<&String>) -> Result<Node> {
    let (name, line) = (&parameter.key, parameter.line);
    let fault = |problem: String| Fault::at(line, format!("parameter {name} {problem}"));
    let kind = setting(parameter, "Type")?.ok_or_else(|| fault("has no Type".into()))?;
    let text = match given {
        Some(text) => text.clone(),
        None => setting(parameter, "Default")?
            .ok_or_else(|| fault("has no default and needs a value".into()))?,
    };
    let texts: Vec<&str> = match kind.as_str() {
        "String" | "Number" => vec![&text],
        "CommaDelimitedList" | "List<Number>" => text.split(',').map(str::trim).collect(),
        other => {
            return Err(fault(format!(
                "is of type {other}, not known to the local cloud"
            )));
        }
    };
    let numeric = matches!(kind.as_str(), "Number" | "List<Number>");
    for text in &texts {
        check(parameter, text, numeric)?.map_or(Ok(()), |problem| Err(fault(problem)))?;
    }
    let value = match kind.as_str() {
        "String" | "Number" => Value::Text(text),
        _ => Value::List(texts.iter().map(|text| Node::text(line, *text)).collect()),
    };
    Ok(Node { line, value })
}

/// What is wrong with one value, if anything. The value is left out of the sentence where the
/// template may have marked it `NoEcho`: a parameter may be a secret.
fn check(parameter: &Entry, text: &str, numeric: bool) -> Result<Option<String>> {
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
    for (key, measured, at_least) in [
        ("MinLength", length, true),
        ("MaxLength", length, false),
        ("MinValue", number, true),
        ("MaxValue", number, false),
    ] {
        let Some(written) = setting(parameter, key)? else {
            continue;
        };
        let bound = written.trim().parse::<f64>().map_err(|_| {
            Fault::at(
                parameter.line,
                format!("{key} of parameter {} must be a number", parameter.key),
            )
        })?;
        let kept = measured.is_none_or(|n| if at_least { n >= bound } else { n <= bound });
        if !kept {
            let side = if at_least { "below" } else { "above" };
            return Ok(Some(format!("is {side} its {key} of {written}")));
        }
    }
    Ok(None)
}

fn setting(parameter: &Entry, key: &str) -> Result<Option<String>> {
    match parameter.node.get(key) {
        None => Ok(None),
        Some(entry) => match &entry.node.value {
            Value::Text(text) => Ok(Some(text.clone())),
            Value::Null => Ok(Some(String::new())),
            _ => Err(Fault::at(
                entry.line,
                format!("{key} of parameter {} must be plain text", parameter.key),
            )),
        },
    }
}
