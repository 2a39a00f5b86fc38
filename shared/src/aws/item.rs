//! Typed reads and writes of the attributes of DynamoDB items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

/// An attribute that this version can't read.
#[derive(Debug, thiserror::Error)]
#[error("the attribute {0} is missing or malformed")]
pub struct ItemError(pub &'static str);

/// The attributes of an item, by name.
pub type Attributes = HashMap<String, AttributeValue>;

pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// ISO 8601 in UTC with milliseconds: of fixed width, so that strings sort as their times do.
pub fn time(value: Timestamp) -> AttributeValue {
    AttributeValue::S(format!("{value:.3}"))
}

/// Epoch seconds, as DynamoDB's TTL needs them.
pub fn ttl(value: Timestamp) -> AttributeValue {
    AttributeValue::N(value.as_second().to_string())
}

/// Reads the attributes of one item. A missing required attribute, or one of another type, is an error.
pub struct Item<'a>(pub &'a Attributes);

impl<'a> Item<'a> {
    pub fn optional_text(&self, name: &'static str) -> Result<Option<&'a str>, ItemError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(AttributeValue::S(text)) => Ok(Some(text)),
            Some(_) => Err(ItemError(name)),
        }
    }

    pub fn text(&self, name: &'static str) -> Result<&'a str, ItemError> {
        self.optional_text(name)?.ok_or(ItemError(name))
    }

    /// A whole number; 0 if it is missing.
    pub fn number<T: std::str::FromStr + Default>(
        &self,
        name: &'static str,
    ) -> Result<T, ItemError> {
        match self.0.get(name) {
            None => Ok(T::default()),
            Some(AttributeValue::N(number)) => number.parse().map_err(|_| ItemError(name)),
            Some(_) => Err(ItemError(name)),
        }
    }

    /// `false` if it is missing.
    pub fn flag(&self, name: &'static str) -> Result<bool, ItemError> {
        match self.0.get(name) {
            None => Ok(false),
            Some(AttributeValue::Bool(flag)) => Ok(*flag),
            Some(_) => Err(ItemError(name)),
        }
    }

    pub fn optional_time(&self, name: &'static str) -> Result<Option<Timestamp>, ItemError> {
        self.optional_text(name)?
            .map(|text| text.parse().map_err(|_| ItemError(name)))
            .transpose()
    }

    pub fn time(&self, name: &'static str) -> Result<Timestamp, ItemError> {
        self.optional_time(name)?.ok_or(ItemError(name))
    }

    pub fn ttl(&self, name: &'static str) -> Result<Timestamp, ItemError> {
        Timestamp::from_second(self.number(name)?).map_err(|_| ItemError(name))
    }

    /// A set of strings; empty if it is missing.
    pub fn texts(&self, name: &'static str) -> Result<&'a [String], ItemError> {
        match self.0.get(name) {
            None => Ok(&[]),
            Some(AttributeValue::Ss(texts)) => Ok(texts),
            Some(_) => Err(ItemError(name)),
        }
    }

    pub fn optional_map(&self, name: &'static str) -> Result<Option<Item<'a>>, ItemError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(AttributeValue::M(map)) => Ok(Some(Item(map))),
            Some(_) => Err(ItemError(name)),
        }
    }

    /// A list of maps; empty if it is missing.
    pub fn maps(&self, name: &'static str) -> Result<Vec<Item<'a>>, ItemError> {
        let list = match self.0.get(name) {
            None => return Ok(vec![]),
            Some(AttributeValue::L(list)) => list,
            Some(_) => return Err(ItemError(name)),
        };
        let map = |value: &'a AttributeValue| match value {
            AttributeValue::M(map) => Ok(Item(map)),
            _ => Err(ItemError(name)),
        };
        list.iter().map(map).collect()
    }
}
