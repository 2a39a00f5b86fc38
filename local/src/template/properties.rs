//! Typed access to a resource's resolved properties. Reading a property removes it; a property that is left
//! at the end is not supported and is an error with its line.

use std::str::FromStr;

use super::error::{LineError, Result};
use super::resolver::Resource;
use super::yaml::{MapEntry, Node, Value};

/// The properties of a resource, or a map inside them.
#[derive(Debug)]
pub(super) struct Properties<'r> {
    /// The resource's name in errors: `AWS::SQS::Queue (resource Jobs)`.
    owner: String,
    /// The prefix of a property's name in a nested map: `RedrivePolicy.`.
    path: String,
    line: usize,
    entries: Vec<&'r MapEntry>,
}

impl<'r> Properties<'r> {
    pub(super) fn of(resource: &'r Resource) -> Result<Properties<'r>> {
        let owner = format!("{} (resource {})", resource.kind, resource.id);
        Properties::nested(owner, String::new(), resource.line, &resource.properties)
    }

    fn nested(owner: String, path: String, line: usize, map: &'r Node) -> Result<Properties<'r>> {
        let entries = map.entries(&format!("{path} of {owner}"))?.iter().collect();
        Ok(Properties {
            owner,
            path,
            line,
            entries,
        })
    }

    /// An error about the property `key`: at its line if it was not read yet, else at the owner's line.
    pub(super) fn error(&self, key: &str, problem: &str) -> LineError {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        self.error_at(entry.map_or(self.line, |entry| entry.line), key, problem)
    }

    fn error_at(&self, line: usize, key: &str, problem: &str) -> LineError {
        LineError::at(
            line,
            format!("{}{key} of {} {problem}", self.path, self.owner),
        )
    }

    fn remove(&mut self, key: &str) -> Option<&'r MapEntry> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        let entry = self.entries.remove(index);
        (!matches!(entry.node.value, Value::Null)).then_some(entry)
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<&'r str>> {
        let Some(entry) = self.remove(key) else {
            return Ok(None);
        };
        let text = entry.node.as_text();
        text.map(Some)
            .ok_or_else(|| self.error_at(entry.line, key, "must be plain text"))
    }

    pub(super) fn required(&mut self, key: &str) -> Result<&'r str> {
        let missing = self.error(key, "is required");
        self.text(key)?.ok_or(missing)
    }

    /// A number in `min..=max`.
    pub(super) fn number<T>(&mut self, key: &str, min: T, max: T) -> Result<Option<T>>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let line = self.error(key, "").line;
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if (&min..=&max).contains(&&number) => Ok(Some(number)),
            _ => {
                let problem = format!("must be a number from {min} to {max}, but is {text}");
                Err(self.error_at(line, key, &problem))
            }
        }
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>> {
        let line = self.error(key, "").line;
        match self.text(key)?.map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(self.error_at(line, key, "must be true or false")),
        }
    }

    pub(super) fn texts(&mut self, key: &str) -> Result<Vec<&'r str>> {
        let Some(entry) = self.remove(key) else {
            return Ok(Vec::new());
        };
        let items = match &entry.node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&entry.node),
        };
        let texts = items.iter().map(Node::as_text).collect::<Option<_>>();
        texts.ok_or_else(|| self.error_at(entry.line, key, "must be a list of plain texts"))
    }

    /// The map under `key`.
    pub(super) fn map(&mut self, key: &str) -> Result<Option<Properties<'r>>> {
        let Some(entry) = self.remove(key) else {
            return Ok(None);
        };
        let path = format!("{}{key}.", self.path);
        Properties::nested(self.owner.clone(), path, entry.line, &entry.node).map(Some)
    }

    /// The maps in the list under `key`.
    pub(super) fn maps(&mut self, key: &str) -> Result<Vec<Properties<'r>>> {
        let Some(entry) = self.remove(key) else {
            return Ok(Vec::new());
        };
        let items = entry
            .node
            .items(&format!("{}{key} of {}", self.path, self.owner))?;
        items
            .iter()
            .map(|item| {
                let path = format!("{}{key}.", self.path);
                Properties::nested(self.owner.clone(), path, item.line, item)
            })
            .collect()
    }

    /// All remaining entries as keys and texts.
    pub(super) fn pairs(self) -> Result<Vec<(&'r str, &'r str)>> {
        let pair = |entry: &&'r MapEntry| {
            let text = entry.node.as_text();
            let text = text.ok_or_else(|| self.error(&entry.key, "must be plain text"))?;
            Ok((entry.key.as_str(), text))
        };
        self.entries.iter().map(pair).collect()
    }

    /// Removes properties that have no effect locally.
    pub(super) fn ignore(&mut self, keys: &[&str]) {
        self.entries
            .retain(|entry| !keys.contains(&entry.key.as_str()));
    }

    /// Fails if a property was neither read nor ignored.
    pub(super) fn deny_unknown(self) -> Result<()> {
        match self.entries.first() {
            None => Ok(()),
            Some(entry) => Err(self.error(&entry.key, "is not supported by the embedded cloud")),
        }
    }
}
