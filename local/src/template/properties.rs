//! One resource's resolved properties, taken out one by one: what is left over at the end was not
//! understood, and is an error with its line.
//!
//! It does not know any resource type.

use std::str::FromStr;

use super::node::{Entry, Node, Value};
use super::scope::Resource;
use super::{Fault, Result};

/// The properties of a resource, or a map inside them.
#[derive(Debug)]
pub(super) struct Properties<'r> {
    /// As errors name it: `AWS::SQS::Queue (resource Jobs)`.
    owner: String,
    /// Stands before the property's name inside a nested map: `RedrivePolicy.`.
    path: String,
    line: usize,
    entries: Vec<&'r Entry>,
}

impl<'r> Properties<'r> {
    pub(super) fn of(resource: &'r Resource) -> Result<Properties<'r>> {
        let owner = format!("{} (resource {})", resource.kind, resource.id);
        Properties::within(owner, String::new(), resource.line, &resource.properties)
    }

    fn within(owner: String, path: String, line: usize, map: &'r Node) -> Result<Properties<'r>> {
        let entries = map.entries(&format!("{path} of {owner}"))?.iter().collect();
        Ok(Properties {
            owner,
            path,
            line,
            entries,
        })
    }

    /// An error about the property `key`, at its line where it is still here, else at the owner's.
    pub(super) fn fault(&self, key: &str, problem: &str) -> Fault {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        self.fault_at(entry.map_or(self.line, |entry| entry.line), key, problem)
    }

    fn fault_at(&self, line: usize, key: &str, problem: &str) -> Fault {
        Fault::at(
            line,
            format!("{}{key} of {} {problem}", self.path, self.owner),
        )
    }

    fn take(&mut self, key: &str) -> Option<&'r Entry> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        let entry = self.entries.remove(index);
        (!matches!(entry.node.value, Value::Null)).then_some(entry)
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<&'r str>> {
        let Some(entry) = self.take(key) else {
            return Ok(None);
        };
        let text = entry.node.as_text();
        text.map(Some)
            .ok_or_else(|| self.fault_at(entry.line, key, "must be plain text"))
    }

    pub(super) fn required(&mut self, key: &str) -> Result<&'r str> {
        let missing = self.fault(key, "is required");
        self.text(key)?.ok_or(missing)
    }

    /// A number within `least..=most`.
    pub(super) fn number<T>(&mut self, key: &str, least: T, most: T) -> Result<Option<T>>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let line = self.fault(key, "").line;
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if (&least..=&most).contains(&&number) => Ok(Some(number)),
            _ => {
                let problem = format!("must be a number from {least} to {most}, and is {text}");
                Err(self.fault_at(line, key, &problem))
            }
        }
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>> {
        let line = self.fault(key, "").line;
        match self.text(key)?.map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(self.fault_at(line, key, "must be true or false")),
        }
    }

    pub(super) fn texts(&mut self, key: &str) -> Result<Vec<&'r str>> {
        let Some(entry) = self.take(key) else {
            return Ok(Vec::new());
        };
        let items = match &entry.node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&entry.node),
        };
        let texts = items.iter().map(Node::as_text).collect::<Option<_>>();
        texts.ok_or_else(|| self.fault_at(entry.line, key, "must be a list of plain texts"))
    }

    /// The map under `key`.
    pub(super) fn map(&mut self, key: &str) -> Result<Option<Properties<'r>>> {
        let Some(entry) = self.take(key) else {
            return Ok(None);
        };
        let path = format!("{}{key}.", self.path);
        Properties::within(self.owner.clone(), path, entry.line, &entry.node).map(Some)
    }

    /// The maps in the list under `key`.
    pub(super) fn maps(&mut self, key: &str) -> Result<Vec<Properties<'r>>> {
        let Some(entry) = self.take(key) else {
            return Ok(Vec::new());
        };
        let items = entry
            .node
            .items(&format!("{}{key} of {}", self.path, self.owner))?;
        items
            .iter()
            .map(|item| {
                let path = format!("{}{key}.", self.path);
                Properties::within(self.owner.clone(), path, item.line, item)
            })
            .collect()
    }

    /// Every key and text that is left.
    pub(super) fn pairs(self) -> Result<Vec<(&'r str, &'r str)>> {
        let pair = |entry: &&'r Entry| {
            let text = entry.node.as_text();
            let text = text.ok_or_else(|| self.fault(&entry.key, "must be plain text"))?;
            Ok((entry.key.as_str(), text))
        };
        self.entries.iter().map(pair).collect()
    }

    /// Drops properties that change nothing on one machine.
    pub(super) fn ignore(&mut self, keys: &[&str]) {
        self.entries
            .retain(|entry| !keys.contains(&entry.key.as_str()));
    }

    /// The error for a property that is still here, if any is.
    pub(super) fn finish(self) -> Result<()> {
        match self.entries.first() {
            None => Ok(()),
            Some(entry) => Err(self.fault(&entry.key, "is not known to the local cloud")),
        }
    }
}
