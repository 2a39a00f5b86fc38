//! The names of the bill in a question: services, accounts, regions and tags, and which of them are excluded.
//!
//! It fills a [`Scope`] and takes the words. It knows no period and no sum.

use std::collections::{BTreeSet, HashMap};

use crate::bill::charge_filter::{Choice, Scope};
use crate::bill::ledger::Ledger;
use crate::question::dates;
use crate::question::service_names::{self, Service};
use crate::question::stop_words::is_filler;
use crate::text::tokens::{Words, joined};

const EXCLUDING: &[&str] = &[
    "but",
    "except",
    "excluding",
    "exclude",
    "without",
    "besides",
    "other",
    "apart",
    "aside",
    "minus",
    "not",
    "ignoring",
    "no",
];

/// Restricts the scope to what the question names, and gives the services that the bill does not have.
pub(crate) fn read(words: &mut Words, ledger: &Ledger, scope: &mut Scope) -> Vec<String> {
    let mut naming = Naming {
        scope,
        absent: Vec::new(),
    };
    naming.read_names(words, ledger);
    naming.read_tags(words, ledger);
    naming.read_tag_values(words, ledger);
    naming.absent
}

struct Naming<'a> {
    scope: &'a mut Scope,
    absent: Vec<String>,
}

impl Naming<'_> {
    fn read_names(&mut self, words: &mut Words, ledger: &Ledger) {
        let services = service_names::phrases(&ledger.services.keys);
        let accounts = account_phrases(ledger);
        let regions = region_phrases(ledger);
        let mut excluded = BTreeSet::new();
        for start in 0..words.len() {
            for length in (1..=12.min(words.len() - start)).rev() {
                let end = start + length;
                if (start..end).any(|index| words.free(index).is_none()) {
                    continue;
                }
                let phrase: String = (start..end).map(|index| words.text(index)).collect();
                let reserved =
                    length == 1 && (is_filler(&phrase) || dates::month_name(&phrase).is_some());
                if reserved {
                    continue;
                }
                let exclusion = exclusion_before(words, start, &excluded);
                let without = exclusion.is_some();
                match (
                    services.get(&phrase),
                    accounts.get(&phrase),
                    regions.get(&phrase),
                ) {
                    (Some(Service::Present(numbers)), _, _) => {
                        choose(&mut self.scope.services, numbers, without)
                    }
                    (_, Some(numbers), _) => choose(&mut self.scope.accounts, numbers, without),
                    (_, _, Some(number)) => choose(&mut self.scope.regions, &[*number], without),
                    (Some(Service::Absent(name)), _, _)
                        if without || self.absent.iter().any(|absent| absent == name) => {}
                    (Some(Service::Absent(name)), _, _) => self.absent.push((*name).to_string()),
                    (None, None, None) => continue,
                }
                let vendor = start.checked_sub(1).filter(|before| {
                    matches!(words.free_text(*before), "amazon" | "aws" | "azure")
                });
                let from = vendor.unwrap_or(start);
                if let Some(exclusion) = exclusion {
                    excluded.extend(exclusion..end);
                }
                words.take(from, end);
                break;
            }
        }
        for index in excluded {
            words.take(index, index + 1);
        }
        self.read_partial_accounts(words, ledger);
    }

    /// `the production account` where one account alone has that word in its name.
    fn read_partial_accounts(&mut self, words: &mut Words, ledger: &Ledger) {
        for at in 0..words.len() {
            if words.free_text(at) != "account" {
                continue;
            }
            for beside in [at.checked_sub(1), Some(at + 1)].into_iter().flatten() {
                let word = words.free_text(beside);
                if word.is_empty() || is_filler(word) || EXCLUDING.contains(&word) {
                    continue;
                }
                let has_word = |number: &usize| {
                    ledger.accounts.names[*number].iter().any(|name| {
                        name.split(|c: char| !c.is_alphanumeric())
                            .any(|part| joined(part) == word)
                    })
                };
                let matching: Vec<usize> =
                    (0..ledger.accounts.keys.len()).filter(has_word).collect();
                if let [only] = matching[..]
                    && let Ok(number) = u32::try_from(only)
                {
                    let from = beside.min(at);
                    let exclusion = exclusion_before(words, from, &BTreeSet::new());
                    choose(&mut self.scope.accounts, &[number], exclusion.is_some());
                    words.take(exclusion.unwrap_or(from), beside.max(at) + 1);
                    break;
                }
            }
        }
    }

    /// `environment prod`, `environment = "prod"`, `prod environment`.
    fn read_tags(&mut self, words: &mut Words, ledger: &Ledger) {
        for key in ledger
            .tags
            .keys
            .keys()
            .filter(|key| words.mention(key))
            .cloned()
            .collect::<Vec<_>>()
        {
            let mut values: HashMap<String, BTreeSet<String>> = HashMap::new();
            for value in ledger.tags.values(&key) {
                values
                    .entry(joined(value))
                    .or_default()
                    .insert(value.to_string());
            }
            values.remove("");
            let mut found = None;
            for start in 0..words.len() {
                let Some(after) = words.phrase_at(start, &key) else {
                    continue;
                };
                let value_at = after
                    + usize::from(matches!(
                        words.free_text(after),
                        "is" | "of" | "equals" | "tag" | "tagged"
                    ));
                let behind = values.iter().filter_map(|(value, spelled)| {
                    Some((start, words.phrase_at(value_at, value)?, spelled))
                });
                let before = values.iter().filter_map(|(value, spelled)| {
                    let from =
                        (0..start).find(|from| words.phrase_at(*from, value) == Some(start))?;
                    Some((from, after, spelled))
                });
                found = behind.chain(before).max_by_key(|(from, end, _)| end - from);
                if found.is_some() {
                    break;
                }
            }
            if let Some((start, end, spelled)) = found
                && exclusion_before(words, start, &BTreeSet::new()).is_none()
            {
                self.scope.tags.insert(key, spelled.clone());
                words.take(start, end);
            }
        }
    }

    /// `production` where it is a value of one tag alone; several values of that tag admit each of them.
    fn read_tag_values(&mut self, words: &mut Words, ledger: &Ledger) {
        let mut keys: HashMap<String, BTreeSet<(&str, &str)>> = HashMap::new();
        for key in ledger.tags.keys.keys() {
            for value in ledger.tags.values(key) {
                keys.entry(joined(value)).or_default().insert((key, value));
            }
        }
        for start in 0..words.len() {
            let longest = keys
                .iter()
                .filter(|(value, _)| value.len() > 2 && !is_filler(value))
                .filter_map(|(value, meant)| Some((words.phrase_at(start, value)?, meant)))
                .max_by_key(|(end, _)| *end);
            let Some((end, meant)) = longest else {
                continue;
            };
            let key = meant.first().map_or("", |(key, _)| *key);
            let one_key = meant.iter().all(|(other, _)| *other == key);
            if one_key && exclusion_before(words, start, &BTreeSet::new()).is_none() {
                let values = meant.iter().map(|(_, value)| (*value).to_string());
                self.scope
                    .tags
                    .entry(key.to_string())
                    .or_default()
                    .extend(values);
                words.take(start, end);
                for beside in [start.checked_sub(1), Some(end)].into_iter().flatten() {
                    if words.free_text(beside) == key {
                        words.take(beside, beside + 1);
                    }
                }
            }
        }
    }
}

