//! Evaluates intrinsic functions: replaces every call in a node with its value.

use super::error::{LineError, Result};
use super::resolver::Resolver;
use super::yaml::{MapEntry, Node, Value};

/// Maximum size of one resolved text. AWS's own limits are far lower (4 KB for an environment, 10 KB for a
/// policy); without a limit, a few lines that repeat each other would exhaust the memory.
const MAX_TEXT_BYTES: usize = 256 * 1024;

impl Resolver<'_> {
    /// The node with every call replaced by its value. `None` is `AWS::NoValue`: the key or item is
    /// omitted.
    pub(super) fn evaluate(&mut self, node: &Node) -> Result<Option<Node>> {
        let line = node.line;
        self.with_depth(line, |resolver| match &node.value {
            Value::Null | Value::Text(_) => Ok(Some(node.clone())),
            Value::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    list.extend(resolver.evaluate(item)?);
                }
                Ok(Some(Node {
                    line,
                    value: Value::List(list),
                }))
            }
            Value::Map(entries) => {
                let mut map = Vec::with_capacity(entries.len());
                for MapEntry { key, line, node } in entries {
                    let node = resolver.evaluate(node)?;
                    map.extend(node.map(|node| MapEntry {
                        key: key.clone(),
                        line: *line,
                        node,
                    }));
                }
                Ok(Some(Node {
                    line,
                    value: Value::Map(map),
                }))
            }
            Value::Call(function, argument) => resolver.evaluate_call(function, argument),
        })
    }

    fn evaluate_call(&mut self, function: &str, argument: &Node) -> Result<Option<Node>> {
        let line = argument.line;
        let text = |text: String| Ok(Some(Node::text(line, text)));
        match function {
            "Ref" => self.resolve_ref(literal(argument, "Ref")?, line),
            "GetAtt" => self.get_att(argument).map(Some),
            "Sub" => text(self.sub(argument)?),
            "If" => {
                let [name, yes, no] = arguments(argument, "If")?;
                let name = literal(name, "the condition of If")?;
                let is_true = self.condition(name, line)?;
                self.evaluate(if is_true { yes } else { no })
            }
            "Join" => {
                let [delimiter, list] = arguments(argument, "Join")?;
                let delimiter = self.text(delimiter, "the delimiter of Join")?;
                text(check_size(
                    line,
                    self.texts(list, "Join")?.join(&delimiter),
                )?)
            }
            "Split" => {
                let [delimiter, whole] = arguments(argument, "Split")?;
                let delimiter = self.text(delimiter, "the delimiter of Split")?;
                if delimiter.is_empty() {
                    return Err(LineError::at(
                        line,
                        "the delimiter of Split must not be empty",
                    ));
                }
                let whole = self.text(whole, "Split")?;
                let parts = whole.split(delimiter.as_str());
                let list = parts.map(|part| Node::text(line, part)).collect();
                Ok(Some(Node {
                    line,
                    value: Value::List(list),
                }))
            }
            "Select" => {
                let [index, list] = arguments(argument, "Select")?;
                let index = self.text(index, "the index of Select")?;
                let list = self.texts(list, "Select")?;
                let chosen = index.parse().ok().and_then(|index: usize| list.get(index));
                let chosen = chosen.ok_or_else(|| {
                    let problem = format!("Select has no item {index} in a list of {}", list.len());
                    LineError::at(line, problem)
                })?;
                text(chosen.clone())
            }
            "FindInMap" => self.find_in_map(argument).map(Some),
            "ImportValue" => Err(LineError::at(
                line,
                "ImportValue needs another stack, and the embedded cloud runs only one",
            )),
            other => Err(LineError::at(
                line,
                format!("{other} returns a condition and is allowed only in Conditions"),
            )),
        }
    }

    /// Whether a condition's expression is true.
    pub(super) fn evaluate_condition(&mut self, node: &Node) -> Result<bool> {
        let line = node.line;
        self.with_depth(line, |resolver| match &node.value {
            Value::Call("Equals", argument) => {
                let [left, right] = arguments(argument, "Equals")?;
                Ok(resolver.text(left, "Equals")? == resolver.text(right, "Equals")?)
            }
            Value::Call("Not", argument) => {
                let [only] = arguments(argument, "Not")?;
                Ok(!resolver.evaluate_condition(only)?)
            }
            Value::Call(function @ ("And" | "Or"), argument) => {
                let items = argument.items(function)?;
                // CloudFormation's own limits.
                if !(2..=10).contains(&items.len()) {
                    return Err(LineError::at(
                        line,
                        format!("{function} takes 2 to 10 conditions"),
                    ));
                }
                // Without short-circuiting, so that an invalid operand is always reported.
                let mut true_count = 0;
                for item in items {
                    true_count += usize::from(resolver.evaluate_condition(item)?);
                }
                Ok(if *function == "And" {
                    true_count == items.len()
                } else {
                    true_count > 0
                })
            }
            Value::Call("Condition", name) => resolver.condition(literal(name, "Condition")?, line),
            _ => match node.get("Condition") {
                Some(name) => resolver.condition(literal(&name.node, "Condition")?, line),
                None => Err(LineError::at(
                    line,
                    "a condition must be Equals, Not, And, Or or Condition",
                )),
            },
        })
    }

    fn get_att(&mut self, argument: &Node) -> Result<Node> {
        let invalid = || LineError::at(argument.line, "GetAtt takes a logical id and an attribute");
        match &argument.value {
            Value::Text(both) => {
                let (id, attribute) = both.split_once('.').ok_or_else(invalid)?;
                self.resolve_attribute(id, attribute, argument.line)
            }
            Value::List(items) => {
                let [id, attribute] = items.as_slice() else {
                    return Err(invalid());
                };
                let attribute = self.text(attribute, "the attribute of GetAtt")?;
                self.resolve_attribute(
                    literal(id, "the logical id of GetAtt")?,
                    &attribute,
                    argument.line,
                )
            }
            _ => Err(invalid()),
        }
    }

    fn sub(&mut self, argument: &Node) -> Result<String> {
        let line = argument.line;
        let (pattern, variables) = match &argument.value {
            Value::List(items) => match items.as_slice() {
                [pattern, variables] => (pattern, variables.entries("the variables of Sub")?),
                _ => return Err(LineError::at(line, "Sub takes a text, or a text and a map")),
            },
            _ => (argument, &[][..]),
        };
        let mut rest = literal(pattern, "Sub")?;
        let mut text = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| LineError::at(line, "a ${ in Sub is not closed"))?;
            text.push_str(before);
            rest = after;
            if let Some(verbatim) = name.strip_prefix('!') {
                text.push_str(&format!("${{{verbatim}}}"));
                continue;
            }
            let name = name.trim();
            let variable = variables.iter().find(|variable| variable.key == name);
            let value = match (variable, name.split_once('.')) {
                (Some(variable), _) => self.evaluate(&variable.node)?,
                (None, Some((id, attribute))) => Some(self.resolve_attribute(id, attribute, line)?),
                (None, None) => self.resolve_ref(name, line)?,
            };
            let value = value.as_ref().and_then(Node::as_text).ok_or_else(|| {
                LineError::at(line, format!("${{{name}}} in Sub is not plain text"))
            })?;
            text = check_size(line, text + value)?;
        }
        Ok(text + rest)
    }

    fn find_in_map(&mut self, argument: &Node) -> Result<Node> {
        let line = argument.line;
        let [map, top, second] = arguments(argument, "FindInMap")?;
        let mut path = Vec::with_capacity(3);
        for key in [map, top, second] {
            path.push(self.text(key, "a key of FindInMap")?);
        }
        let found = self
            .section("Mappings")?
            .iter()
            .find(|entry| entry.key == path[0])
            .and_then(|entry| entry.node.get(&path[1]))
            .and_then(|entry| entry.node.get(&path[2]));
        match found.map(|entry| entry.node.clone()) {
            Some(node) if !matches!(node.value, Value::Map(_) | Value::Call(..)) => Ok(node),
            Some(_) => Err(LineError::at(
                line,
                format!("{} is not a value", path.join(".")),
            )),
            None => Err(LineError::at(
                line,
                format!("the mapping {} is not defined", path.join(".")),
            )),
        }
    }

    /// The node's value, which must be plain text; `what` names it in the error.
    fn text(&mut self, node: &Node, what: &str) -> Result<String> {
        let value = self.evaluate(node)?;
        let text = value.as_ref().and_then(Node::as_text);
        text.map(str::to_string)
            .ok_or_else(|| LineError::at(node.line, format!("{what} must be plain text")))
    }

    fn texts(&mut self, node: &Node, what: &str) -> Result<Vec<String>> {
        let invalid = || LineError::at(node.line, format!("{what} takes a list of plain texts"));
        let list = self.evaluate(node)?.ok_or_else(invalid)?;
        let Value::List(items) = list.value else {
            return Err(invalid());
        };
        let texts = items.iter().map(|item| item.as_text().map(str::to_string));
        texts.collect::<Option<_>>().ok_or_else(invalid)
    }
}

/// The arguments of a function with exactly `N` parameters.
fn arguments<'n, const N: usize>(argument: &'n Node, function: &str) -> Result<&'n [Node; N]> {
    let items = match &argument.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(argument),
    };
    items.try_into().map_err(|_| {
        let problem = format!(
            "{function} takes {N} arguments, but {} were given",
            items.len()
        );
        LineError::at(argument.line, problem)
    })
}

/// A text that CloudFormation requires to be literal, not computed.
fn literal<'n>(node: &'n Node, what: &str) -> Result<&'n str> {
    node.as_text()
        .ok_or_else(|| LineError::at(node.line, format!("{what} must be literal text")))
}

fn check_size(line: usize, text: String) -> Result<String> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(LineError::at(
            line,
            format!("the text is longer than {MAX_TEXT_BYTES} bytes"),
        ));
    }
    Ok(text)
}
