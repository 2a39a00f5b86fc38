//! Parses how an answer is laid out: its grouping, its order and its number of lines.

use crate::bill::grouping::Grouping;
use crate::bill::ledger::Ledger;
use crate::question::amounts::count;
use crate::text::tokens::Tokens;

const LARGEST_FIRST: &[&str] = &[
    "expensive",
    "biggest",
    "largest",
    "highest",
    "costliest",
    "costly",
    "priciest",
];

/// Adjectives that put the smallest first.
const SMALLEST_FIRST: &[&str] = &["cheapest", "smallest", "lowest"];

/// The index after an adjective that starts here, and whether it puts the smallest first.
fn adjective(tokens: &Tokens, at: usize) -> Option<(usize, bool)> {
    let ordering = |at| LARGEST_FIRST.contains(&tokens.unused_text(at));
    match tokens.unused_text(at) {
        "least" if ordering(at + 1) => Some((at + 2, true)),
        "most" if ordering(at + 1) => Some((at + 2, false)),
        text if SMALLEST_FIRST.contains(&text) => Some((at + 1, true)),
        text if LARGEST_FIRST.contains(&text) => Some((at + 1, false)),
        _ => None,
    }
}

/// `top 5`, `five most expensive`, `the cheapest service`: the number of lines, and whether the smallest comes
/// first. An adjective without a number only sets the order. With `either_order` false, words for the smallest stay
/// unused.
pub(crate) fn ranking(tokens: &mut Tokens, either_order: bool) -> (Option<usize>, bool) {
    let (mut found, mut ascending) = (None, false);
    for at in 0..tokens.len() {
        let text = tokens.unused_text(at);
        if text == "top" {
            let given = count(tokens.unused_text(at + 1)).filter(|count| *count > 0);
            tokens.mark_used(at, at + 1 + usize::from(given.is_some()));
            found = found.or(given);
        } else if let Some((end, smallest)) = adjective(tokens, at)
            && (either_order || !smallest)
            && at.checked_sub(1).map_or("", |before| tokens.text(before)) != "least"
        {
            ascending |= smallest;
            let before = at.checked_sub(1);
            let given = before
                .and_then(|before| count(tokens.unused_text(before)))
                .filter(|count| *count > 0);
            let singular =
                is_singular_noun(tokens.text(end)) || (smallest && asks_which_one(tokens, at));
            let end = end + usize::from(tokens.unused_text(end) == "first");
            tokens.mark_used(before.filter(|_| given.is_some()).unwrap_or(at), end);
            // The noun stays unused, since it names the grouping too.
            found = found.or(given).or(singular.then_some(1));
        }
    }
    (found, ascending)
}

fn is_singular_noun(noun: &str) -> bool {
    matches!(noun, "service" | "account" | "region" | "day" | "month")
}

/// Whether the noun stands before the adjective, as in `which day was the cheapest`: one line answers it.
fn asks_which_one(tokens: &Tokens, adjective: usize) -> bool {
    (1..adjective).any(|at| {
        is_singular_noun(tokens.text(at)) && matches!(tokens.text(at - 1), "which" | "what")
    })
}

/// `average daily`, `per day on average`, `a day on average`: whether the mean per day is asked for.
pub(crate) fn daily_average(tokens: &mut Tokens) -> bool {
    let position =
        |any: &[&str]| (0..tokens.len()).find(|at| any.contains(&tokens.unused_text(*at)));
    let average = position(&["average", "averaged", "avg", "mean"]);
    let (Some(average), Some(day)) = (average, position(&["daily", "day"])) else {
        return false;
    };
    let article = |at: &usize| matches!(tokens.unused_text(*at), "a" | "per" | "each" | "every");
    let article = day.checked_sub(1).filter(article);
    if article.is_none() && tokens.unused_text(day) != "daily" {
        return false;
    }
    tokens.mark_used(average, average + 1);
    tokens.mark_used(article.unwrap_or(day), day + 1);
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
pub(crate) fn explicit_grouping(tokens: &mut Tokens, ledger: &Ledger) -> Option<Grouping> {
    for at in 0..tokens.len() {
        if !matches!(
            tokens.unused_text(at),
            "by" | "per" | "each" | "every" | "across"
        ) {
            continue;
        }
        let mut noun = at + 1;
        while matches!(
            tokens.unused_text(noun),
            "the" | "each" | "all" | "every" | "tag" | "tags" | "my" | "our"
        ) {
            noun += 1;
        }
        let tag_named = (at + 1..noun).any(|index| tokens.text(index).starts_with("tag"));
        if !tag_named && let Some(grouping) = dimension(tokens.unused_text(noun)) {
            tokens.mark_used(at, noun + 1);
            mark_preamble_used(tokens, at);
            return Some(grouping);
        }
        if let Some((key, end)) = tag_key_at(tokens, noun, ledger) {
            let end = end + usize::from(tokens.unused_text(end) == "tag");
            tokens.mark_used(at, end);
            mark_preamble_used(tokens, at);
            return Some(Grouping::Tag(key));
        }
    }
    None
}

/// Marks `grouped`, `split`, `broken down` or `breakdown` before a `by` as used.
fn mark_preamble_used(tokens: &mut Tokens, by: usize) {
    for at in by.saturating_sub(2)..by {
        if matches!(
            tokens.unused_text(at),
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
            tokens.mark_used(at, at + 1);
        }
    }
}

fn tag_key_at(tokens: &Tokens, at: usize, ledger: &Ledger) -> Option<(String, usize)> {
    let ends = |key: &String| {
        tokens
            .phrase_at(at, key)
            .or_else(|| tokens.phrase_at(at, &format!("{key}s")))
    };
    ledger
        .tags
        .keys
        .keys()
        .filter_map(|key| Some((key.clone(), ends(key)?)))
        .max_by_key(|(_, end)| *end)
}

/// `which service`, `top services`, `daily`: a noun that groups without a `by`.
pub(crate) fn implied_grouping(tokens: &mut Tokens, ledger: &Ledger) -> Option<Grouping> {
    for at in 0..tokens.len() {
        if matches!(tokens.unused_text(at), "which" | "what")
            && let Some((key, end)) = tag_key_at(tokens, at + 1, ledger)
        {
            tokens.mark_used(at, end);
            tokens.mark_any_used(&["most"]);
            return Some(Grouping::Tag(key));
        }
        let noun = tokens.unused_text(at);
        let before = at.checked_sub(1).map_or("", |before| tokens.text(before));
        let singular = is_singular_noun(noun);
        let asked = matches!(before, "which" | "what")
            || LARGEST_FIRST.contains(&before)
            || SMALLEST_FIRST.contains(&before);
        if matches!(noun, "days" | "date") || (singular && !asked) {
            continue;
        }
        if let Some(grouping) = dimension(noun) {
            tokens.mark_used(at, at + 1);
            if asked {
                tokens.mark_any_used(&["most"]);
            }
            return Some(grouping);
        }
    }
    None
}
