//! Parses what an answer is grouped by: two groupings at most, in the order in which the question names them.

use crate::bill::focus_column::FocusColumn;
use crate::bill::grouping::Grouping;
use crate::bill::ledger::Ledger;
use crate::question::layout::{LARGEST_FIRST, SMALLEST_FIRST, is_singular_noun};
use crate::question::vocabulary;
use crate::text::tokens::Tokens;

/// Groupings that an answer can have.
pub(super) const MAX_GROUPINGS: usize = 2;

/// Words before what is grouped by.
const LEADS: &[&str] = &[
    "by", "per", "each", "every", "across", "pro", "por", "nach", "je",
];

/// `by service and month`, `per account per day`, `service by region`, `monthly ... by team`, `for each region`, `by
/// the team tag`. A third grouping stays unused.
pub(crate) fn explicit_groupings(tokens: &mut Tokens, ledger: &Ledger) -> Vec<Grouping> {
    let mut found: Vec<(usize, Grouping)> = Vec::new();
    for at in 0..tokens.len() {
        if found.len() == MAX_GROUPINGS {
            break;
        }
        if let Some((grouping, end)) = adverb(tokens, at) {
            tokens.mark_used(at, end);
            found.push((at, grouping));
            continue;
        }
        if !LEADS.contains(&tokens.unused_text(at)) {
            continue;
        }
        let Some((grouping, end)) = noun_after(tokens, at, ledger) else {
            continue;
        };
        // `service by region`: the first one stands before the `by`.
        if let Some(before) = at.checked_sub(1)
            && found.is_empty()
            && tokens.text(at) == "by"
            && let Some((first, end)) = vocabulary::grouping_at(tokens, before)
            && end == at
            && !first.is_time()
            && !matches!(
                tokens.text(before.wrapping_sub(1)),
                "which" | "what" | "last" | "this" | "same"
            )
            && !tokens.text(before).ends_with('s')
            && !LARGEST_FIRST.contains(&tokens.text(before.wrapping_sub(1)))
        {
            tokens.mark_used(before, at);
            found.push((before, first));
        }
        tokens.mark_used(at, end);
        mark_preamble_used(tokens, at);
        found.push((at, grouping));
        let mut after = end;
        while found.len() < MAX_GROUPINGS
            && let Some((grouping, end)) = joined(tokens, after, ledger)
        {
            tokens.mark_used(after, end);
            found.push((after, grouping));
            after = end;
        }
    }
    found.sort_by_key(|(at, _)| *at);
    let mut groupings: Vec<Grouping> = Vec::new();
    for (_, grouping) in found {
        if !groupings.contains(&grouping) {
            groupings.push(grouping);
        }
    }
    groupings
}

/// `daily`, `month by month`, `weekdays versus weekends`: a grouping that needs no lead.
fn adverb(tokens: &Tokens, at: usize) -> Option<(Grouping, usize)> {
    for (phrase, grouping) in [
        ("monthbymonth", Grouping::Month),
        ("weekbyweek", Grouping::Week),
        ("daybyday", Grouping::Day),
        ("quarterbyquarter", Grouping::Quarter),
        ("yearbyyear", Grouping::Year),
        ("weekendsversusweekdays", Grouping::WeekPart),
        ("weekdaysversusweekends", Grouping::WeekPart),
        ("weekendsvsweekdays", Grouping::WeekPart),
        ("weekdaysvsweekends", Grouping::WeekPart),
        ("weekendversusweekday", Grouping::WeekPart),
        ("weekdayversusweekend", Grouping::WeekPart),
        ("weekendvsweekday", Grouping::WeekPart),
        ("weekdayvsweekend", Grouping::WeekPart),
        ("weekly", Grouping::Week),
        ("quarterly", Grouping::Quarter),
        ("yearly", Grouping::Year),
        ("annual", Grouping::Year),
        ("annually", Grouping::Year),
    ] {
        if let Some(end) = tokens.phrase_at(at, phrase) {
            return Some((grouping, end));
        }
    }
    // Alone, `monthly` and `daily` are implied groupings, found later.
    let word = match tokens.unused_text(at) {
        "monthly" => Grouping::Month,
        "daily" => Grouping::Day,
        _ => return None,
    };
    let more = (at + 1..tokens.len()).any(|lead| LEADS.contains(&tokens.unused_text(lead)));
    more.then_some((word, at + 1))
}

