//! YAML text as a tree of nodes that know their lines.
//!
//! It spells both forms of an intrinsic function (`!Sub x`, `Fn::Sub: x`) as one [`Value::Call`].
//! It does not know what the functions mean, nor which sections a template has.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use super::{Fault, Result};

/// CloudFormation's quota for a template body passed from S3: 1 MB.
const LARGEST: usize = 1024 * 1024;
/// Levels of lists and maps. CloudFormation states none; real templates stay under 20. The bound
/// keeps hostile text from exhausting the stack of those who walk the tree.
const DEEPEST: usize = 64;
/// Columns that a line's structure may be indented by: the parser takes stack for each level, and
/// a level costs at least a column.
const WIDEST_INDENT: usize = 100;
/// The functions that the reader evaluates, without their `Fn::` prefix.
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

/// A value and the line (from 1) on which it starts.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What a node holds. Numbers and booleans stay as they were written: CloudFormation, too, reads
/// them by what the property wants, and an account id must keep its leading zeros.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// An intrinsic function by its short name, and its argument.
    Call(&'static str, Box<Node>),
}

/// One key of a map.
#[derive(Debug, Clone)]
pub(super) struct Entry {
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

    /// The entry under `key`, where this is a map that has one.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The map's entries; nothing at all reads as an empty map, as a section with its whole
    /// content commented out does in CloudFormation.
    pub(super) fn entries(&self, what: &str) -> Result<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            Value::Null => Ok(&[]),
            _ => Err(Fault::at(self.line, format!("{what} must be a map"))),
        }
    }

    pub(super) fn items(&self, what: &str) -> Result<&[Node]> {
        match &self.value {
            Value::List(items) => Ok(items),
            _ => Err(Fault::at(self.line, format!("{what} must be a list"))),
        }
    }
}

/// Reads the one document that `text` holds.
pub(super) fn parse(text: &str) -> Result<Node> {
    if text.len() > LARGEST {
        return Err(Fault::at(1, "the template is larger than 1 MB"));
    }
    refuse_deep_indent(text)?;
    let documents = MarkedYaml::load_from_str(text).map_err(|error| {
        let problem = format!("this is not YAML: {}", error.info());
        Fault::at(error.marker().line(), problem)
    })?;
    match documents.as_slice() {
        [document] => Source(text.chars().collect()).node(document, 0),
        [] => Err(Fault::at(1, "the template is empty")),
        [_, second, ..] => Err(Fault::at(
            second.span.start.line(),
            "a template is one YAML document, and here a second one starts",
        )),
    }
}

/// The parser descends once for each block level, without a limit of its own (it has one for flow
/// levels), so that the limit must be kept before it runs.
fn refuse_deep_indent(text: &str) -> Result<()> {
    let opens_level = |word: &&str| {
        word.chars().all(|c| matches!(c, '-' | '?' | ':'))
            || word.starts_with('&')
            || word.starts_with('!')
    };
    for (index, line) in text.trim_start_matches('\u{feff}').split('\n').enumerate() {
        // A carriage return alone ends a line, too.
        for part in line.split('\r') {
            let levels = part.split([' ', '\t']).take_while(opens_level).count();
            if levels > WIDEST_INDENT {
                let problem = format!("the line is indented by more than {WIDEST_INDENT} columns");
                return Err(Fault::at(index + 1, problem));
            }
        }
    }
    Ok(())
}

/// The text by characters, which is how the parser counts positions.
struct Source(Vec<char>);

impl Source {
    fn node(&self, yaml: &MarkedYaml<'_>, depth: usize) -> Result<Node> {
        let line = yaml.span.start.line().max(1);
        if depth > DEEPEST {
            let problem = format!("the template is nested more than {DEEPEST} levels deep");
            return Err(Fault::at(line, problem));
        }
        if self.is_alias(yaml) {
            let problem = "CloudFormation does not support YAML aliases";
            return Err(Fault::at(line, problem));
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
                return long_form(line, map);
            }
            YamlData::Tagged(tag, inner) => {
                let function = (tag.handle == "!").then(|| known(&tag.suffix)).flatten();
                let function = function.ok_or_else(|| {
                    Fault::at(
                        line,
                        format!("the tag {tag} is not known to the local cloud"),
                    )
                })?;
                let inner = MarkedYaml {
                    span: yaml.span,
                    data: inner.data.clone(),
                };
                Value::Call(function, Box::new(self.node(&inner, depth + 1)?))
            }
            YamlData::Representation(..) | YamlData::Alias(_) | YamlData::BadValue => {
                return Err(Fault::at(line, "this value does not fit its YAML tag"));
            }
        };
        Ok(Node { line, value })
    }

    fn entry(&self, key: &MarkedYaml<'_>, value: &MarkedYaml<'_>, depth: usize) -> Result<Entry> {
        let key = self.node(key, depth + 1)?;
        let Value::Text(name) = key.value else {
            return Err(Fault::at(key.line, "a key must be plain text"));
        };
        Ok(Entry {
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

    /// The parser has put the anchor's content in place of an alias; only the text tells.
    fn is_alias(&self, yaml: &MarkedYaml<'_>) -> bool {
        let starred = self.0.get(yaml.span.start.index()) == Some(&'*');
        let own =
            matches!(&yaml.data, YamlData::Value(Scalar::String(text)) if text.starts_with('*'));
        starred && !own
    }
}

/// A map of the one key `Fn::Name` (or `Ref`) is a call. `Condition` stays a map: it is also a key
/// of resources and of policies.
fn long_form(line: usize, mut map: Vec<Entry>) -> Result<Node> {
    let Some(named) = map
        .iter()
        .find(|e| e.key == "Ref" || e.key.starts_with("Fn::"))
    else {
        let value = Value::Map(map);
        return Ok(Node { line, value });
    };
    let (name, line) = (named.key.clone(), named.line);
    let Some(function) = known(name.strip_prefix("Fn::").unwrap_or(&name)) else {
        return Err(Fault::at(
            line,
            format!("{name} is not known to the local cloud"),
        ));
    };
    match map.pop() {
        Some(only) if map.is_empty() => Ok(Node {
            line,
            value: Value::Call(function, Box::new(only.node)),
        }),
        _ => Err(Fault::at(
            line,
            format!("{name} must be the only key of its map"),
        )),
    }
}

fn known(name: &str) -> Option<&'static str> {
    FUNCTIONS.into_iter().find(|function| *function == name)
}
