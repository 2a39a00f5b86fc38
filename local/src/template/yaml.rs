//! Parses YAML into a tree of nodes with line numbers.
//!
//! Both forms of an intrinsic function (`!Sub x`, `Fn::Sub: x`) become a [`Value::Call`].

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use super::error::{LineError, Result};

/// CloudFormation's quota for a template body passed from S3: 1 MB.
const MAX_TEMPLATE_BYTES: usize = 1024 * 1024;
/// Maximum nesting of lists and maps. CloudFormation documents no limit; real templates stay below 20. It
/// keeps hostile input from exhausting the stack when the tree is walked recursively.
const MAX_DEPTH: usize = 64;
/// Maximum indentation in columns. The parser recurses for each level, and a level takes at least one column.
const MAX_INDENT: usize = 100;
/// The supported intrinsic functions, without the prefix `Fn::`.
const FUNCTIONS: [&str; 14] = [
    "Ref",
    "Sub",
    "GetAtt",
    "If",
    "Equals",
    "Not",
    "And",
    "Or",
    "Join",
    "Select",
    "Split",
    "FindInMap",
    "ImportValue",
    "Condition",
];

/// A value and the 1-based line on which it starts.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// A node's value. Numbers and booleans stay text, as written: CloudFormation also converts them by the
/// property's type, and an account id must keep its leading zeros.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<MapEntry>),
    /// An intrinsic function by its short name, and its argument.
    Call(&'static str, Box<Node>),
}

/// One entry of a map.
#[derive(Debug, Clone)]
pub(super) struct MapEntry {
    pub(super) key: String,
    /// The key's line.
    pub(super) line: usize,
    pub(super) node: Node,
}

impl Node {
    pub(super) fn text(line: usize, text: impl Into<String>) -> Node {
        Node {
            line,
            value: Value::Text(text.into()),
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entry `key`; `None` if this is not a map or has no such entry.
    pub(super) fn get(&self, key: &str) -> Option<&MapEntry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The map's entries. Null counts as an empty map, as in CloudFormation: a section may have all of its
    /// content commented out.
    pub(super) fn entries(&self, what: &str) -> Result<&[MapEntry]> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            Value::Null => Ok(&[]),
            _ => Err(LineError::at(self.line, format!("{what} must be a map"))),
        }
    }

    pub(super) fn items(&self, what: &str) -> Result<&[Node]> {
        match &self.value {
            Value::List(items) => Ok(items),
            _ => Err(LineError::at(self.line, format!("{what} must be a list"))),
        }
    }
}

/// Parses a text with exactly one YAML document.
pub(super) fn parse(text: &str) -> Result<Node> {
    if text.len() > MAX_TEMPLATE_BYTES {
        return Err(LineError::at(1, "the template is larger than 1 MB"));
    }
    check_indentation(text)?;
    let documents = MarkedYaml::load_from_str(text).map_err(|error| {
        let problem = format!("this is not YAML: {}", error.info());
        LineError::at(error.marker().line(), problem)
    })?;
    match documents.as_slice() {
        [document] => SourceText(text.chars().collect()).node(document, 0),
        [] => Err(LineError::at(1, "the template is empty")),
        [_, second, ..] => Err(LineError::at(
            second.span.start.line(),
            "a template must be one YAML document, and a second one starts here",
        )),
    }
}

/// The parser recurses for each block level without a limit of its own (it has one for flow levels), so the
/// limit is checked before parsing.
fn check_indentation(text: &str) -> Result<()> {
    let opens_level = |word: &&str| {
        word.chars().all(|c| matches!(c, '-' | '?' | ':'))
            || word.starts_with('&')
            || word.starts_with('!')
    };
    for (index, line) in text.trim_start_matches('\u{feff}').split('\n').enumerate() {
        // A single carriage return also ends a line.
        for part in line.split('\r') {
            let levels = part.split([' ', '\t']).take_while(opens_level).count();
            if levels > MAX_INDENT {
                let problem = format!("the line is indented by more than {MAX_INDENT} columns");
                return Err(LineError::at(index + 1, problem));
            }
        }
    }
    Ok(())
}

/// The source text as characters, the unit of the parser's positions.
struct SourceText(Vec<char>);

