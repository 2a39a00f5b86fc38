//! Parses restrictions that are not names of the bill: values of columns such as taxes and credits, parts of the world,
//! weekends, untagged charges, and words of descriptions.

use std::collections::BTreeSet;

use crate::bill::charge_filter::ChargeFilter;
use crate::bill::focus_column::FocusColumn;
use crate::bill::ledger::Ledger;
use crate::question::name_filters::exclusion_before;
use crate::question::service_names::{self, ServiceMeaning};
use crate::question::vocabulary;
use crate::text::tokens::Tokens;

/// `without tax`, `credits`, `on-demand`: values of columns that every bill can have. Returns those of columns that are
/// not read.
pub(crate) fn column_values(tokens: &mut Tokens, filter: &mut ChargeFilter) {
    let mut excluded: BTreeSet<usize> = BTreeSet::new();
    // The end of the last value that was excluded; what is joined to it is excluded too.
    let mut last_excluded: Option<usize> = None;
    for at in 0..tokens.len() {
        let Some((column, value, end)) = vocabulary::value_at(tokens, at) else {
            continue;
        };
        // `Elastic Compute Cloud` and `Simple Storage Service` are names.
        const BEFORE: [&str; 4] = ["elastic", "simple", "relational", "managed"];
        const AFTER: [&str; 3] = ["cloud", "service", "services"];
        let named = at > 0 && BEFORE.contains(&tokens.text(at - 1));
        if !column.is_read() || named || AFTER.contains(&tokens.text(end)) {
            continue;
        }
        let exclusion = exclusion_before(tokens, at, &excluded);
        let before = at.checked_sub(1).map_or("", |before| tokens.text(before));
        let exclusion = exclusion.or_else(|| (before == "before").then_some(at.saturating_sub(1)));
        let joined = last_excluded.filter(|last| {
            (*last..at).all(|between| matches!(tokens.text(between), "and" | "or" | "nor"))
        });
        let exclusion = exclusion.or(joined);
        // `including credits` restricts nothing.
        let net_of = before == "of" && at > 1 && tokens.text(at - 2) == "net";
        if net_of || matches!(before, "including" | "incl" | "with" | "after") {
            tokens.mark_any_used(&["net"]);
            tokens.mark_used(at - 1, end);
            continue;
        }
        let texts = filter.columns.entry(column).or_default();
        match exclusion {
            Some(exclusion) => {
                texts.excluded.insert(value.to_string());
                excluded.extend(exclusion..end);
                last_excluded = Some(end);
            }
            None => {
                texts.included.insert(value.to_string());
            }
        }
        tokens.mark_used(at, end);
    }
    for at in excluded {
        tokens.mark_used(at, at + 1);
    }
    for texts in filter.columns.values_mut() {
        // `only usage, no credits`: what is included says it all.
        if !texts.included.is_empty() {
            texts.excluded.clear();
        }
    }
}

/// Parts of the world, and how the ids of their regions and the names of those begin.
const PLACES: &[(&[&str], &[&str], &[&str])] = &[
    (
        &["europe", "european", "eu", "emea", "europa"],
        &["eu-", "europe-"],
        &["Europe", "EU"],
    ),
    (
        &["us", "usa", "unitedstates", "america", "american"],
        &["us-"],
        &["US"],
    ),
    (
        &["asia", "asian", "apac", "asiapacific"],
        &["ap-", "asia-"],
        &["Asia Pacific"],
    ),
    (&["canada", "canadian"], &["ca-"], &["Canada"]),
    (&["southamerica"], &["sa-"], &["South America"]),
];

/// `in Europe`, `outside the US`: every region of the bill in that part of the world.
pub(crate) fn places(tokens: &mut Tokens, ledger: &Ledger, filter: &mut ChargeFilter) {
    for at in 0..tokens.len() {
        let found = PLACES.iter().find_map(|(words, ids, names)| {
            let ends = words.iter().filter_map(|word| tokens.phrase_at(at, word));
            Some((ends.max()?, ids, names))
        });
        let Some((end, ids, names)) = found else {
            continue;
        };
        // `us` is a pronoun unless it is written as the country.
        if tokens.text(at) == "us" && tokens.original_text(at, at + 1) != "US" {
            continue;
        }
        let begins = |name: &str, with: &[&str]| with.iter().any(|start| name.starts_with(start));
        let regions: Vec<u32> = (0u32..)
            .zip(ledger.regions.keys.iter().zip(&ledger.regions.names))
            .filter(|(_, (id, of))| begins(id, ids) || of.iter().any(|name| begins(name, names)))
            .map(|(number, _)| number)
            .collect();
        if regions.is_empty() {
            continue;
        }
        match exclusion_before(tokens, at, &BTreeSet::new()) {
            Some(exclusion) => {
                filter.regions.excluded.extend(regions);
                tokens.mark_used(exclusion, end);
            }
            None => {
                filter.regions.included.extend(regions);
                tokens.mark_used(at, end);
            }
        }
        let next = tokens.unused_text(end).to_string();
        tokens.mark_used(
            end,
            end + usize::from(matches!(next.as_str(), "region" | "regions")),
        );
    }
}

