//! How a question wants its answer laid out: by what it is grouped, and how many lines it has.
//!
//! It knows the words for that and the bill's tag keys, and nothing of what is counted.

use crate::bill::grouping::Grouping;
use crate::bill::ledger::Ledger;
use crate::question::amounts::count;
use crate::text::tokens::Words;

const MOST: &[&str] = &[
    "expensive",
    "biggest",
    "largest",
    "highest",
    "costliest",
    "costly",
    "priciest",
];

/// Adjectives that put the smallest first.
const LEAST: &[&str] = &["cheapest", "smallest", "lowest"];

/// The end of an adjective that begins here, and whether it puts the smallest first.
fn adjective(words: &Words, at: usize) -> Option<(usize, bool)> {
    let ordering = |at| MOST.contains(&words.free_text(at));
    match words.free_text(at) {
        "least" if ordering(at + 1) => Some((at + 2, true)),
        "most" if ordering(at + 1) => Some((at + 2, false)),
        text if LEAST.contains(&text) => Some((at + 1, true)),
        text if MOST.contains(&text) => Some((at + 1, false)),
        _ => None,
    }
}

/// `top 5`, `five most expensive`, `the cheapest service`: how many lines, and whether the smallest comes first.
/// An adjective alone orders. Where not `both` ways are known, what asks for the smallest is left.
pub(crate) fn ranking(words: &mut Words, both: bool) -> (Option<usize>, bool) {
    let (mut found, mut ascending) = (None, false);
    for at in 0..words.len() {
        let text = words.free_text(at);
        if text == "top" {
            let given = count(words.free_text(at + 1)).filter(|count| *count > 0);
            words.take(at, at + 1 + usize::from(given.is_some()));
            found = found.or(given);
        } else if let Some((end, smallest)) = adjective(words, at)
            && (both || !smallest)
            && at.checked_sub(1).map_or("", |before| words.text(before)) != "least"
        {
            ascending |= smallest;
            let before = at.checked_sub(1);
            let given = before
                .and_then(|before| count(words.free_text(before)))
                .filter(|count| *count > 0);
            let singular = one(words.text(end)) || (smallest && asks_which_one(words, at));
            let end = end + usize::from(words.free_text(end) == "first");
            words.take(before.filter(|_| given.is_some()).unwrap_or(at), end);
            // The noun stays free: it names the grouping too.
            found = found.or(given).or(singular.then_some(1));
        }
    }
    (found, ascending)
}

fn one(noun: &str) -> bool {
    matches!(noun, "service" | "account" | "region" | "day" | "month")
}

/// `which day was the cheapest`, which the end of a long list would answer badly: whether the noun came before the adjective.
fn asks_which_one(words: &Words, adjective: usize) -> bool {
    (1..adjective).any(|at| one(words.text(at)) && matches!(words.text(at - 1), "which" | "what"))
}

/// `average daily`, `per day on average`, `a day on average`: whether the mean of the days is asked for.
pub(crate) fn daily_average(words: &mut Words) -> bool {
    let place = |any: &[&str]| (0..words.len()).find(|at| any.contains(&words.free_text(*at)));
    let average = place(&["average", "averaged", "avg", "mean"]);
    let (Some(average), Some(day)) = (average, place(&["daily", "day"])) else {
        return false;
    };
    let article = |at: &usize| matches!(words.free_text(*at), "a" | "per" | "each" | "every");
    let article = day.checked_sub(1).filter(article);
    if article.is_none() && words.free_text(day) != "daily" {
        return false;
    }
    words.take(average, average + 1);
    words.take(article.unwrap_or(day), day + 1);
    true
}

fn dimension(noun: &str) -> Option<Grouping> {
    Some(match noun {
        "service" | "services" | "product" | "products" => Grouping::Service,
        "account" | "accounts" | "subaccount" | "subaccounts" => Grouping::Account,
        "region" | "regions" => Grouping::Region,
        "day" | "days" | "daily" | "date" => Grouping::Day,
        "month" | "months" | "monthly" => Grouping::Month,
        _ => return None,
    })
}

/// `by service`, `per account`, `for each region`, `by tag team`, `by team`, `by the team tag`.
pub(crate) fn asked_grouping(words: &mut Words, ledger: &Ledger) -> Option<Grouping> {
    for at in 0..words.len() {
        if !matches!(
            words.free_text(at),
            "by" | "per" | "each" | "every" | "across"
        ) {
            continue;
        }
        let mut noun = at + 1;
        while matches!(
            words.free_text(noun),
            "the" | "each" | "all" | "every" | "tag" | "tags" | "my" | "our"
        ) {
            noun += 1;
        }
        let tag_said = (at + 1..noun).any(|index| words.text(index).starts_with("tag"));
        if !tag_said && let Some(grouping) = dimension(words.free_text(noun)) {
            words.take(at, noun + 1);
            take_preamble(words, at);
            return Some(grouping);
        }
        if let Some((key, end)) = tag_key_at(words, noun, ledger) {
            let end = end + usize::from(words.free_text(end) == "tag");
            words.take(at, end);
            take_preamble(words, at);
            return Some(Grouping::Tag(key));
        }
    }
    None
}

/// `grouped`, `split`, `broken down`, `breakdown`, `sorted` before a `by` add nothing to it.
fn take_preamble(words: &mut Words, by: usize) {
    for at in by.saturating_sub(2)..by {
        if matches!(
            words.free_text(at),
            "grouped"
                | "group"
                | "split"
                | "broken"
                | "break"
                | "down"
                | "breakdown"
                | "itemized"
                | "itemised"
        ) {
            words.take(at, at + 1);
        }
    }
}

fn tag_key_at(words: &Words, at: usize, ledger: &Ledger) -> Option<(String, usize)> {
    let ends = |key: &String| {
        words
            .phrase_at(at, key)
            .or_else(|| words.phrase_at(at, &format!("{key}s")))
    };
    ledger
        .tags
        .keys
        .keys()
        .filter_map(|key| Some((key.clone(), ends(key)?)))
        .max_by_key(|(_, end)| *end)
}

/// `which service`, `top services`, `daily`: a noun that groups without a `by`.
pub(crate) fn named_grouping(words: &mut Words, ledger: &Ledger) -> Option<Grouping> {
    for at in 0..words.len() {
        if matches!(words.free_text(at), "which" | "what")
            && let Some((key, end)) = tag_key_at(words, at + 1, ledger)
        {
            words.take(at, end);
            words.take_any(&["most"]);
            return Some(Grouping::Tag(key));
        }
        let noun = words.free_text(at);
        let before = at.checked_sub(1).map_or("", |before| words.text(before));
        let singular = one(noun);
        let asked =
            matches!(before, "which" | "what") || MOST.contains(&before) || LEAST.contains(&before);
        if matches!(noun, "days" | "date") || (singular && !asked) {
            continue;
        }
        if let Some(grouping) = dimension(noun) {
            words.take(at, at + 1);
            if asked {
                words.take_any(&["most"]);
            }
            return Some(grouping);
        }
    }
    None
}
