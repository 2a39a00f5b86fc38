//! Finds the bill's services, accounts, regions and tags in a question and adds them to its [`ChargeFilter`], as
//! included or excluded.

use std::collections::{BTreeSet, HashMap};

use crate::bill::charge_filter::{ChargeFilter, Selection};
use crate::bill::ledger::Ledger;
use crate::question::dates;
use crate::question::service_names::{self, ServiceMeaning};
use crate::question::stop_words::is_stop_word;
use crate::text::tokens::{Tokens, normalized};

const EXCLUDING_WORDS: &[&str] = &[
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
    "non",
    "outside",
    "excl",
    "omit",
    "omitting",
    "sans",
    "ohne",
    "sin",
];

/// Restricts the filter to what the question names, and marks those tokens as used. Returns the known services that
/// it names and the bill does not have.
pub(crate) fn apply_names(
    tokens: &mut Tokens,
    ledger: &Ledger,
    filter: &mut ChargeFilter,
) -> Vec<String> {
    let mut parser = NameParser {
        filter,
        missing_services: Vec::new(),
    };
    parser.read_names(tokens, ledger);
    parser.read_tags(tokens, ledger);
    parser.missing_services
}

/// Restricts the filter to values that only one tag has, such as `production`.
pub(crate) fn apply_tag_values(tokens: &mut Tokens, ledger: &Ledger, filter: &mut ChargeFilter) {
    let mut parser = NameParser {
        filter,
        missing_services: Vec::new(),
    };
    parser.read_tag_values(tokens, ledger);
}

struct NameParser<'a> {
    filter: &'a mut ChargeFilter,
    missing_services: Vec<String>,
}

impl NameParser<'_> {
    fn read_names(&mut self, tokens: &mut Tokens, ledger: &Ledger) {
        let services = service_names::phrases(&ledger.services.keys);
        let accounts = account_phrases(ledger);
        let regions = region_phrases(ledger);
        let mut excluded = BTreeSet::new();
        for start in 0..tokens.len() {
            for length in (1..=12.min(tokens.len() - start)).rev() {
                let end = start + length;
                if (start..end).any(|index| tokens.unused(index).is_none()) {
                    continue;
                }
                let phrase: String = (start..end).map(|index| tokens.text(index)).collect();
                let reserved =
                    length == 1 && (is_stop_word(&phrase) || dates::month_name(&phrase).is_some());
                if reserved {
                    continue;
                }
                let exclusion = exclusion_before(tokens, start, &excluded);
                let is_excluded = exclusion.is_some();
                match (
                    services.get(&phrase),
                    accounts.get(&phrase),
                    regions.get(&phrase),
                ) {
                    (Some(ServiceMeaning::Present(numbers)), _, _) => {
                        select(&mut self.filter.services, numbers, is_excluded)
                    }
                    (_, Some(numbers), _) => {
                        select(&mut self.filter.accounts, numbers, is_excluded)
                    }
                    (_, _, Some(number)) => {
                        select(&mut self.filter.regions, &[*number], is_excluded)
                    }
                    (Some(ServiceMeaning::Absent(name)), _, _)
                        if is_excluded
                            || self.missing_services.iter().any(|missing| missing == name) => {}
                    (Some(ServiceMeaning::Absent(name)), _, _) => {
                        self.missing_services.push((*name).to_string())
                    }
                    (None, None, None) => continue,
                }
                let vendor = start.checked_sub(1).filter(|before| {
                    matches!(tokens.unused_text(*before), "amazon" | "aws" | "azure")
                });
                let from = vendor.unwrap_or(start);
                if let Some(exclusion) = exclusion {
                    excluded.extend(exclusion..end);
                }
                tokens.mark_used(from, end);
                break;
            }
        }
        for index in excluded {
            tokens.mark_used(index, index + 1);
        }
        self.read_partial_accounts(tokens, ledger);
    }

    /// `the production account` where only one account has that word in its name.
    fn read_partial_accounts(&mut self, tokens: &mut Tokens, ledger: &Ledger) {
        for at in 0..tokens.len() {
            if tokens.unused_text(at) != "account" {
                continue;
            }
            for neighbour in [at.checked_sub(1), Some(at + 1)].into_iter().flatten() {
                let word = tokens.unused_text(neighbour);
                if word.is_empty() || is_stop_word(word) || EXCLUDING_WORDS.contains(&word) {
                    continue;
                }
                let has_word = |number: &usize| {
                    ledger.accounts.names[*number].iter().any(|name| {
                        name.split(|c: char| !c.is_alphanumeric())
                            .any(|part| normalized(part) == word)
                    })
                };
                let matching: Vec<usize> =
                    (0..ledger.accounts.keys.len()).filter(has_word).collect();
                if let [only] = matching[..]
                    && let Ok(number) = u32::try_from(only)
                {
                    let from = neighbour.min(at);
                    let exclusion = exclusion_before(tokens, from, &BTreeSet::new());
                    select(&mut self.filter.accounts, &[number], exclusion.is_some());
                    tokens.mark_used(exclusion.unwrap_or(from), neighbour.max(at) + 1);
                    break;
                }
            }
        }
    }

    /// `environment prod`, `environment = "prod"`, `prod environment`.
    fn read_tags(&mut self, tokens: &mut Tokens, ledger: &Ledger) {
        for key in ledger
            .tags
            .keys
            .keys()
            .filter(|key| tokens.mentions(key))
            .cloned()
            .collect::<Vec<_>>()
        {
            let mut values: HashMap<String, BTreeSet<String>> = HashMap::new();
            for value in ledger.tags.values(&key) {
                values
                    .entry(normalized(value))
                    .or_default()
                    .insert(value.to_string());
            }
            values.remove("");
            let mut found = None;
            for start in 0..tokens.len() {
                let Some(after) = tokens.phrase_at(start, &key) else {
                    continue;
                };
                let value_at = after
                    + usize::from(matches!(
                        tokens.unused_text(after),
                        "is" | "of" | "equals" | "tag" | "tagged"
                    ));
                let value_after_key = values.iter().filter_map(|(value, spellings)| {
                    Some((start, tokens.phrase_at(value_at, value)?, spellings))
                });
                let before = values.iter().filter_map(|(value, spellings)| {
                    let from =
                        (0..start).find(|from| tokens.phrase_at(*from, value) == Some(start))?;
                    Some((from, after, spellings))
                });
                found = value_after_key
                    .chain(before)
                    .max_by_key(|(from, end, _)| end - from);
                if found.is_some() {
                    break;
                }
            }
            if let Some((start, end, spellings)) = found {
                match exclusion_before(tokens, start, &BTreeSet::new()) {
                    Some(exclusion) => {
                        let spellings = spellings.clone();
                        self.filter.tags_excluded.insert(key, spellings);
                        tokens.mark_used(exclusion, end);
                    }
                    None => {
                        self.filter.tags.insert(key, spellings.clone());
                        tokens.mark_used(start, end);
                    }
                }
            }
        }
    }

    /// `production` where it is a value of only one tag. Several values of a tag admit each of them.
    fn read_tag_values(&mut self, tokens: &mut Tokens, ledger: &Ledger) {
        let mut keys: HashMap<String, BTreeSet<(&str, &str)>> = HashMap::new();
        for key in ledger.tags.keys.keys() {
            for value in ledger.tags.values(key) {
                keys.entry(normalized(value))
                    .or_default()
                    .insert((key, value));
            }
        }
        for start in 0..tokens.len() {
            let longest = keys
                .iter()
                .filter(|(value, _)| value.len() > 2 && !is_stop_word(value))
                .filter_map(|(value, tags_with_value)| {
                    Some((tokens.phrase_at(start, value)?, tags_with_value))
                })
                .max_by_key(|(end, _)| *end);
            let Some((end, tags_with_value)) = longest else {
                continue;
            };
            let key = tags_with_value.first().map_or("", |(key, _)| *key);
            let one_key = tags_with_value.iter().all(|(other, _)| *other == key);
            if one_key {
                let values = tags_with_value
                    .iter()
                    .map(|(_, value)| (*value).to_string());
                let exclusion = exclusion_before(tokens, start, &BTreeSet::new());
                let tags = match exclusion {
                    Some(_) => &mut self.filter.tags_excluded,
                    None => &mut self.filter.tags,
                };
                tags.entry(key.to_string()).or_default().extend(values);
                tokens.mark_used(exclusion.unwrap_or(start), end);
                for neighbour in [start.checked_sub(1), Some(end)].into_iter().flatten() {
                    if tokens.unused_text(neighbour) == key {
                        tokens.mark_used(neighbour, neighbour + 1);
                    }
                }
            }
        }
    }
}

