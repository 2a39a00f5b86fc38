//! What was billed beside a budget, of the whole period or of each of its months; where the period goes on beyond
//! the bill, with what it is likely to come to.

use jiff::ToSpan;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::families::family_answer::{Finding, Table};
use crate::answer::families::forecast;
use crate::answer::families::input::Asked;
use crate::answer::phrases::{in_percent, spoken};
use crate::bill::ledger_sums::month;
use crate::bill::money::{self, TooManyDigits};
use crate::question::intent::Budget;
use crate::question::period::Period;
use crate::text::sanitize::clip;

/// Months that a table has.
const MONTHS: usize = 60;

pub(crate) fn find(
    asked: Asked<'_>,
    currency: u32,
    budget: &Budget,
) -> Result<Finding, TooManyDigits> {
    let Some(limit) = budget.amount else {
        return Ok(Finding {
            sentence: "Give the budget as an amount, such as 30,000 USD.".into(),
            ..Finding::default()
        });
    };
    let (first, end) = asked.bill();
    let period = asked.question.period.clone().unwrap_or_else(|| Period {
        start: first,
        end,
        words: String::new(),
        relative: false,
    });
    let mut data = json!({"currency": clip(asked.currency(currency)), "budget": money::exact(limit), "monthly": budget.monthly});
    if budget.monthly && period.whole_months().is_none_or(|months| months != 1) {
        return by_month(asked, currency, limit, &period, data);
    }
    let spent = asked.ledger.total(&asked.within(&period), currency)?;
    let left = money::minus(limit, spent).ok_or(TooManyDigits)?;
    let shown = |amount: Decimal| asked.amount(amount, currency);
    let verdict = match left.is_sign_negative() && !left.is_zero() {
        true => format!(
            "**over** the budget of {} by **{}**",
            shown(limit),
            shown(left.abs())
        ),
        false => format!(
            "**within** the budget of {}, with **{}** left",
            shown(limit),
            shown(left)
        ),
    };
    let mut sentence = format!(
        "{} cost {}{}: {verdict} ({} % of it).",
        asked.subject(),
        shown(spent),
        spoken(&period),
        money::percent(spent, limit).map_or_else(|| "0".into(), money::exact),
    );
    data["spent"] = money::exact(spent).into();
    data["left"] = money::exact(left).into();
    data["within"] = (!left.is_sign_negative() || left.is_zero()).into();
    data["usedPercent"] =
        money::percent(spent, limit).map_or(Value::Null, |used| money::exact(used).into());
    if period.end > end
        && period.start < end
        && let Some(rest) = forecast::estimate(asked, currency, end, period.end)?
    {
        let expected = money::add(spent, rest.expected).ok_or(TooManyDigits)?;
        data["expected"] = money::exact(money::rounded(expected, 2)).into();
        sentence += &format!(
            " At its end it is likely to be {}{}.",
            shown(expected),
            in_percent(expected, limit)
        );
    }
    Ok(Finding {
        sentence,
        data,
        notes: asked.partly_covered(&period).into_iter().collect(),
        ..Finding::default()
    })
}

fn by_month(
    asked: Asked<'_>,
    currency: u32,
    limit: Decimal,
    period: &Period,
    mut data: Value,
) -> Result<Finding, TooManyDigits> {
    let (start, end) = asked.covered();
    let billed = asked
        .ledger
        .tally(&asked.within(period), currency, |cell| month(cell.day))?;
    let mut table = Table::new(&["Month", "Cost", "Left of the budget"]);
    let mut months = Vec::new();
    let mut over = 0;
    let mut day = start.first_of_month();
    while day < end && months.len() < MONTHS {
        let spent = billed.get(&month(day)).copied().unwrap_or_default();
        let left = money::minus(limit, spent).ok_or(TooManyDigits)?;
        over += u32::from(left < Decimal::ZERO);
        table
            .rows
            .push(vec![month(day), money::show(spent), money::show(left)]);
        months.push(json!({"key": month(day), "spent": money::exact(spent), "left": money::exact(left), "within": left >= Decimal::ZERO}));
        day = day.checked_add(1.month()).unwrap_or(end);
    }
    data["overMonths"] = over.into();
    let sentence = format!(
        "{} cost more than {} in **{over}** of {} months.",
        asked.subject(),
        asked.amount(limit, currency),
        months.len()
    );
    data["months"] = months.into();
    Ok(Finding {
        sentence,
        tables: vec![table],
        data,
        ..Finding::default()
    })
}
