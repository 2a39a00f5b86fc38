//! How an answer speaks of what was asked: its subject, its period, amounts and lists of names. Every name
//! is escaped.

use rust_decimal::Decimal;

use crate::bill::dimension_values::Names;
use crate::bill::ledger::Ledger;
use crate::bill::money;
use crate::question::parse::Question;
use crate::question::period::Period;
use crate::text::sanitize::escape;

/// Parts of the question, or names, that a list shows.
pub(crate) const LISTED: usize = 12;

/// The services, accounts, regions and tags that the figures are restricted to.
pub(crate) fn subject(question: &Question, ledger: &Ledger) -> String {
    let scope = &question.scope;
    let mut subject = if question.asks_only_for_absent() {
        question
            .absent
            .iter()
            .take(LISTED)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ")
    } else if scope.services.only.is_empty() {
        "all services".to_string()
    } else {
        listed(&names(&ledger.services, &scope.services.only))
    };
    if !scope.accounts.only.is_empty() {
        let accounts: Vec<String> = scope
            .accounts
            .only
            .iter()
            .map(|number| ledger.account(*number))
            .collect();
        subject += &format!(" in account {}", listed(&accounts));
    }
    if !scope.regions.only.is_empty() {
        subject += &format!(
            " in {}",
            listed(&names(&ledger.regions, &scope.regions.only))
        );
    }
    for (key, values) in &scope.tags {
        let key = ledger.tags.keys.get(key).unwrap_or(key);
        let values: Vec<String> = values.iter().cloned().collect();
        subject += &format!(" with {} {}", escape(key), listed(&values));
    }
    let mut without = names(&ledger.services, &scope.services.never);
    without.extend(
        scope
            .accounts
            .never
            .iter()
            .map(|number| ledger.account(*number)),
    );
    without.extend(names(&ledger.regions, &scope.regions.never));
    if !without.is_empty() {
        subject += &format!(" without {}", listed(&without));
    }
    subject
}

pub(crate) fn names(dimension: &Names, numbers: &std::collections::BTreeSet<u32>) -> Vec<String> {
    numbers
        .iter()
        .map(|number| dimension.keys[*number as usize].clone())
        .collect()
}

/// ` in May 2026`, ` on 2026-05-03`, ` from 2026-05-01 to 2026-05-15`.
pub(crate) fn spoken(period: &Period) -> String {
    let last = period.end.yesterday().unwrap_or(period.start);
    if last == period.start {
        format!(" on {last}")
    } else if period.start == last.first_of_month() && last == last.last_of_month() {
        format!(" in {}", period.start.strftime("%B %Y"))
    } else {
        format!(" from {} to {last}", period.start)
    }
}

pub(crate) fn amount(amount: Decimal, currency: &str) -> String {
    format!(
        "{} {}",
        money::show(amount),
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

pub(crate) fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(LISTED).map(|name| escape(name)).collect();
    match names.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `rose by`, `fell by` or nothing to say.
pub(crate) fn direction(change: Decimal) -> &'static str {
    if change.is_zero() {
        "did not change:"
    } else if change.is_sign_negative() {
        "fell by"
    } else {
        "rose by"
    }
}

/// ` (12.5 %)`, where there is something to be a part of.
pub(crate) fn in_percent(part: Decimal, whole: Decimal) -> String {
    money::percent(part, whole).map_or_else(String::new, |percent| {
        format!(" ({} %)", money::exact(percent))
    })
}
