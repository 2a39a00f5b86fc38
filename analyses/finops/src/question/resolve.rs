//! Resolves a plan against the names of a bill. What it can't resolve is an error that names the field.

use std::collections::BTreeSet;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::bill::charge_filter::{ChargeFilter, Selection, TextFilter};
use crate::bill::dimension_values::DimensionValues;
use crate::bill::focus_column::FocusColumn;
use crate::bill::grouping::Grouping;
use crate::bill::ledger::Ledger;
use crate::bill::money;
use crate::question::compile::WEEK_PART;
use crate::question::intent::{Budget, CostUnit, Intent};
use crate::question::period::Period;
use crate::question::query_plan::{
    Average, Operation, PlanAmount, PlanFilter, PlanPeriod, PlanUnit, QueryPlan,
};
use crate::question::service_names::{self, ServiceMeaning};
use crate::question::thresholds::Having;
use crate::question::understood::Question;
use crate::text::tokens::{normalized, singular};

/// A field of the plan, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlanError(pub String);

fn wrong<T>(
    field: impl std::fmt::Display,
    problem: impl std::fmt::Display,
) -> Result<T, PlanError> {
    Err(PlanError(format!("plan.{field}: {problem}")))
}

/// The plan in this JSON, checked without a bill.
pub(crate) fn parse(plan: &Value) -> Result<QueryPlan, PlanError> {
    let parsed: QueryPlan = match serde_json::from_value(plan.clone()) {
        Ok(parsed) => parsed,
        Err(error) => return Err(PlanError(format!("plan: {error}"))),
    };
    question(&parsed, &Ledger::new(vec![]))?;
    Ok(parsed)
}

/// Checks the names of a plan, as JSON, against a bill.
pub(crate) fn check(plan: &str, ledger: &Ledger) -> Result<(), PlanError> {
    let plan = serde_json::from_str(plan);
    let plan = plan.map_err(|error| PlanError(format!("plan: {error}")))?;
    question(&plan, ledger).map(|_| ())
}

/// The question that a plan stands for. With an empty ledger only its names stay unresolved.
pub(crate) fn question(plan: &QueryPlan, ledger: &Ledger) -> Result<Question, PlanError> {
    if plan.group_by.len() > 2 {
        return wrong("groupBy", "an answer has two groupings at most");
    }
    let mut groupings = Vec::new();
    for (at, name) in plan.group_by.iter().enumerate() {
        groupings.push(grouping(&format!("groupBy[{at}]"), name, ledger)?);
    }
    let mut filter = ChargeFilter::default();
    for (at, one) in plan.filters.iter().enumerate() {
        add_filter(&format!("filters[{at}]"), one, ledger, &mut filter)?;
    }
    let period = plan
        .period
        .as_ref()
        .map(|days| period("period", days))
        .transpose()?;
    filter.days = period.as_ref().map(|period| (period.start, period.end));
    let compared = plan.compared_with.as_ref();
    let base_period = compared
        .map(|days| self::period("comparedWith", days))
        .transpose()?;
    let intent = intent(plan)?;
    if intent.compares_periods() && period.is_none() {
        return wrong(
            "period",
            "this operation compares two periods; give the later one",
        );
    }
    let unranked = plan.top.is_none() && plan.bottom.is_none();
    match plan.operation {
        Operation::Rank if unranked => return wrong("top", "a rank needs top or bottom"),
        Operation::Threshold if plan.having.is_none() => {
            return wrong("having", "a threshold needs it");
        }
        _ => {}
    }
    let mut groupings = groupings.into_iter();
    let mut question = Question {
        intent,
        measure: plan.measure,
        rate_asked: plan.rate,
        filter,
        grouping: groupings.next(),
        second_grouping: groupings.next(),
        top: plan
            .top
            .or(plan.bottom)
            .filter(|top| *top < usize::from(u16::MAX)),
        skipped: plan.skip,
        ascending: plan.bottom.is_some(),
        having: having(plan)?,
        share_asked: plan.share,
        daily_average_asked: plan.average == Some(Average::Day),
        monthly_average_asked: plan.average == Some(Average::Month),
        period,
        base_period,
        understood: true,
        from_plan: true,
        ..Question::default()
    };
    question.grouping_named = question.grouping.is_some();
    if plan.operation != Operation::Total
        && question.grouping.is_none()
        && question.intent == Intent::Breakdown
    {
        question.grouping = Some(Grouping::Service);
    }
    Ok(question)
}