/// `at the weekend`, `on weekdays`.
pub(crate) fn week_part(tokens: &mut Tokens) -> Option<bool> {
    for (words, weekend) in [
        (["weekend", "weekends"], true),
        (["weekday", "weekdays"], false),
    ] {
        if tokens.mark_any_used(&words) {
            return Some(weekend);
        }
    }
    None
}

/// `untagged`, `without a team tag`: charges without the tag that is named beside it.
pub(crate) fn untagged(tokens: &mut Tokens, ledger: &Ledger, filter: &mut ChargeFilter) {
    let Some(at) = (0..tokens.len()).find(|at| tokens.unused_text(*at) == "untagged") else {
        return;
    };
    let keys: Vec<&String> = ledger.tags.keys.keys().collect();
    let named = keys.iter().find_map(|key| {
        (0..tokens.len()).find_map(|start| Some((start, tokens.phrase_at(start, key)?, *key)))
    });
    let Some((start, end, key)) = named else {
        return;
    };
    filter
        .tags
        .insert(key.clone(), BTreeSet::from([String::new()]));
    let next = usize::from(tokens.unused_text(end) == "tag");
    let lead = start.saturating_sub(1);
    if matches!(tokens.unused_text(lead), "tag" | "for" | "by") {
        tokens.mark_used(lead, start);
    }
    tokens.mark_used(start, end + next);
    tokens.mark_used(at, at + 1);
}

/// What descriptions have in them: the longest unused phrase that a description has, words in a row.
pub(crate) fn descriptions(
    tokens: &mut Tokens,
    known: &BTreeSet<&str>,
    fewest_words: usize,
    filter: &mut ChargeFilter,
) {
    let descriptions: Vec<String> = known.iter().map(|text| spaced(text)).collect();
    let mut at = 0;
    while at < tokens.len() {
        let longest = (at + fewest_words..=tokens.len().min(at + 5))
            .rev()
            .find_map(|end| {
                let unused = (at..end).all(|index| tokens.unused(index).is_some());
                let ends = [at, end - 1]
                    .iter()
                    .all(|index| vocabulary::may_be_in_a_description(tokens.text(*index)));
                let phrase = tokens.original_text(at, end).to_lowercase();
                let one = |text: &str| {
                    descriptions
                        .iter()
                        .any(|description| description.contains(&spaced(text)))
                };
                if !unused || !ends {
                    return None;
                }
                let found = [
                    Some(phrase.clone()),
                    phrase.strip_suffix('s').map(str::to_owned),
                ];
                let text = found.into_iter().flatten().find(|text| one(text))?;
                Some((end, text))
            });
        let Some((end, text)) = longest else {
            at += 1;
            continue;
        };
        let texts = filter
            .columns
            .entry(FocusColumn::ChargeDescription)
            .or_default();
        texts.contains.insert(text);
        tokens.mark_used(at, end);
        at = end;
    }
}

/// The words of a text in lower case, each between spaces, so that whole words are found in it.
fn spaced(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    format!(" {} ", words.join(" "))
}

/// Known services that the bill has no name for, and that its descriptions name, such as Fargate.
pub(crate) fn described_services(
    tokens: &mut Tokens,
    ledger: &Ledger,
    known: &BTreeSet<&str>,
    filter: &mut ChargeFilter,
) {
    let phrases = service_names::phrases(&ledger.services.keys);
    for at in 0..tokens.len() {
        let word = tokens.unused_text(at).to_string();
        if word.is_empty() || !matches!(phrases.get(&word), Some(ServiceMeaning::Absent(_))) {
            continue;
        }
        if known
            .iter()
            .any(|text| spaced(text).contains(&spaced(&word)))
        {
            let texts = filter
                .columns
                .entry(FocusColumn::ChargeDescription)
                .or_default();
            texts.contains.insert(word);
            tokens.mark_used(at, at + 1);
        }
    }
}