fn choose(choice: &mut Choice, numbers: &[u32], without: bool) {
    let side = if without {
        &mut choice.never
    } else {
        &mut choice.only
    };
    side.extend(numbers);
}

/// Where the `excluding` or `other than` stands that the name at `start` belongs to.
fn exclusion_before(words: &Words, start: usize, excluded: &BTreeSet<usize>) -> Option<usize> {
    const PASSED: [&str; 14] = [
        "the", "any", "all", "aws", "amazon", "from", "than", "and", "or", "my", "for", "in",
        "account", "region",
    ];
    let within =
        |index: &usize| excluded.contains(index) && !EXCLUDING.contains(&words.text(*index));
    (0..start)
        .rev()
        .find(|index| {
            !(within(index) || (PASSED.contains(&words.text(*index)) && !words.is_used(*index)))
        })
        .filter(|index| EXCLUDING.contains(&words.free_text(*index)))
}

/// Ids and names of accounts; a name that several accounts have means them all.
fn account_phrases(ledger: &Ledger) -> HashMap<String, Vec<u32>> {
    let mut phrases: HashMap<String, Vec<u32>> = HashMap::new();
    for (number, (key, names)) in
        (0u32..).zip(ledger.accounts.keys.iter().zip(&ledger.accounts.names))
    {
        for phrase in names
            .iter()
            .chain([key])
            .map(|name| joined(name))
            .filter(|phrase| !phrase.is_empty())
        {
            let numbers = phrases.entry(phrase).or_default();
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
    }
    phrases
}

/// Ids of regions, and names that one region alone has, such as `US West (Oregon)` and `Oregon`.
fn region_phrases(ledger: &Ledger) -> HashMap<String, u32> {
    let mut phrases: HashMap<String, u32> = HashMap::new();
    let mut shared = BTreeSet::new();
    for (number, names) in (0u32..).zip(&ledger.regions.names) {
        for name in names {
            let place = name
                .split_once('(')
                .map_or("", |(_, place)| place.trim_end_matches(')'));
            let last = place
                .rsplit(' ')
                .next()
                .filter(|last| last.len() > 3)
                .unwrap_or(place);
            for phrase in [name, place, last].map(joined) {
                if phrases
                    .insert(phrase.clone(), number)
                    .is_some_and(|other| other != number)
                {
                    shared.insert(phrase);
                }
            }
        }
    }
    phrases.retain(|phrase, _| !phrase.is_empty() && !shared.contains(phrase));
    phrases.extend(
        (0u32..)
            .zip(&ledger.regions.keys)
            .map(|(number, key)| (joined(key), number))
            .filter(|(key, _)| !key.is_empty()),
    );
    phrases
}
