//! The values of one dimension of a bill, such as its services, by number.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

/// The values of one dimension, numbered in the order of their first charge.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct DimensionValues {
    #[serde(skip)]
    numbers: HashMap<String, u32>,
    /// The key of each value: an id where the bill has one, else a name; empty where it has neither.
    pub keys: Vec<String>,
    /// Other names that the bill has for each value.
    pub names: Vec<BTreeSet<String>>,
}

impl DimensionValues {
    /// Returns the number of the value with this id, or with this name where the id is empty. Adds the value if it
    /// is new.
    pub(crate) fn intern(&mut self, id: &str, name: &str) -> u32 {
        let key = if id.is_empty() { name } else { id };
        let number = match self.numbers.get(key) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
                self.numbers.insert(key.to_string(), number);
                self.keys.push(key.to_string());
                self.names.push(BTreeSet::new());
                number
            }
        };
        let names = &mut self.names[number as usize];
        // A few names for one id are real (a rename, a reseller); more are noise.
        if !name.is_empty() && names.len() < 4 && !names.contains(name) {
            names.insert(name.to_string());
        }
        number
    }

    /// Adds the values of another bill. Returns the number here of each of its numbers.
    pub(crate) fn merge(&mut self, other: &Self) -> Vec<u32> {
        let taken = other.keys.iter().zip(&other.names).map(|(key, names)| {
            let number = self.intern(key, "");
            for name in names {
                self.intern(key, name);
            }
            number
        });
        taken.collect()
    }
}
