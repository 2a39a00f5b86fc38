//! Parses how an answer is laid out: its order and its number of lines. Its groupings are in
//! [`crate::question::groupings`].

use crate::question::amounts::count;
use crate::question::vocabulary;
use crate::text::tokens::Tokens;

pub(super) const LARGEST_FIRST: &[&str] = &[
    "top",
    "expensive",
    "biggest",
    "largest",
    "highest",
    "costliest",
    "costly",
    "priciest",
];

/// Adjectives that put the smallest first.
pub(super) const SMALLEST_FIRST: &[&str] = &["cheapest", "smallest", "lowest", "bottom"];

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
pub(crate) fn ranking(tokens: &mut Tokens, either_order: bool) -> (Option<usize>, bool, usize) {
    let (mut found, mut ascending, mut skipped) = (None, false, 0);
    for at in 0..tokens.len() {
        let text = tokens.unused_text(at);
        if matches!(text, "top" | "bottom") {
            ascending |= text == "bottom";
            let given = count(tokens.unused_text(at + 1)).filter(|count| *count > 0);
            tokens.mark_used(at, at + 1 + usize::from(given.is_some()));
            found = found.or(given);
        } else if let Some((end, smallest)) = adjective(tokens, at)
            && (either_order || !smallest)
            && at.checked_sub(1).map_or("", |before| tokens.text(before)) != "least"
        {
            ascending |= smallest;
            let before = at.checked_sub(1);
            const ORDINALS: [&str; 4] = ["first", "second", "third", "fourth"];
            let ordinal = before.and_then(|before| {
                ORDINALS
                    .iter()
                    .position(|word| *word == tokens.unused_text(before))
            });
            if let (Some(before), Some(ordinal)) = (before, ordinal) {
                skipped = ordinal;
                tokens.mark_used(before, at);
            }
            let given = before
                .and_then(|before| count(tokens.unused_text(before)))
                .filter(|count| *count > 0);
            let plural = ["services", "accounts", "regions", "teams"];
            let several = plural.iter().any(|noun| tokens.mentions(noun));
            let singular = !(several && matches!(tokens.text(end), "cost" | "bill"))
                && (is_singular_noun(tokens.text(end)) || (smallest && asks_which_one(tokens, at)));
            let end = end + usize::from(tokens.unused_text(end) == "first");
            tokens.mark_used(before.filter(|_| given.is_some()).unwrap_or(at), end);
            // The noun stays unused, since it names the grouping too.
            found = found.or(given).or(singular.then_some(1));
        }
    }
    (found, ascending, skipped)
}

pub(super) fn is_singular_noun(noun: &str) -> bool {
    matches!(
        noun,
        "service"
            | "account"
            | "region"
            | "day"
            | "week"
            | "month"
            | "quarter"
            | "year"
            | "sku"
            | "resource"
            | "provider"
            | "bill"
            | "cost"
    ) || (vocabulary::is_resource_noun(noun) && !noun.ends_with('s'))
}

/// Whether the noun stands before the adjective, as in `which day was the cheapest`: one line answers it.
fn asks_which_one(tokens: &Tokens, adjective: usize) -> bool {
    (1..adjective).any(|at| {
        is_singular_noun(tokens.text(at)) && matches!(tokens.text(at - 1), "which" | "what")
    })
}

/// `average monthly`, `average per month`: whether the mean per month is asked for.
pub(crate) fn monthly_average(tokens: &mut Tokens) -> bool {
    for phrase in [
        "averagemonthly",
        "monthlyaverage",
        "averagepermonth",
        "meanmonthly",
    ] {
        for at in 0..tokens.len() {
            if let Some(end) = tokens.phrase_at(at, phrase) {
                tokens.mark_used(at, end);
                return true;
            }
        }
    }
    false
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
