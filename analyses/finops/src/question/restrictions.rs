//! Parses restrictions that are not names of the bill: values of columns such as taxes and credits, parts of the world,
//! weekends, untagged charges, thresholds, shares, and units of consumption.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::bill::charge_filter::ChargeFilter;
use crate::bill::focus_column::FocusColumn;
use crate::bill::ledger::Ledger;
use crate::bill::measure::Measure;
use crate::question::amounts;
use crate::question::name_filters::exclusion_before;
use crate::question::service_names::{self, ServiceMeaning};
use crate::question::vocabulary;
use crate::text::tokens::{Tokens, normalized, singular};

/// Which groups are listed, by their amounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Having {
    /// Only groups with more.
    pub over: Option<Decimal>,
    /// Only groups with less.
    pub under: Option<Decimal>,
}

impl Having {
    pub(crate) fn admits(&self, amount: Decimal) -> bool {
        self.over.is_none_or(|over| amount > over) && self.under.is_none_or(|under| amount < under)
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The measure that the question names, and whether a rate is asked for.
pub(crate) fn measure(tokens: &mut Tokens) -> (Option<Measure>, bool) {
    for at in 0..tokens.len() {
        if let Some(end) = tokens.phrase_at(at, "effectivesavingsrate") {
            tokens.mark_used(at, end);
            return (Some(Measure::Discount), true);
        }
        if let Some((measure, end)) = vocabulary::measure_at(tokens, at) {
            tokens.mark_used(at, end);
            if measure == Measure::Discount {
                for more in [
                    "versuslistprice",
                    "vslistprice",
                    "comparedtolistprice",
                    "save",
                    "saved",
                ] {
                    mark_phrase_used(tokens, more);
                }
            }
            return (Some(measure), false);
        }
    }
    (None, false)
}

pub(super) fn mark_phrase_used(tokens: &mut Tokens, phrase: &str) -> bool {
    for at in 0..tokens.len() {
        if let Some(end) = tokens.phrase_at(at, phrase) {
            tokens.mark_used(at, end);
            return true;
        }
    }
    false
}

/// `How many hours`, `number of requests`, `load balancer hours`: a unit of the bill that is not what a price is per.
pub(crate) fn unit(tokens: &mut Tokens, units: &BTreeSet<&str>, forced: bool) -> Option<String> {
    const COST_WORDS: [&str; 11] = [
        "cost",
        "costs",
        "spend",
        "spent",
        "spending",
        "pay",
        "paid",
        "price",
        "bill",
        "expensive",
        "charges",
    ];
    let counted = ["howmany", "numberof", "quantityof", "howmuch"];
    let counting = counted[..3].iter().any(|phrase| tokens.mentions(phrase)) || forced;
    if !counting && COST_WORDS.iter().any(|word| tokens.mentions(word)) {
        return None;
    }
    for at in 0..tokens.len() {
        let before = at.checked_sub(1).map_or("", |before| tokens.text(before));
        let period = before.bytes().all(|byte| byte.is_ascii_digit())
            || matches!(
                before,
                "per" | "each" | "a" | "an" | "last" | "past" | "million" | "thousand"
            );
        if period && at > 0 {
            continue;
        }
        let found = units.iter().filter_map(|unit| {
            let phrase = normalized(unit);
            let end = tokens
                .phrase_at(at, &phrase)
                .or_else(|| tokens.phrase_at(at, &format!("{phrase}s")))
                .or_else(|| tokens.phrase_at(at, &singular(&phrase)))?;
            Some((end, *unit))
        });
        if let Some((end, unit)) = found.max() {
            tokens.mark_used(at, end);
            for phrase in counted {
                mark_phrase_used(tokens, phrase);
            }
            tokens.mark_any_used(&[
                "in",
                "use",
                "used",
                "consume",
                "consumed",
                "transfer",
                "transferred",
            ]);
            return Some(unit.to_string());
        }
    }
    None
}

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
        if !column.is_read() {
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
        if matches!(before, "including" | "incl" | "with") {
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

/// `over 10k`, `more than $500`, `less than 20 USD`, `between 5k and 10k`, beside something that is listed.
pub(crate) fn having(tokens: &mut Tokens, ledger: &Ledger) -> Having {
    const BUDGET_WORDS: [&str; 8] = [
        "budget", "budgets", "budgeted", "we", "stay", "enough", "within", "it",
    ];
    let mut having = Having::default();
    let noun = (0..tokens.len()).any(|at| {
        let text = tokens.text(at);
        let key = ledger
            .tags
            .keys
            .keys()
            .any(|key| text == key || text == format!("{key}s"));
        let plural = text.ends_with('s') && vocabulary::grouping_at(tokens, at).is_some();
        let one = matches!(
            at.checked_sub(1).map_or("", |before| tokens.text(before)),
            "which" | "every" | "any" | "each"
        ) && vocabulary::grouping_at(tokens, at).is_some();
        key || plural || one
    });
    if !noun || BUDGET_WORDS[..3].iter().any(|word| tokens.mentions(word)) {
        return having;
    }
    for at in 0..tokens.len() {
        let (side, after) = match (tokens.unused_text(at), tokens.unused_text(at + 1)) {
            ("more" | "greater" | "higher" | "larger", "than") => (true, at + 2),
            ("less" | "lower" | "smaller" | "fewer", "than") => (false, at + 2),
            ("at", "least") => (true, at + 2),
            ("over" | "above" | "exceeded" | "exceed" | "exceeds" | "exceeding", _) => {
                (true, at + 1)
            }
            ("under" | "below", _) => (false, at + 1),
            ("between", _) => {
                if let Some(low) = amounts::amount_at(tokens, at + 1)
                    && tokens.unused_text(low.end) == "and"
                    && let Some(high) = amounts::amount_at(tokens, low.end + 1)
                    && (low.is_money || high.is_money)
                {
                    having = Having {
                        over: Some(low.value),
                        under: Some(high.value),
                    };
                    tokens.mark_used(at, high.end);
                }
                continue;
            }
            _ => continue,
        };
        if let Some(amount) = amounts::amount_at(tokens, after)
            && (amount.is_money || amount.value >= Decimal::from(100))
        {
            match side {
                true => having.over = Some(amount.value),
                false => having.under = Some(amount.value),
            }
            tokens.mark_used(at, amount.end);
        }
    }
    if !having.is_empty() {
        tokens.mark_any_used(&["costing", "cost", "are", "any", "many", "spending", "there"]);
    }
    having
}

/// `what percentage`, `the share`: whether the part of the whole is asked for.
pub(crate) fn share(tokens: &mut Tokens) -> bool {
    tokens.mark_any_used(&[
        "percentage",
        "percent",
        "share",
        "portion",
        "fraction",
        "proportion",
        "pct",
    ])
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