fn intent(plan: &QueryPlan) -> Result<Intent, PlanError> {
    Ok(match plan.operation {
        Operation::Total | Operation::Breakdown | Operation::Rank | Operation::Threshold => {
            Intent::Breakdown
        }
        Operation::Compare => Intent::Comparison,
        Operation::Why => Intent::Why,
        Operation::Trend => Intent::Trend,
        Operation::Forecast => Intent::Forecast,
        Operation::Anomalies => Intent::Anomalies,
        Operation::Coverage => Intent::Coverage,
        Operation::Savings => Intent::Savings,
        Operation::UnitCost => Intent::UnitCost(unit(plan.per.as_ref())?),
        Operation::Budget => {
            let Some(budget) = &plan.budget else {
                return wrong("budget", "this operation needs it");
            };
            let amount = budget.amount.as_ref();
            Intent::Budget(Budget {
                amount: amount
                    .map(|given| amount_of("budget.amount", given))
                    .transpose()?,
                monthly: budget.monthly,
            })
        }
    })
}

fn unit(per: Option<&PlanUnit>) -> Result<CostUnit, PlanError> {
    let Some(per) = per.filter(|per| !per.unit.is_empty()) else {
        return Ok(CostUnit::Any);
    };
    match &per.count {
        Some(count) => {
            let count = amount_of("per.count", count)?;
            if count <= Decimal::ZERO {
                return wrong("per.count", "it must be above 0");
            }
            Ok(CostUnit::Given {
                count,
                noun: per.unit.clone(),
            })
        }
        None => Ok(CostUnit::Consumed {
            unit: singular(&normalized(&per.unit)),
            per_count: per.many.max(1),
        }),
    }
}

fn having(plan: &QueryPlan) -> Result<Having, PlanError> {
    let Some(bounds) = &plan.having else {
        return Ok(Having::default());
    };
    let bound = |field: &str, given: &Option<PlanAmount>| {
        given
            .as_ref()
            .map(|given| amount_of(field, given))
            .transpose()
    };
    Ok(Having {
        over: bound("having.over", &bounds.over)?,
        under: bound("having.under", &bounds.under)?,
    })
}

fn amount_of(field: &str, given: &PlanAmount) -> Result<Decimal, PlanError> {
    let text = given.text();
    match money::parse(&text) {
        Some(amount) => Ok(amount),
        None => wrong(field, format!("\"{text}\" is not a decimal")),
    }
}

fn period(field: &str, days: &PlanPeriod) -> Result<Period, PlanError> {
    let day = |name: &str, text: &str| match text.parse::<Date>() {
        Ok(day) => Ok(day),
        Err(_) => wrong(
            format!("{field}.{name}"),
            format!("\"{text}\" is not a day such as 2026-05-01"),
        ),
    };
    let (start, end) = (day("start", &days.start)?, day("end", &days.end)?);
    if start >= end {
        return wrong(
            format!("{field}.end"),
            "it is the day after the last, so it must be later than the start",
        );
    }
    Ok(Period {
        start,
        end,
        text: format!("{start} to {end}"),
        relative: false,
    })
}

fn grouping(field: &str, name: &str, ledger: &Ledger) -> Result<Grouping, PlanError> {
    if let Some(key) = name.strip_prefix("Tags/") {
        return Ok(Grouping::Tag(tag_key(field, key, ledger)?));
    }
    Ok(match name {
        "ServiceName" => Grouping::Service,
        "SubAccountId" | "SubAccountName" => Grouping::Account,
        "RegionId" | "RegionName" => Grouping::Region,
        "day" => Grouping::Day,
        "week" => Grouping::Week,
        "month" => Grouping::Month,
        "quarter" => Grouping::Quarter,
        "year" => Grouping::Year,
        "weekday" => Grouping::Weekday,
        WEEK_PART => Grouping::WeekPart,
        _ => Grouping::Column(column(field, name)?),
    })
}

fn column(field: &str, name: &str) -> Result<FocusColumn, PlanError> {
    match FocusColumn::of_name(name) {
        Some(column) if column.is_read() => Ok(column),
        Some(_) => wrong(field, format!("the column {name} is not read")),
        None => wrong(
            field,
            format!("\"{name}\" is neither a FOCUS column nor a time nor Tags/key"),
        ),
    }
}

