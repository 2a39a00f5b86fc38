//! Why a cost changed: the change broken down by service, by account within it and by region within that, each
//! time by the fewest values that together make up four fifths of it.
//!
//! It says what changed where; what people did it does not know.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::families::comparison::{periods, side, unnamed};
use crate::answer::families::family_answer::{Finding, Table};
use crate::answer::families::input::Asked;
use crate::answer::grouping_labels;
use crate::answer::phrases::{direction, in_percent, spoken};
use crate::bill::charge_filter::Scope;
use crate::bill::grouping::Grouping;
use crate::bill::money::{self, TooManyDigits};
use crate::question::period::Period;
use crate::text::sanitize::{clip, escape};

/// How much of a change its parts must make up, in percent.
const EXPLAINED: u32 = 80;
/// Lines of the whole breakdown.
const LINES: usize = 40;

struct Breakdown<'a> {
    asked: Asked<'a>,
    currency: u32,
    before: &'a Period,
    after: &'a Period,
    table: Table,
}

pub(crate) fn find(asked: Asked<'_>, currency: u32) -> Result<Finding, TooManyDigits> {
    let Some((before, after)) = periods(asked) else {
        return Ok(unnamed());
    };
    let old = asked.ledger.total(&asked.within(&before), currency)?;
    let new = asked.ledger.total(&asked.within(&after), currency)?;
    let change = money::minus(new, old).ok_or(TooManyDigits)?;
    let mut breakdown = Breakdown {
        asked,
        currency,
        before: &before,
        after: &after,
        table: Table::new(&["Where", "Before", "After", "Change"]),
    };
    let (parts, explained) =
        breakdown.split(&asked.whole(), change, &levels(&asked.question.scope), 0)?;
    let share = money::percent(explained, change);
    let cause = match share {
        Some(share) => format!(
            " {} % of that is explained below.",
            money::exact(share.abs())
        ),
        None => String::new(),
    };
    Ok(Finding {
        sentence: format!(
            "{} {} **{}**{} from {} ({}) to {} ({}).{cause}",
            asked.subject(), direction(change), asked.amount(change.abs(), currency), in_percent(change, old),
            asked.amount(old, currency), spoken(&before).trim_start(), asked.amount(new, currency),
            spoken(&after).trim_start(),
        ),
        tables: vec![breakdown.table],
        notes: [&before, &after].into_iter().filter_map(|period| asked.partly_covered(period)).chain([format!(
            "Each level names the fewest parts that make up at least {EXPLAINED} % of the change above it."
        )]).collect(),
        data: json!({
            "currency": clip(asked.currency(currency)), "before": side(&before, old), "after": side(&after, new),
            "change": money::exact(change), "changePercent": money::percent(change, old).map(money::exact),
            "explained": money::exact(explained), "explainedPercent": share.map(money::exact), "parts": parts,
        }),
    })
}

/// What the change can be broken down by: not by what the question has fixed.
fn levels(scope: &Scope) -> Vec<Grouping> {
    [
        (Grouping::Service, scope.services.only.len()),
        (Grouping::Account, scope.accounts.only.len()),
        (Grouping::Region, scope.regions.only.len()),
    ]
    .into_iter()
    .filter(|(_, named)| *named != 1)
    .map(|(level, _)| level)
    .collect()
}

impl Breakdown<'_> {
    /// The parts of a change, and what they come to together.
    fn split(
        &mut self,
        scope: &Scope,
        change: Decimal,
        levels: &[Grouping],
        depth: usize,
    ) -> Result<(Vec<Value>, Decimal), TooManyDigits> {
        let mut explained = Decimal::ZERO;
        let mut parts = Vec::new();
        let Some((level, deeper)) = levels.split_first() else {
            return Ok((parts, explained));
        };
        if change.is_zero() {
            return Ok((parts, explained));
        }
        let enough = change
            .abs()
            .checked_mul(Decimal::new(i64::from(EXPLAINED), 2))
            .ok_or(TooManyDigits)?;
        for (number, old, new, part) in self.parts(scope, level)? {
            // What went the other way explains nothing.
            if explained.abs() >= enough
                || part.is_zero()
                || part.is_sign_negative() != change.is_sign_negative()
            {
                break;
            }
            explained = money::add(explained, part).ok_or(TooManyDigits)?;
            let label = self.asked.ledger.label(level, number);
            if self.table.rows.len() < LINES {
                let indent = "· ".repeat(depth);
                self.table.rows.push(vec![
                    format!("{indent}{}", escape(&label)),
                    money::show(old),
                    money::show(new),
                    money::show(part),
                ]);
            }
            let (inner, _) =
                self.split(&narrowed(scope, level, number), part, deeper, depth + 1)?;
            parts.push(json!({
                "by": grouping_labels::grouped_by(Some(level)), "key": clip(&label), "before": money::exact(old),
                "after": money::exact(new), "change": money::exact(part),
                "percent": money::percent(part, change).map(money::exact), "parts": inner,
            }));
        }
        Ok((parts, explained))
    }

    /// Each value with what it cost before and after, the one first that changed most in the change's direction.
    fn parts(
        &self,
        scope: &Scope,
        level: &Grouping,
    ) -> Result<Vec<(u32, Decimal, Decimal, Decimal)>, TooManyDigits> {
        let ledger = self.asked.ledger;
        let days = |period: &Period| Scope {
            days: Some((period.start, period.end)),
            ..scope.clone()
        };
        let mut sides: BTreeMap<u32, (Decimal, Decimal)> = BTreeMap::new();
        for (number, amount) in
            ledger.tally(&days(self.before), self.currency, |cell| cell.number(level))?
        {
            sides.entry(number).or_default().0 = amount;
        }
        for (number, amount) in
            ledger.tally(&days(self.after), self.currency, |cell| cell.number(level))?
        {
            sides.entry(number).or_default().1 = amount;
        }
        let mut parts = Vec::new();
        let mut whole = Decimal::ZERO;
        for (number, (old, new)) in sides {
            let change = money::minus(new, old).ok_or(TooManyDigits)?;
            whole = money::add(whole, change).ok_or(TooManyDigits)?;
            parts.push((number, old, new, change));
        }
        let falling = whole.is_sign_negative();
        parts.sort_by(|a, b| {
            let order = if falling {
                a.3.cmp(&b.3)
            } else {
                b.3.cmp(&a.3)
            };
            order.then_with(|| ledger.label(level, a.0).cmp(&ledger.label(level, b.0)))
        });
        Ok(parts)
    }
}

/// The scope with one value of a level alone.
fn narrowed(scope: &Scope, level: &Grouping, number: u32) -> Scope {
    let mut scope = scope.clone();
    let choice = match level {
        Grouping::Account => &mut scope.accounts,
        Grouping::Region => &mut scope.regions,
        _ => &mut scope.services,
    };
    choice.only = [number].into();
    scope
}