impl SourceText {
    fn node(&self, yaml: &MarkedYaml<'_>, depth: usize) -> Result<Node> {
        let line = yaml.span.start.line().max(1);
        if depth > MAX_DEPTH {
            let problem = format!("the template is nested more than {MAX_DEPTH} levels deep");
            return Err(LineError::at(line, problem));
        }
        if self.is_alias(yaml) {
            let problem = "CloudFormation does not support YAML function_aliases";
            return Err(LineError::at(line, problem));
        }
        let value = match &yaml.data {
            YamlData::Value(scalar) => self.scalar(scalar, yaml),
            YamlData::Sequence(items) => Value::List(
                items
                    .iter()
                    .map(|item| self.node(item, depth + 1))
                    .collect::<Result<_>>()?,
            ),
            YamlData::Mapping(entries) => {
                let mut map = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    map.push(self.entry(key, value, depth)?);
                }
                return long_form_call(line, map);
            }
            YamlData::Tagged(tag, inner) => {
                let function = (tag.handle == "!")
                    .then(|| intrinsic_name(&tag.suffix))
                    .flatten();
                let function = function.ok_or_else(|| {
                    LineError::at(
                        line,
                        format!("the tag {tag} is not supported by the embedded cloud"),
                    )
                })?;
                let inner = MarkedYaml {
                    span: yaml.span,
                    data: inner.data.clone(),
                };
                Value::Call(function, Box::new(self.node(&inner, depth + 1)?))
            }
            YamlData::Representation(..) | YamlData::Alias(_) | YamlData::BadValue => {
                return Err(LineError::at(
                    line,
                    "this value does not match its YAML tag",
                ));
            }
        };
        Ok(Node { line, value })
    }

    fn entry(
        &self,
        key: &MarkedYaml<'_>,
        value: &MarkedYaml<'_>,
        depth: usize,
    ) -> Result<MapEntry> {
        let key = self.node(key, depth + 1)?;
        let Value::Text(name) = key.value else {
            return Err(LineError::at(key.line, "a key must be plain text"));
        };
        Ok(MapEntry {
            key: name,
            line: key.line,
            node: self.node(value, depth + 1)?,
        })
    }

    fn scalar(&self, scalar: &Scalar<'_>, yaml: &MarkedYaml<'_>) -> Value {
        match scalar {
            Scalar::Null => Value::Null,
            Scalar::String(text) => Value::Text(text.to_string()),
            Scalar::Boolean(_) | Scalar::Integer(_) | Scalar::FloatingPoint(_) => {
                let span = yaml.span.start.index()..yaml.span.end.index();
                let written: String = self.0.get(span).unwrap_or_default().iter().collect();
                Value::Text(written.trim().to_string())
            }
        }
    }

    /// The parser replaces an alias with the anchor's content, so only the source text shows the alias.
    fn is_alias(&self, yaml: &MarkedYaml<'_>) -> bool {
        let starts_with_star = self.0.get(yaml.span.start.index()) == Some(&'*');
        let is_plain_text =
            matches!(&yaml.data, YamlData::Value(Scalar::String(text)) if text.starts_with('*'));
        starts_with_star && !is_plain_text
    }
}

/// Converts a map with the single key `Fn::Name` (or `Ref`) into a call. `Condition` stays a map, since it is
/// also a key of resources and policies.
fn long_form_call(line: usize, mut map: Vec<MapEntry>) -> Result<Node> {
    let Some(named) = map
        .iter()
        .find(|e| e.key == "Ref" || e.key.starts_with("Fn::"))
    else {
        let value = Value::Map(map);
        return Ok(Node { line, value });
    };
    let (name, line) = (named.key.clone(), named.line);
    let Some(function) = intrinsic_name(name.strip_prefix("Fn::").unwrap_or(&name)) else {
        return Err(LineError::at(
            line,
            format!("{name} is not supported by the embedded cloud"),
        ));
    };
    match map.pop() {
        Some(only) if map.is_empty() => Ok(Node {
            line,
            value: Value::Call(function, Box::new(only.node)),
        }),
        _ => Err(LineError::at(
            line,
            format!("{name} must be the only key of its map"),
        )),
    }
}

fn intrinsic_name(name: &str) -> Option<&'static str> {
    FUNCTIONS.into_iter().find(|function| *function == name)
}