fn tag_key(field: &str, key: &str, ledger: &Ledger) -> Result<String, PlanError> {
    let wanted = normalized(key);
    let known = ledger.tags.keys.contains_key(&wanted) || ledger.rows == 0;
    match known {
        true => Ok(wanted),
        false => wrong(field, format!("the bill has no tag \"{key}\"")),
    }
}

fn add_filter(
    field: &str,
    one: &PlanFilter,
    ledger: &Ledger,
    filter: &mut ChargeFilter,
) -> Result<(), PlanError> {
    let texts = |given: &[String]| given.iter().cloned().collect::<BTreeSet<_>>();
    if one.included.is_empty() && one.excluded.is_empty() && one.contains.is_empty() && !one.is_null
    {
        return wrong(field, "it needs in, notIn, contains or isNull");
    }
    let mut included = texts(&one.included);
    if one.is_null {
        included.insert(String::new());
    }
    if let Some(key) = one.column.strip_prefix("Tags/") {
        let key = tag_key(&format!("{field}.column"), key, ledger)?;
        if !one.contains.is_empty() {
            return wrong(
                format!("{field}.contains"),
                "a tag has in, notIn and isNull",
            );
        }
        if !included.is_empty() {
            filter.tags.insert(key.clone(), included);
        }
        if !one.excluded.is_empty() {
            filter.tags_excluded.insert(key, texts(&one.excluded));
        }
        return Ok(());
    }
    let (dimension, selection) = match one.column.as_str() {
        "ServiceName" => (&ledger.services, &mut filter.services),
        "SubAccountId" | "SubAccountName" => (&ledger.accounts, &mut filter.accounts),
        "RegionId" | "RegionName" => (&ledger.regions, &mut filter.regions),
        WEEK_PART => {
            filter.weekend = Some(one.included.iter().any(|part| part == "weekend"));
            return Ok(());
        }
        name => {
            let column = column(&format!("{field}.column"), name)?;
            let contains = one.contains.iter().map(|text| text.to_lowercase());
            let texts = TextFilter {
                included,
                excluded: texts(&one.excluded),
                contains: contains.collect(),
            };
            filter.columns.insert(column, texts);
            return Ok(());
        }
    };
    select(field, one, &included, dimension, ledger, selection)
}

fn select(
    field: &str,
    one: &PlanFilter,
    included: &BTreeSet<String>,
    dimension: &DimensionValues,
    ledger: &Ledger,
    selection: &mut Selection,
) -> Result<(), PlanError> {
    let service = one.column == "ServiceName";
    let number = |name: &str, place: &str| {
        let numbers = numbers(name, dimension, service, ledger);
        match numbers.is_empty() && ledger.rows > 0 {
            true => wrong(
                format!("{field}.{place}"),
                format!("the bill has no {} \"{name}\"", one.column),
            ),
            false => Ok(numbers),
        }
    };
    for name in included {
        selection.included.extend(number(name, "in")?);
    }
    for name in &one.excluded {
        selection.excluded.extend(number(name, "notIn")?);
    }
    for text in &one.contains {
        let lower = text.to_lowercase();
        let has = |name: &String| name.to_lowercase().contains(&lower);
        let values = (0u32..).zip(dimension.keys.iter().zip(&dimension.names));
        let found = values.filter(|(_, (key, names))| has(key) || names.iter().any(has));
        selection.included.extend(found.map(|(number, _)| number));
    }
    if !one.contains.is_empty() && selection.included.is_empty() && ledger.rows > 0 {
        return wrong(
            format!("{field}.contains"),
            format!("no {} of the bill has it", one.column),
        );
    }
    Ok(())
}

/// The values with this id or name; for services also what people call them.
fn numbers(name: &str, dimension: &DimensionValues, service: bool, ledger: &Ledger) -> Vec<u32> {
    let wanted = normalized(name);
    let is = |other: &String| normalized(other) == wanted;
    let values = (0u32..).zip(dimension.keys.iter().zip(&dimension.names));
    let exact = values.filter(|(_, (key, names))| is(key) || names.iter().any(is));
    let exact: Vec<u32> = exact.map(|(number, _)| number).collect();
    if !exact.is_empty() || !service {
        return exact;
    }
    match service_names::phrases(&ledger.services.keys).remove(&wanted) {
        Some(ServiceMeaning::Present(numbers)) => numbers,
        _ => exact,
    }
}
