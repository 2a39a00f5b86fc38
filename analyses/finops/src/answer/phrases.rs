//! Phrases of an answer: its subject, its period, amounts and lists of names. Every name is escaped.

use rust_decimal::Decimal;

use crate::bill::dimension_values::DimensionValues;
use crate::bill::ledger::Ledger;
use crate::bill::money;
use crate::question::parse::Question;
use crate::question::period::Period;
use crate::text::sanitize::escape;

/// Names, or parts of the question, that a list shows.
pub(crate) const MAX_LISTED: usize = 12;

/// The services, accounts, regions and tags that the figures are restricted to.
pub(crate) fn subject(question: &Question, ledger: &Ledger) -> String {
    let filter = &question.filter;
    let mut subject = if question.asks_only_for_missing_services() {
        question
            .missing_services
            .iter()
            .take(MAX_LISTED)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ")
    } else if filter.services.included.is_empty() {
        "all services".to_string()
    } else {
        name_list(&dimension_names(
            &ledger.services,
            &filter.services.included,
        ))
    };
    if !filter.accounts.included.is_empty() {
        let accounts: Vec<String> = filter
            .accounts
            .included
            .iter()
            .map(|number| ledger.account_label(*number))
            .collect();
        subject += &format!(" in account {}", name_list(&accounts));
    }
    if !filter.regions.included.is_empty() {
        subject += &format!(
            " in {}",
            name_list(&dimension_names(&ledger.regions, &filter.regions.included))
        );
    }
    for (key, values) in &filter.tags {
        let key = ledger.tags.keys.get(key).unwrap_or(key);
        let values: Vec<String> = values
            .iter()
            .map(|value| {
                if value.is_empty() {
                    "none".to_string()
                } else {
                    value.clone()
                }
            })
            .collect();
        subject += &format!(" with {} {}", escape(key), name_list(&values));
    }
    for (column, texts) in &filter.columns {
        let names = |texts: &std::collections::BTreeSet<String>| {
            let texts: Vec<String> = texts
                .iter()
                .map(|text| {
                    if text.is_empty() {
                        "none".to_string()
                    } else {
                        text.clone()
                    }
                })
                .collect();
            name_list(&texts)
        };
        for (texts, relation) in [
            (&texts.included, "with"),
            (&texts.excluded, "without"),
            (&texts.contains, "with, in the"),
        ] {
            if !texts.is_empty() {
                subject += &format!(" {relation} {} {}", column.words(), names(texts));
            }
        }
    }
    subject += match filter.weekend {
        Some(true) => " at weekends",
        Some(false) => " on weekdays",
        None => "",
    };
    for (key, values) in &filter.tags_excluded {
        let key = ledger.tags.keys.get(key).unwrap_or(key);
        let values: Vec<String> = values.iter().cloned().collect();
        subject += &format!(" without {} {}", escape(key), name_list(&values));
    }
    let mut without = dimension_names(&ledger.services, &filter.services.excluded);
    without.extend(
        filter
            .accounts
            .excluded
            .iter()
            .map(|number| ledger.account_label(*number)),
    );
    without.extend(dimension_names(&ledger.regions, &filter.regions.excluded));
    if !without.is_empty() {
        subject += &format!(" without {}", name_list(&without));
    }
    subject
}

pub(crate) fn dimension_names(
    dimension: &DimensionValues,
    numbers: &std::collections::BTreeSet<u32>,
) -> Vec<String> {
    numbers
        .iter()
        .map(|number| dimension.keys[*number as usize].clone())
        .collect()
}

/// ` in May 2026`, ` on 2026-05-03`, ` from 2026-05-01 to 2026-05-15`.
pub(crate) fn period_phrase(period: &Period) -> String {
    let last = period.end.yesterday().unwrap_or(period.start);
    if last == period.start {
        format!(" on {last}")
    } else if period.start == last.first_of_month() && last == last.last_of_month() {
        format!(" in {}", period.start.strftime("%B %Y"))
    } else {
        format!(" from {} to {last}", period.start)
    }
}

pub(crate) fn amount_in_currency(amount: Decimal, currency: &str) -> String {
    format!(
        "{} {}",
        money::display(amount),
        escape(currency_name(currency))
    )
}

pub(crate) fn currency_name(currency: &str) -> &str {
    if currency.is_empty() {
        "(no currency)"
    } else {
        currency
    }
}

pub(crate) fn name_list(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(MAX_LISTED)
        .map(|name| escape(name))
        .collect();
    match names.len().saturating_sub(MAX_LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `rose by`, `fell by` or `did not change:`.
pub(crate) fn change_verb(change: Decimal) -> &'static str {
    if change.is_zero() {
        "did not change:"
    } else if change.is_sign_negative() {
        "fell by"
    } else {
        "rose by"
    }
}

/// ` (12.5 %)`; empty where the whole is zero.
pub(crate) fn percent_suffix(part: Decimal, whole: Decimal) -> String {
    money::percent(part, whole).map_or_else(String::new, |percent| {
        format!(" ({} %)", money::exact_text(percent))
    })
}

/// The text with its first letter in upper case.
pub(crate) fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}