fn select(selection: &mut Selection, numbers: &[u32], is_excluded: bool) {
    let chosen = if is_excluded {
        &mut selection.excluded
    } else {
        &mut selection.included
    };
    chosen.extend(numbers);
}

/// The index of the `excluding` or `other than` that the name at `start` belongs to.
pub(super) fn exclusion_before(
    tokens: &Tokens,
    start: usize,
    excluded: &BTreeSet<usize>,
) -> Option<usize> {
    const SKIPPED_WORDS: [&str; 17] = [
        "of", "our", "in", "the", "any", "all", "aws", "amazon", "from", "than", "and", "or", "my",
        "for", "in", "account", "region",
    ];
    let within =
        |index: &usize| excluded.contains(index) && !EXCLUDING_WORDS.contains(&tokens.text(*index));
    (0..start)
        .rev()
        .find(|index| {
            !(within(index)
                || (SKIPPED_WORDS.contains(&tokens.text(*index)) && !tokens.is_used(*index)))
        })
        .filter(|index| EXCLUDING_WORDS.contains(&tokens.unused_text(*index)))
}

/// Ids and names of accounts. A name that several accounts share stands for all of them.
fn account_phrases(ledger: &Ledger) -> HashMap<String, Vec<u32>> {
    let mut phrases: HashMap<String, Vec<u32>> = HashMap::new();
    for (number, (key, names)) in
        (0u32..).zip(ledger.accounts.keys.iter().zip(&ledger.accounts.names))
    {
        for phrase in names
            .iter()
            .chain([key])
            .map(|name| normalized(name))
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

/// Ids of regions, and names that only one region has, such as `US West (Oregon)` and `Oregon`.
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
            for phrase in [name, place, last].map(normalized) {
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
            .map(|(number, key)| (normalized(key), number))
            .filter(|(key, _)| !key.is_empty()),
    );
    phrases
}
