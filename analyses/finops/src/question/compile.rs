//! Compiles a question to a plan, in the bill's own names.

use rust_decimal::Decimal;

use crate::bill::charge_filter::Selection;
use crate::bill::dimension_values::DimensionValues;
use crate::bill::grouping::Grouping;
use crate::bill::ledger::Ledger;
use crate::bill::money;
use crate::question::intent::{CostUnit, Intent};
use crate::question::period::Period;
use crate::question::query_plan::{
    Average, Operation, PlanAmount, PlanBounds, PlanBudget, PlanFilter, PlanPeriod, PlanUnit,
    QueryPlan,
};
use crate::question::understood::Question;

pub(crate) const SERVICE: &str = "ServiceName";
pub(crate) const ACCOUNT: &str = "SubAccountId";
pub(crate) const REGION: &str = "RegionId";
pub(crate) const WEEK_PART: &str = "weekPart";

/// The plan of a question.
pub(crate) fn plan(question: &Question, ledger: &Ledger) -> QueryPlan {
    let in_order = question.top.filter(|_| question.grouping.is_some());
    let compares = matches!(
        question.intent,
        Intent::Comparison | Intent::Change | Intent::Why
    );
    let base = question.base_period.clone();
    let base = base.or_else(|| question.period.as_ref().filter(|_| compares)?.preceding());
    QueryPlan {
        operation: operation(question),
        measure: question.measure,
        filters: filters(question, ledger),
        group_by: question
            .groupings()
            .map(|grouping| group_name(grouping, ledger))
            .collect(),
        period: question.period.as_ref().map(period),
        compared_with: base.as_ref().map(period),
        top: in_order.filter(|_| !question.ascending),
        bottom: match question.ascending {
            true => in_order.or(Some(usize::from(u16::MAX))),
            false => None,
        },
        skip: question.skipped,
        having: (!question.having.is_empty()).then(|| PlanBounds {
            over: question.having.over.map(amount),
            under: question.having.under.map(amount),
        }),
        per: match &question.intent {
            Intent::UnitCost(unit) => Some(per(unit)),
            _ => None,
        },
        budget: match &question.intent {
            Intent::Budget(budget) => Some(PlanBudget {
                amount: budget.amount.map(amount),
                monthly: budget.monthly,
            }),
            _ => None,
        },
        average: match (question.daily_average_asked, question.monthly_average_asked) {
            (true, _) => Some(Average::Day),
            (_, true) => Some(Average::Month),
            _ => None,
        },
        share: question.share_asked,
        rate: question.rate_asked,
    }
}

fn operation(question: &Question) -> Operation {
    match &question.intent {
        Intent::Breakdown if !question.having.is_empty() => Operation::Threshold,
        Intent::Breakdown if question.grouping.is_none() => Operation::Total,
        Intent::Breakdown if question.top.is_some() || question.ascending => Operation::Rank,
        Intent::Breakdown => Operation::Breakdown,
        Intent::Comparison | Intent::Change => Operation::Compare,
        Intent::Trend => Operation::Trend,
        Intent::Why => Operation::Why,
        Intent::Forecast => Operation::Forecast,
        Intent::Anomalies => Operation::Anomalies,
        Intent::UnitCost(_) => Operation::UnitCost,
        Intent::Budget(_) => Operation::Budget,
        Intent::Coverage => Operation::Coverage,
        Intent::Savings => Operation::Savings,
    }
}

fn filters(question: &Question, ledger: &Ledger) -> Vec<PlanFilter> {
    let filter = &question.filter;
    let mut filters: Vec<PlanFilter> = [
        (SERVICE, &ledger.services, &filter.services),
        (ACCOUNT, &ledger.accounts, &filter.accounts),
        (REGION, &ledger.regions, &filter.regions),
    ]
    .into_iter()
    .filter_map(|(column, values, selection)| dimension(column, values, selection))
    .collect();
    let tag_name = |key: &String| format!("Tags/{}", ledger.tags.keys.get(key).unwrap_or(key));
    for (key, values) in &filter.tags {
        filters.push(PlanFilter {
            column: tag_name(key),
            is_null: values.contains(""),
            included: values
                .iter()
                .filter(|value| !value.is_empty())
                .cloned()
                .collect(),
            ..PlanFilter::default()
        });
    }
    for (key, values) in &filter.tags_excluded {
        filters.push(PlanFilter {
            column: tag_name(key),
            excluded: values.iter().cloned().collect(),
            ..PlanFilter::default()
        });
    }
    for (column, texts) in &filter.columns {
        filters.push(PlanFilter {
            column: column.name().to_string(),
            included: texts
                .included
                .iter()
                .filter(|text| !text.is_empty())
                .cloned()
                .collect(),
            excluded: texts.excluded.iter().cloned().collect(),
            contains: texts.contains.iter().cloned().collect(),
            is_null: texts.included.contains(""),
        });
    }
    if let Some(weekend) = filter.weekend {
        let part = if weekend { "weekend" } else { "weekday" };
        filters.push(PlanFilter {
            column: WEEK_PART.to_string(),
            included: vec![part.to_string()],
            ..PlanFilter::default()
        });
    }
    filters
}

fn dimension(column: &str, values: &DimensionValues, selection: &Selection) -> Option<PlanFilter> {
    let names = |numbers: &std::collections::BTreeSet<u32>| {
        let names = numbers
            .iter()
            .map(|number| values.keys[*number as usize].clone());
        names.collect::<Vec<_>>()
    };
    (*selection != Selection::default()).then(|| PlanFilter {
        column: column.to_string(),
        included: names(&selection.included),
        excluded: names(&selection.excluded),
        ..PlanFilter::default()
    })
}

/// The name of a grouping in a plan.
pub(crate) fn group_name(grouping: &Grouping, ledger: &Ledger) -> String {
    match grouping {
        Grouping::Service => SERVICE.into(),
        Grouping::Account => ACCOUNT.into(),
        Grouping::Region => REGION.into(),
        Grouping::Day => "day".into(),
        Grouping::Week => "week".into(),
        Grouping::Month => "month".into(),
        Grouping::Quarter => "quarter".into(),
        Grouping::Year => "year".into(),
        Grouping::Weekday => "weekday".into(),
        Grouping::WeekPart => WEEK_PART.into(),
        Grouping::Tag(key) => format!("Tags/{}", ledger.tags.keys.get(key).unwrap_or(key)),
        Grouping::Column(column) => column.name().into(),
    }
}

fn period(period: &Period) -> PlanPeriod {
    PlanPeriod {
        start: period.start.to_string(),
        end: period.end.to_string(),
    }
}

fn amount(amount: Decimal) -> PlanAmount {
    PlanAmount::Text(money::exact_text(amount))
}

fn per(unit: &CostUnit) -> PlanUnit {
    match unit {
        CostUnit::Any => PlanUnit {
            unit: String::new(),
            many: 1,
            count: None,
        },
        CostUnit::Consumed { unit, per_count } => PlanUnit {
            unit: unit.clone(),
            many: *per_count,
            count: None,
        },
        CostUnit::Given { count, noun } => PlanUnit {
            unit: noun.clone(),
            many: 1,
            count: Some(amount(*count)),
        },
    }
}
