//! The tags of a bill, as far as a question asks for them.
//!
//! A bill may have a different set of tags on every resource; only the values of keys that the
//! question mentions, or a value of, are kept, so that they alone multiply what the ledger holds.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::tokens::{Words, joined};

/// Distinct `Tags` texts remembered, so that each is read once where they repeat.
const REMEMBERED: usize = 10_000;
/// Keys listed; the keys of a question are found beyond it too.
const LISTED: usize = 1_000;

/// Numbered sets of the tags that matter.
#[derive(Serialize, Deserialize)]
pub(crate) struct Tags {
    /// What is asked, and was asked before in the conversation.
    #[serde(skip)]
    asked: Vec<Words>,
    /// Every key of the bill, by its joined form, in the bill's own spelling.
    pub keys: BTreeMap<String, String>,
    /// Rows whose `Tags` are no JSON object; they count as untagged.
    pub unreadable: u64,
    #[serde(skip)]
    seen: HashMap<String, u32>,
    #[serde(skip)]
    numbers: HashMap<Set, u32>,
    sets: Vec<Set>,
}

/// Joined key to value.
type Set = BTreeMap<String, String>;

/// What stands for a text that could not be read.
const UNREADABLE: u32 = u32::MAX;

impl Tags {
    pub(crate) fn new(asked: Vec<Words>) -> Self {
        let numbers = HashMap::from([(Set::new(), 0)]);
        Self {
            asked,
            keys: BTreeMap::new(),
            unreadable: 0,
            seen: HashMap::new(),
            numbers,
            sets: vec![Set::new()],
        }
    }

    /// The number of the set that this `Tags` column has; 0 is the empty one.
    pub(crate) fn note(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let number = match self.seen.get(text) {
            Some(number) => *number,
            None => {
                let number = self.read(text);
                if self.seen.len() >= REMEMBERED {
                    self.seen.clear();
                }
                self.seen.insert(text.to_string(), number);
                number
            }
        };
        if number == UNREADABLE {
            self.unreadable += 1;
            return 0;
        }
        number
    }

    /// The value of a joined key in a set; empty where the set has none.
    pub(crate) fn value(&self, number: u32, key: &str) -> &str {
        self.sets
            .get(number as usize)
            .and_then(|set| set.get(key))
            .map_or("", String::as_str)
    }

    /// The values that a joined key takes.
    pub(crate) fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.sets
            .iter()
            .filter_map(move |set| set.get(key))
            .map(String::as_str)
    }

    fn read(&mut self, text: &str) -> u32 {
        let Ok(object) = serde_json::from_str::<BTreeMap<String, Value>>(text) else {
            return UNREADABLE;
        };
        let mut set = Set::new();
        for (spelling, value) in object {
            let key = joined(&spelling);
            if key.is_empty() {
                continue;
            }
            let mention = |phrase: &str| self.asked.iter().any(|words| words.mention(phrase));
            let by_value = || value.as_str().is_some_and(|value| mention(&joined(value)));
            let mentioned = mention(&key) || mention(&format!("{key}s")) || by_value();
            if mentioned || self.keys.len() < LISTED {
                self.keys
                    .entry(key.clone())
                    .or_insert_with(|| spelling.trim().to_string());
            }
            if mentioned && !value.is_null() {
                set.insert(
                    key,
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_string),
                );
            }
        }
        self.number(set)
    }

    /// Takes in the tags of another bill; gives the number here of each of its sets.
    pub(crate) fn merge(&mut self, other: &Self) -> Vec<u32> {
        for (key, spelling) in &other.keys {
            self.keys
                .entry(key.clone())
                .or_insert_with(|| spelling.clone());
        }
        self.unreadable += other.unreadable;
        other
            .sets
            .iter()
            .map(|set| self.number(set.clone()))
            .collect()
    }

    fn number(&mut self, set: Set) -> u32 {
        let next = u32::try_from(self.sets.len()).unwrap_or(0);
        *self.numbers.entry(set).or_insert_with_key(|set| {
            self.sets.push(set.clone());
            next
        })
    }
}
