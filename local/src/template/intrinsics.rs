//! The intrinsic functions: a node with calls becomes a node without.
//!
//! It does not know where names come from (`scope`) nor which properties matter.

use super::node::{Entry, Node, Value};
use super::scope::Scope;
use super::{Fault, Result};

/// Characters that one resolved text may have. Far above what AWS takes anywhere (an environment
/// is 4 KB, a policy 10 KB); without it a few lines that repeat each other would fill the memory.
const LONGEST: usize = 256 * 1024;

impl Scope<'_> {
    /// The node with every call replaced by its value. `None` is `AWS::NoValue`: the key or item
    /// that has it is as good as not written.
    pub(super) fn value(&mut self, node: &Node) -> Result<Option<Node>> {
        let line = node.line;
        self.deeper(line, |scope| match &node.value {
            Value::Null | Value::Text(_) => Ok(Some(node.clone())),
            Value::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    list.extend(scope.value(item)?);
                }
                Ok(Some(Node {
                    line,
                    value: Value::List(list),
                }))
            }
            Value::Map(entries) => {
                let mut map = Vec::with_capacity(entries.len());
                for Entry { key, line, node } in entries {
                    let node = scope.value(node)?;
                    map.extend(node.map(|node| Entry {
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
            Value::Call(function, argument) => scope.call(function, argument),
        })
    }

    fn call(&mut self, function: &str, argument: &Node) -> Result<Option<Node>> {
        let line = argument.line;
        let text = |text: String| Ok(Some(Node::text(line, text)));
        match function {
            "Ref" => self.reference(literal(argument, "Ref")?, line),
            "GetAtt" => self.get_att(argument).map(Some),
            "Sub" => text(self.sub(argument)?),
            "If" => {
                let [name, yes, no] = arguments(argument, "If")?;
                let name = literal(name, "the condition of If")?;
                let holds = self.condition(name, line)?;
                self.value(if holds { yes } else { no })
            }
            "Join" => {
                let [delimiter, list] = arguments(argument, "Join")?;
                let delimiter = self.text(delimiter, "the delimiter of Join")?;
                text(short(line, self.texts(list, "Join")?.join(&delimiter))?)
            }
            "Split" => {
                let [delimiter, whole] = arguments(argument, "Split")?;
                let delimiter = self.text(delimiter, "the delimiter of Split")?;
                if delimiter.is_empty() {
                    return Err(Fault::at(line, "the delimiter of Split must not be empty"));
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
                    Fault::at(line, problem)
                })?;
                text(chosen.clone())
            }
            "FindInMap" => self.find_in_map(argument).map(Some),
            "ImportValue" => Err(Fault::at(
                line,
                "ImportValue needs another stack, and the local cloud has one only",
            )),
            other => Err(Fault::at(
                line,
                format!("{other} gives a condition and may stand only in Conditions"),
            )),
        }
    }

    /// Whether a condition's expression holds.
    pub(super) fn test(&mut self, node: &Node) -> Result<bool> {
        let line = node.line;
        self.deeper(line, |scope| match &node.value {
            Value::Call("Equals", argument) => {
                let [left, right] = arguments(argument, "Equals")?;
                Ok(scope.text(left, "Equals")? == scope.text(right, "Equals")?)
            }
            Value::Call("Not", argument) => {
                let [only] = arguments(argument, "Not")?;
                Ok(!scope.test(only)?)
            }
            Value::Call(function @ ("And" | "Or"), argument) => {
                let items = argument.items(function)?;
                // CloudFormation's own bounds.
                if !(2..=10).contains(&items.len()) {
                    return Err(Fault::at(
                        line,
                        format!("{function} takes 2 to 10 conditions"),
                    ));
                }
                // Every side is looked at, so that a wrong one is found whatever the others say.
                let mut held = 0;
                for item in items {
                    held += usize::from(scope.test(item)?);
                }
                Ok(if *function == "And" {
                    held == items.len()
                } else {
                    held > 0
                })
            }
            Value::Call("Condition", name) => scope.condition(literal(name, "Condition")?, line),
            _ => match node.get("Condition") {
                Some(name) => scope.condition(literal(&name.node, "Condition")?, line),
                None => Err(Fault::at(
                    line,
                    "a condition is one of Equals, Not, And, Or, Condition",
                )),
            },
        })
    }

    fn get_att(&mut self, argument: &Node) -> Result<Node> {
        let wrong = || Fault::at(argument.line, "GetAtt takes a logical id and an attribute");
        match &argument.value {
            Value::Text(both) => {
                let (id, attribute) = both.split_once('.').ok_or_else(wrong)?;
                self.attribute(id, attribute, argument.line)
            }
            Value::List(items) => {
                let [id, attribute] = items.as_slice() else {
                    return Err(wrong());
                };
                let attribute = self.text(attribute, "the attribute of GetAtt")?;
                self.attribute(
                    literal(id, "the logical id of GetAtt")?,
                    &attribute,
                    argument.line,
                )
            }
            _ => Err(wrong()),
        }
    }

    fn sub(&mut self, argument: &Node) -> Result<String> {
        let line = argument.line;
        let (pattern, variables) = match &argument.value {
            Value::List(items) => match items.as_slice() {
                [pattern, variables] => (pattern, variables.entries("the variables of Sub")?),
                _ => return Err(Fault::at(line, "Sub takes a text, or a text and a map")),
            },
            _ => (argument, &[][..]),
        };
        let mut rest = literal(pattern, "Sub")?;
        let mut text = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| Fault::at(line, "a ${ of Sub is not closed"))?;
            text.push_str(before);
            rest = after;
            if let Some(verbatim) = name.strip_prefix('!') {
                text.push_str(&format!("${{{verbatim}}}"));
                continue;
            }
            let name = name.trim();
            let variable = variables.iter().find(|variable| variable.key == name);
            let value = match (variable, name.split_once('.')) {
                (Some(variable), _) => self.value(&variable.node)?,
                (None, Some((id, attribute))) => Some(self.attribute(id, attribute, line)?),
                (None, None) => self.reference(name, line)?,
            };
            let value = value
                .as_ref()
                .and_then(Node::as_text)
                .ok_or_else(|| Fault::at(line, format!("${{{name}}} of Sub is not plain text")))?;
            text = short(line, text + value)?;
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
            Some(_) => Err(Fault::at(
                line,
                format!("{} is not a value", path.join(".")),
            )),
            None => Err(Fault::at(
                line,
                format!("there is no mapping {}", path.join(".")),
            )),
        }
    }

    /// The node's value, which must be plain text; `what` names it in the error.
    fn text(&mut self, node: &Node, what: &str) -> Result<String> {
        let value = self.value(node)?;
        let text = value.as_ref().and_then(Node::as_text);
        text.map(str::to_string)
            .ok_or_else(|| Fault::at(node.line, format!("{what} must be plain text")))
    }

    fn texts(&mut self, node: &Node, what: &str) -> Result<Vec<String>> {
        let wrong = || Fault::at(node.line, format!("{what} takes a list of plain texts"));
        let list = self.value(node)?.ok_or_else(wrong)?;
        let Value::List(items) = list.value else {
            return Err(wrong());
        };
        let texts = items.iter().map(|item| item.as_text().map(str::to_string));
        texts.collect::<Option<_>>().ok_or_else(wrong)
    }
}

/// The arguments of a function that takes exactly `N`.
fn arguments<'n, const N: usize>(argument: &'n Node, function: &str) -> Result<&'n [Node; N]> {
    let items = match &argument.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(argument),
    };
    items.try_into().map_err(|_| {
        let problem = format!(
            "{function} takes {N} arguments, and here are {}",
            items.len()
        );
        Fault::at(argument.line, problem)
    })
}

/// A text that CloudFormation wants to be written out, not computed.
fn literal<'n>(node: &'n Node, what: &str) -> Result<&'n str> {
    node.as_text()
        .ok_or_else(|| Fault::at(node.line, format!("{what} must be written as plain text")))
}

fn short(line: usize, text: String) -> Result<String> {
    if text.len() > LONGEST {
        return Err(Fault::at(
            line,
            format!("the text is longer than {LONGEST} bytes"),
        ));
    }
    Ok(text)
}
