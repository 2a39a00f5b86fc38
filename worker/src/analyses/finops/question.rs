//! What a question asks of a bill, read with the bill's own names.
//!
//! Nothing is guessed: a word that no rule takes is listed in [`Question::ignored`], and the answer
//! says so. It reads no file and does no sum.

use std::collections::{BTreeSet, HashMap};

use super::dates;
use super::grouping::{asked_grouping, named_grouping, top};
use super::ledger::{Choice, Grouping, Ledger, Scope};
use super::period::{self, Period};
use super::services::{self, Service};
use super::words::{Words, joined};

/// A question, understood as far as it can be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Question {
    pub scope: Scope,
    /// `None` asks for the total alone.
    pub grouping: Option<Grouping>,
    /// Whether the question named the grouping itself.
    pub grouping_asked: bool,
    pub top: Option<usize>,
    /// `None` is the whole bill.
    pub period: Option<Period>,
    /// Services asked for that the bill does not have, by their full names.
    pub absent: Vec<String>,
    /// The parts of the question that were not used, in its own words.
    pub ignored: Vec<String>,
    /// Whether tags were asked for without one that the bill has.
    pub tag_sought: bool,
    /// Whether anything at all was understood.
    pub understood: bool,
}

/// The one cost column that is summed; naming it changes nothing.
const SUMMED: &str = "billedcost";

fn is_filler(word: &str) -> bool {
    word == SUMMED || FILLER.contains(&word)
}

/// Words that carry no restriction, so that leaving them aside changes no figure.
const FILLER: &[&str] = &[
    "a", "all", "am", "amount", "an", "and", "any", "are", "as", "at", "be", "been", "bill",
    "billed", "billing", "bills", "by", "can", "charge", "charged", "charges", "cost", "costing",
    "costs", "could", "dear", "did", "display", "do", "does", "each", "expense", "expenses",
    "find", "for", "from", "get", "give", "got", "had", "has", "have", "hello", "hey", "hi", "how",
    "i", "in", "is", "it", "know", "let", "like", "list", "many", "me", "money", "much", "my",
    "need", "of", "on", "our", "out", "over", "paid", "pay", "paying", "per", "please", "s", "see",
    "show", "so", "spend", "spending", "spends", "spent", "tell", "thank", "thanks", "that", "the",
    "their", "there", "this", "to", "up", "us", "usage", "use", "used", "using", "want", "was",
    "we", "were", "what", "which", "will", "with", "within", "would", "you", "your", "d", "ll",
    "m", "account", "service", "region", "period", "during", "month", "or", "come", "came", "adds",
    "add",
];

/// Whether a question names costs in any way, although nothing of the bill.
pub(super) fn speaks_of_costs(question: &str) -> bool {
    let mut words = question.split(|letter: char| !letter.is_alphabetic());
    words.any(|word| COSTS.contains(&word.to_lowercase().as_str()))
}

const COSTS: &[&str] = &[
    "bill", "billed", "billing", "charge", "charged", "charges", "cost", "costs", "expense",
    "expenses", "paid", "pay", "spend", "spending", "spent",
];

const EXCLUDING: &[&str] = &[
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

impl Question {
    /// Reads the question with what the ledger has seen. An empty ledger makes everything absent.
    pub(super) fn read(mut words: Words, ledger: &Ledger) -> Self {
        let mut question = Self {
            top: top(&mut words),
            grouping: asked_grouping(&mut words, ledger),
            ..Self::default()
        };
        question.read_names(&mut words, ledger);
        question.read_tags(&mut words, ledger);
        if let Some((first, last)) = ledger.days {
            question.period = period::find(&mut words, first, last);
            question.scope.days = question
                .period
                .as_ref()
                .map(|period| (period.start, period.end));
        }
        question.grouping = question.grouping.or_else(|| named_grouping(&mut words));
        question.grouping_asked = question.grouping.is_some();
        let total = take_any(&mut words, &["total", "overall", "altogether", "sum"]);
        if question.grouping.is_none() && !total {
            question.grouping = Some(question.usual_grouping());
        }
        question.tag_sought = take_any(&mut words, &["tag", "tags", "tagged"])
            && !matches!(question.grouping, Some(Grouping::Tag(_)))
            && question.scope.tags.is_empty();
        question.understood = total
            || question.top.is_some()
            || question.grouping_asked
            || question.period.is_some()
            || !question.absent.is_empty()
            || Scope {
                days: None,
                ..question.scope.clone()
            } != Scope::default();
        take_provider(&mut words, ledger);
        question.ignored = left_over(&words);
        question
    }

    /// Whether only services were asked for that the bill does not have.
    pub(super) fn asks_only_for_absent(&self) -> bool {
        !self.absent.is_empty() && self.scope.services.only.is_empty()
    }

    /// One service is told apart by account, one service in one account by region, all else by service.
    fn usual_grouping(&self) -> Grouping {
        match (
            self.scope.services.only.len(),
            self.scope.accounts.only.len(),
        ) {
            (1, 1) => Grouping::Region,
            (1, _) => Grouping::Account,
            _ => Grouping::Service,
        }
    }

    fn read_names(&mut self, words: &mut Words, ledger: &Ledger) {
        let services = services::phrases(&ledger.services.keys);
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

fn take_any(words: &mut Words, any: &[&str]) -> bool {
    let mut taken = false;
    for at in 0..words.len() {
        if any.contains(&words.free_text(at)) {
            words.take(at, at + 1);
            taken = true;
        }
    }
    taken
}

/// Naming the only provider of a bill restricts nothing.
fn take_provider(words: &mut Words, ledger: &Ledger) {
    if ledger.providers.len() == 1
        && let Some(provider) = ledger.providers.first()
    {
        take_any(words, &[&joined(provider)]);
    }
}

/// Runs of unused words, without the filler at their ends.
fn left_over(words: &Words) -> Vec<String> {
    let telling = |index: usize| words.free(index).is_some_and(|word| !is_filler(&word.text));
    let mut runs = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if !telling(at) {
            at += 1;
            continue;
        }
        let end = (at + 1..=words.len())
            .find(|end| !telling(*end))
            .unwrap_or(words.len());
        runs.push(words.quote(at, end));
        at = end;
    }
    if words.was_cut() {
        runs.push(format!("everything after the first {} words", words.len()));
    }
    runs
}
