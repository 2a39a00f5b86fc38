//! The tags of a bill that the questions mention.
//!
//! A bill may have different tags on every resource. Only keys that a question mentions, or whose value it
//! mentions, are kept, so that other tags do not multiply the ledger's sums.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::tokens::{Tokens, normalized};

/// Distinct `Tags` texts cached, so that a repeated text is parsed once.
const MAX_CACHED_TEXTS: usize = 10_000;
/// Keys listed in all; keys that a question mentions are kept beyond it.
const MAX_LISTED_KEYS: usize = 1_000;

/// Sets of the tags that matter, by number.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct TagSets {
    /// The questions of the conversation.
    #[serde(skip)]
    questions: Vec<Tokens>,
    /// Every key of the bill: its normalized form to the bill's spelling.
    pub keys: BTreeMap<String, String>,
    /// Rows whose `Tags` are not a JSON object; they count as untagged.
    #[serde(rename = "unreadable")]
    pub unreadable_rows: u64,
    #[serde(skip)]
    set_by_text: HashMap<String, u32>,
    #[serde(skip)]
    number_by_set: HashMap<TagSet, u32>,
    sets: Vec<TagSet>,
}

/// Normalized key to value.
type TagSet = BTreeMap<String, String>;

/// The number cached for a text that cannot be parsed.
const UNREADABLE: u32 = u32::MAX;

impl TagSets {
    pub(crate) fn new(questions: Vec<Tokens>) -> Self {
        let number_by_set = HashMap::from([(TagSet::new(), 0)]);
        Self {
            questions,
            keys: BTreeMap::new(),
            unreadable_rows: 0,
            set_by_text: HashMap::new(),
            number_by_set,
            sets: vec![TagSet::new()],
        }
    }

    /// Returns the number of the set in this `Tags` column; 0 is the empty set.
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let number = match self.set_by_text.get(text) {
            Some(number) => *number,
            None => {
                let number = self.parse(text);
                if self.set_by_text.len() >= MAX_CACHED_TEXTS {
                    self.set_by_text.clear();
                }
                self.set_by_text.insert(text.to_string(), number);
                number
            }
        };
        if number == UNREADABLE {
            self.unreadable_rows += 1;
            return 0;
        }
        number
    }

    /// The value of a normalized key in a set; empty where the set has none.
    pub(crate) fn value(&self, number: u32, key: &str) -> &str {
        self.sets
            .get(number as usize)
            .and_then(|set| set.get(key))
            .map_or("", String::as_str)
    }

    /// All values of a normalized key.
    pub(crate) fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.sets
            .iter()
            .filter_map(move |set| set.get(key))
            .map(String::as_str)
    }

    /// The set with this number and more values, such as those of FOCUS columns.
    pub(super) fn extended<'a>(
        &mut self,
        number: u32,
        more: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> u32 {
        let mut set = self.sets.get(number as usize).cloned().unwrap_or_default();
        set.extend(more.map(|(key, value)| (key.to_string(), value.to_string())));
        self.intern_set(set)
    }

    fn parse(&mut self, text: &str) -> u32 {
        let Ok(object) = serde_json::from_str::<BTreeMap<String, Value>>(text) else {
            return UNREADABLE;
        };
        let mut set = TagSet::new();
        for (spelling, value) in object {
            let key = normalized(&spelling);
            if key.is_empty() {
                continue;
            }
            let is_mentioned = |phrase: &str| {
                self.questions
                    .iter()
                    .any(|question| question.mentions(phrase))
            };
            let value_is_mentioned = || {
                value
                    .as_str()
                    .is_some_and(|value| is_mentioned(&normalized(value)))
            };
            let mentioned =
                is_mentioned(&key) || is_mentioned(&format!("{key}s")) || value_is_mentioned();
            if mentioned || self.keys.len() < MAX_LISTED_KEYS {
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
        self.intern_set(set)
    }

    /// Adds the tags of another bill. Returns the number here of each of its sets.
    pub(crate) fn merge(&mut self, other: &Self) -> Vec<u32> {
        for (key, spelling) in &other.keys {
            self.keys
                .entry(key.clone())
                .or_insert_with(|| spelling.clone());
        }
        self.unreadable_rows += other.unreadable_rows;
        other
            .sets
            .iter()
            .map(|set| self.intern_set(set.clone()))
            .collect()
    }

    fn intern_set(&mut self, set: TagSet) -> u32 {
        let next = u32::try_from(self.sets.len()).unwrap_or(0);
        *self.number_by_set.entry(set).or_insert_with_key(|set| {
            self.sets.push(set.clone());
            next
        })
    }
}
