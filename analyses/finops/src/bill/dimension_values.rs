//! The values of one dimension of a bill, such as its services, by number.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

/// The values of one dimension, numbered in the order of their first charge.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct DimensionValues {
    #[serde(skip)]
    numbers: HashMap<String, u32>,
    /// The identity: an id where the bill has one, else a name; empty where it has neither.
    pub keys: Vec<String>,
    /// What else the bill calls it.
    pub names: Vec<BTreeSet<String>>,
}

impl DimensionValues {
    /// The number of the value with this id, or this name where it has no id.
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
        // A few names an id are real (a rename, a reseller); more are noise.
        if !name.is_empty() && names.len() < 4 && !names.contains(name) {
            names.insert(name.to_string());
        }
        number
    }

    /// Takes in the values of another dimension; gives the number here of each of its numbers.
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
