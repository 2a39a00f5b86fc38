//! Costs compared with a budget, for the whole period or for each of its months. Where the period extends beyond
//! the bill, the rest is estimated.

use jiff::ToSpan;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::families::family_answer::{FamilyAnswer, Table};
use crate::answer::families::forecast;
use crate::answer::families::input::FamilyInput;
use crate::answer::phrases::{percent_suffix, period_phrase};
use crate::bill::ledger_sums::month_label;
use crate::bill::money::{self, PrecisionOverflow};
use crate::question::intent::Budget;
use crate::question::period::Period;
use crate::text::sanitize::clip;

/// Months that a table lists.
const MAX_MONTHS: usize = 60;

pub(crate) fn answer(
    input: FamilyInput<'_>,
    currency: u32,
    budget: &Budget,
) -> Result<FamilyAnswer, PrecisionOverflow> {
    let Some(limit) = budget.amount else {
        return Ok(FamilyAnswer {
            sentence: "Give the budget as an amount, such as 30,000 USD.".into(),
            ..FamilyAnswer::default()
        });
    };
    let (first, end) = input.bill_days();
    let period = input.question.period.clone().unwrap_or_else(|| Period {
        start: first,
        end,
        text: String::new(),
        relative: false,
    });
    let mut data = json!({"currency": clip(input.currency_name(currency)), "budget": money::exact_text(limit), "monthly": budget.monthly});
    if budget.monthly && period.whole_months().is_none_or(|months| months != 1) {
        return by_month(input, currency, limit, &period, data);
    }
    let spent = input
        .ledger
        .total(&input.filter_over_period(&period), currency)?;
    let left = money::subtract(limit, spent).ok_or(PrecisionOverflow)?;
    let formatted = |amount: Decimal| input.amount(amount, currency);
    let verdict = match left.is_sign_negative() && !left.is_zero() {
        true => format!(
            "**over** the budget of {} by **{}**",
            formatted(limit),
            formatted(left.abs())
        ),
        false => format!(
            "**within** the budget of {}, with **{}** left",
            formatted(limit),
            formatted(left)
        ),
    };
    let mut sentence = format!(
        "{} cost {}{}: {verdict} ({} % of it).",
        input.subject(),
        formatted(spent),
        period_phrase(&period),
        money::percent(spent, limit).map_or_else(|| "0".into(), money::exact_text),
    );
    data["spent"] = money::exact_text(spent).into();
    data["left"] = money::exact_text(left).into();
    data["within"] = (!left.is_sign_negative() || left.is_zero()).into();
    data["usedPercent"] =
        money::percent(spent, limit).map_or(Value::Null, |used| money::exact_text(used).into());
    if period.end > end
        && period.start < end
        && let Some(rest) = forecast::estimate(input, currency, end, period.end)?
    {
        let expected = money::add(spent, rest.expected).ok_or(PrecisionOverflow)?;
        data["expected"] = money::exact_text(money::round(expected, 2)).into();
        sentence += &format!(
            " At its end it is likely to be {}{}.",
            formatted(expected),
            percent_suffix(expected, limit)
        );
    }
    Ok(FamilyAnswer {
        sentence,
        data,
        notes: input.partial_coverage_note(&period).into_iter().collect(),
        ..FamilyAnswer::default()
    })
}

fn by_month(
    input: FamilyInput<'_>,
    currency: u32,
    limit: Decimal,
    period: &Period,
    mut data: Value,
) -> Result<FamilyAnswer, PrecisionOverflow> {
    let (start, end) = input.covered_days();
    let billed = input
        .ledger
        .sums_by(&input.filter_over_period(period), currency, |key| {
            month_label(key.day)
        })?;
    let mut table = Table::new(&["Month", "Cost", "Left of the budget"]);
    let mut months = Vec::new();
    let mut over = 0;
    let mut day = start.first_of_month();
    while day < end && months.len() < MAX_MONTHS {
        let spent = billed.get(&month_label(day)).copied().unwrap_or_default();
        let left = money::subtract(limit, spent).ok_or(PrecisionOverflow)?;
        over += u32::from(left < Decimal::ZERO);
        table.rows.push(vec![
            month_label(day),
            money::display(spent),
            money::display(left),
        ]);
        months.push(json!({"key": month_label(day), "spent": money::exact_text(spent), "left": money::exact_text(left), "within": left >= Decimal::ZERO}));
        day = day.checked_add(1.month()).unwrap_or(end);
    }
    data["overMonths"] = over.into();
    let sentence = format!(
        "{} cost more than {} in **{over}** of {} months.",
        input.subject(),
        input.amount(limit, currency),
        months.len()
    );
    data["months"] = months.into();
    Ok(FamilyAnswer {
        sentence,
        tables: vec![table],
        data,
        ..FamilyAnswer::default()
    })
}