/// The grouping after a lead at `at`, and the index after it.
fn noun_after(tokens: &Tokens, at: usize, ledger: &Ledger) -> Option<(Grouping, usize)> {
    let mut noun = at + 1;
    while matches!(
        tokens.unused_text(noun),
        "the" | "each" | "all" | "every" | "tag" | "tags" | "my" | "our" | "linked"
    ) {
        noun += 1;
    }
    let tag_named = (at + 1..noun).any(|index| tokens.text(index).starts_with("tag"));
    let tag = || {
        let (key, end) = tag_key_at(tokens, noun, ledger)?;
        let end = end + usize::from(tokens.unused_text(end) == "tag");
        Some((Grouping::Tag(key), end))
    };
    match tag_named {
        true => tag(),
        false => vocabulary::grouping_at(tokens, noun).or_else(tag),
    }
}

/// `and month` or `, month` after a grouping.
fn joined(tokens: &Tokens, at: usize, ledger: &Ledger) -> Option<(Grouping, usize)> {
    let next = tokens.unused(at)?;
    if matches!(next.text.as_str(), "and" | "then" | "und" | "y") {
        let lead = at + usize::from(LEADS.contains(&tokens.unused_text(at + 1)));
        return noun_after(tokens, lead, ledger);
    }
    let listed = next.separator.contains([',', '/', '+', '&']);
    let lead = LEADS.contains(&next.text.as_str());
    match (listed, lead) {
        (_, true) => noun_after(tokens, at, ledger),
        (true, false) => noun_after(tokens, at.checked_sub(1)?, ledger),
        _ => None,
    }
}

/// Marks `grouped`, `split`, `broken down` or `breakdown` before a `by` as used.
fn mark_preamble_used(tokens: &mut Tokens, by: usize) {
    const WORDS: [&str; 14] = [
        "grouped",
        "group",
        "split",
        "broken",
        "break",
        "down",
        "breakdown",
        "itemized",
        "itemised",
        "out",
        "divided",
        "segmented",
        "sliced",
        "rank",
    ];
    for at in by.saturating_sub(6)..by {
        if WORDS.contains(&tokens.unused_text(at)) {
            tokens.mark_used(at, at + 1);
        }
    }
}

fn tag_key_at(tokens: &Tokens, at: usize, ledger: &Ledger) -> Option<(String, usize)> {
    let ends = |key: &String| {
        tokens
            .phrase_at(at, &format!("{key}s"))
            .or_else(|| tokens.phrase_at(at, key))
    };
    ledger
        .tags
        .keys
        .keys()
        .filter_map(|key| Some((key.clone(), ends(key)?)))
        .max_by_key(|(_, end)| *end)
}

/// `which service`, `top services and regions`, `daily`: nouns that group without a `by`.
pub(crate) fn implied_groupings(tokens: &mut Tokens, ledger: &Ledger) -> Vec<Grouping> {
    for at in 0..tokens.len() {
        let before = at.checked_sub(1).map_or("", |before| tokens.text(before));
        let asked = matches!(before, "which" | "what" | "who")
            || LARGEST_FIRST.contains(&before)
            || SMALLEST_FIRST.contains(&before);
        let counted = before.bytes().all(|byte| byte.is_ascii_digit()) && !before.is_empty();
        if (asked || counted || matches!(before, "any" | "all"))
            && let Some((key, end)) = tag_key_at(tokens, at, ledger)
        {
            tokens.mark_used(at, end);
            return vec![Grouping::Tag(key)];
        }
        if let Some((grouping, end)) = implied(tokens, at, asked || counted) {
            tokens.mark_used(at, end);
            let mut groupings = vec![grouping];
            if (asked || counted)
                && let Some((second, end)) = joined(tokens, end, ledger)
            {
                tokens.mark_used(at, end);
                groupings.push(second);
            }
            return groupings;
        }
    }
    Vec::new()
}

fn implied(tokens: &Tokens, at: usize, asked: bool) -> Option<(Grouping, usize)> {
    let noun = tokens.unused_text(at);
    if vocabulary::is_resource_noun(noun) {
        let named = (0..at).any(|before| matches!(tokens.text(before), "which" | "what" | "top"))
            || (0..at).any(|before| LARGEST_FIRST.contains(&tokens.text(before)));
        return named.then_some((Grouping::Column(FocusColumn::ResourceId), at + 1));
    }
    if matches!(
        noun,
        "days" | "date" | "tag" | "tags" | "year" | "quarter" | "week" | "cloud"
    ) && !asked
    {
        return None;
    }
    let (grouping, end) = vocabulary::grouping_at(tokens, at)?;
    if is_singular_noun(noun) && end == at + 1 && !asked {
        return None;
    }
    Some((grouping, end))
}
