//! Parses what is measured and which groups are listed by it: measures, units of consumption, thresholds and shares.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::bill::ledger::Ledger;
use crate::bill::measure::Measure;
use crate::question::amounts;
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

fn mark_phrase_used(tokens: &mut Tokens, phrase: &str) -> bool {
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
            "which" | "every" | "any" | "each" | "by" | "per"
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
