//! Explains why a cost changed: the change by service, by account within it and by region within that. Each level
//! lists the fewest values that together make up four fifths of the change.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::families::comparison::{period_json, periods, periods_missing};
use crate::answer::families::family_answer::{FamilyAnswer, Table};
use crate::answer::families::input::FamilyInput;
use crate::answer::grouping_labels;
use crate::answer::phrases::{change_verb, percent_suffix, period_phrase};
use crate::bill::charge_filter::ChargeFilter;
use crate::bill::grouping::Grouping;
use crate::bill::money::{self, PrecisionOverflow};
use crate::question::period::Period;
use crate::text::sanitize::{clip, escape};

/// How much of a change its parts must make up, in percent.
const MIN_EXPLAINED_PERCENT: u32 = 80;
/// Lines of the whole breakdown.
const MAX_LINES: usize = 40;

struct Breakdown<'a> {
    input: FamilyInput<'a>,
    currency: u32,
    before: &'a Period,
    after: &'a Period,
    table: Table,
}

pub(crate) fn answer(
    input: FamilyInput<'_>,
    currency: u32,
) -> Result<FamilyAnswer, PrecisionOverflow> {
    let Some((before, after)) = periods(input) else {
        return Ok(periods_missing());
    };
    let old = input
        .ledger
        .total(&input.filter_over_period(&before), currency)?;
    let new = input
        .ledger
        .total(&input.filter_over_period(&after), currency)?;
    let change = money::subtract(new, old).ok_or(PrecisionOverflow)?;
    let mut breakdown = Breakdown {
        input,
        currency,
        before: &before,
        after: &after,
        table: Table::new(&["Where", "Before", "After", "Change"]),
    };
    let (parts, explained) = breakdown.split(
        &input.filter_over_all_days(),
        change,
        &levels(&input.question.filter),
        0,
    )?;
    let share = money::percent(explained, change);
    let cause = match share {
        // Parts that went the other way make up for what is beyond the whole.
        Some(share) if share.abs() > Decimal::ONE_HUNDRED => {
            " The parts below changed by more than that, and others the other way.".to_string()
        }
        Some(share) => format!(
            " {} % of that is explained below.",
            money::exact_text(share.abs())
        ),
        None => String::new(),
    };
    Ok(FamilyAnswer {
        sentence: format!(
            "{} {} **{}**{} from {} ({}) to {} ({}).{cause}",
            input.subject(), change_verb(change), input.amount(change.abs(), currency), percent_suffix(change, old),
            input.amount(old, currency), period_phrase(&before).trim_start(), input.amount(new, currency),
            period_phrase(&after).trim_start(),
        ),
        tables: vec![breakdown.table],
        notes: [&before, &after].into_iter().filter_map(|period| input.partial_coverage_note(period)).chain([format!(
            "Each level names the fewest parts that make up at least {MIN_EXPLAINED_PERCENT} % of the change above it."
        )]).collect(),
        data: json!({
            "currency": clip(input.currency_name(currency)), "before": period_json(&before, old), "after": period_json(&after, new),
            "change": money::exact_text(change), "changePercent": money::percent(change, old).map(money::exact_text),
            "explained": money::exact_text(explained), "explainedPercent": share.map(money::exact_text), "parts": parts,
        }),
    })
}

/// The dimensions to break the change down by: those that the question does not fix to one value.
fn levels(filter: &ChargeFilter) -> Vec<Grouping> {
    [
        (Grouping::Service, filter.services.included.len()),
        (Grouping::Account, filter.accounts.included.len()),
        (Grouping::Region, filter.regions.included.len()),
    ]
    .into_iter()
    .filter(|(_, named)| *named != 1)
    .map(|(level, _)| level)
    .collect()
}

impl Breakdown<'_> {
    /// The parts of a change, and their sum.
    fn split(
        &mut self,
        filter: &ChargeFilter,
        change: Decimal,
        levels: &[Grouping],
        depth: usize,
    ) -> Result<(Vec<Value>, Decimal), PrecisionOverflow> {
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
            .checked_mul(Decimal::new(i64::from(MIN_EXPLAINED_PERCENT), 2))
            .ok_or(PrecisionOverflow)?;
        for (number, old, new, part) in self.parts(filter, level)? {
            // Parts that changed in the other direction explain nothing.
            if explained.abs() >= enough
                || part.is_zero()
                || part.is_sign_negative() != change.is_sign_negative()
            {
                break;
            }
            explained = money::add(explained, part).ok_or(PrecisionOverflow)?;
            let label = self.input.ledger.label(level, number);
            if self.table.rows.len() < MAX_LINES {
                let indent = "· ".repeat(depth);
                self.table.rows.push(vec![
                    format!("{indent}{}", escape(&label)),
                    money::display(old),
                    money::display(new),
                    money::display(part),
                ]);
            }
            let (inner, _) =
                self.split(&narrowed(filter, level, number), part, deeper, depth + 1)?;
            parts.push(json!({
                "by": grouping_labels::grouped_by(Some(level)), "key": clip(&label), "before": money::exact_text(old),
                "after": money::exact_text(new), "change": money::exact_text(part),
                "percent": money::percent(part, change).map(money::exact_text), "parts": inner,
            }));
        }
        Ok((parts, explained))
    }

    /// Each value with its cost before and after. The largest change in the direction of the whole comes first.
    fn parts(
        &self,
        filter: &ChargeFilter,
        level: &Grouping,
    ) -> Result<Vec<(u32, Decimal, Decimal, Decimal)>, PrecisionOverflow> {
        let ledger = self.input.ledger;
        let days = |period: &Period| ChargeFilter {
            days: Some((period.start, period.end)),
            ..filter.clone()
        };
        let mut sides: BTreeMap<u32, (Decimal, Decimal)> = BTreeMap::new();
        for (number, amount) in
            ledger.sums_by(&days(self.before), self.currency, |key| key.number(level))?
        {
            sides.entry(number).or_default().0 = amount;
        }
        for (number, amount) in
            ledger.sums_by(&days(self.after), self.currency, |key| key.number(level))?
        {
            sides.entry(number).or_default().1 = amount;
        }
        let mut parts = Vec::new();
        let mut whole = Decimal::ZERO;
        for (number, (old, new)) in sides {
            let change = money::subtract(new, old).ok_or(PrecisionOverflow)?;
            whole = money::add(whole, change).ok_or(PrecisionOverflow)?;
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

/// The filter restricted to one value of a level.
fn narrowed(filter: &ChargeFilter, level: &Grouping, number: u32) -> ChargeFilter {
    let mut filter = filter.clone();
    let choice = match level {
        Grouping::Account => &mut filter.accounts,
        Grouping::Region => &mut filter.regions,
        _ => &mut filter.services,
    };
    choice.included = [number].into();
    filter
}
