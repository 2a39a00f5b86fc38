//! The data of an answer, with exact amounts and names that are not escaped.

use serde_json::{Value, json};

use crate::answer::answer_parts::{AnswerParts, ShownSection};
use crate::answer::grouping_labels::grouped_by;
use crate::answer::phrases::{MAX_LISTED, dimension_names};
use crate::bill::charge_filter::Selection;
use crate::bill::dimension_values::DimensionValues;
use crate::bill::money;
use crate::bill::sections::CostGroup;
use crate::plan::date_gap;
use crate::question::status::Status;
use crate::text::sanitize::clip;

/// A longer plan, one of very long names, is left out.
const MAX_PLAN_BYTES: usize = 16_384;

/// The field `cost_analysis` of a result. The first currency's fields are at its top, other currencies are in
/// `otherCurrencies`.
pub(crate) fn cost_analysis(answer: &AnswerParts<'_>, shown: &[ShownSection<'_>]) -> Value {
    let section = |shown: &ShownSection<'_>| {
        let mut data = json!({
            "currency": clip(&shown.section.currency),
            "total": money::exact_text(shown.section.total),
            "rows": shown.section.rows,
            "groups": shown.groups.iter().map(group_json).collect::<Vec<_>>(),
            "others": shown.others.map(|(groups, amount)| json!({"groups": groups, "amount": money::exact_text(amount)})),
        });
        let average = answer.daily_average(shown.section);
        if let Some(average) = average.or_else(|| answer.monthly_average(shown.section)) {
            data["average"] = money::exact_text(average).into();
        }
        data
    };
    let days = answer.question.filter.days.or_else(|| {
        answer
            .ledger
            .days
            .map(|(first, last)| (first, last.tomorrow().unwrap_or(last)))
    });
    let none = json!({
        "currency": answer.ledger.currencies.keys.first().map(|currency| clip(currency)),
        "total": "0", "rows": 0, "groups": [], "others": null,
    });
    let mut data = shown.first().map_or(none, section);
    data["otherCurrencies"] = shown.iter().skip(1).map(section).collect();
    data["currenciesLeftOut"] = answer.sections.len().saturating_sub(shown.len()).into();
    data["period"] = days.map_or(
        Value::Null,
        |(start, end)| json!({"start": start.to_string(), "end": end.to_string()}),
    );
    data["groupedBy"] = grouped_by(answer.question.grouping.as_ref());
    let family = answer.question.intent.name();
    data["question"] = family.into();
    if let Some(family_answer) = &answer.family_answer {
        data[family] = family_answer.data.clone();
    }
    data["measure"] = answer.question.measure.name().into();
    data["secondGroupedBy"] = grouped_by(answer.question.second_grouping.as_ref());
    let percent = answer
        .whole
        .zip(shown.first())
        .and_then(|(whole, shown)| money::percent(shown.section.total, whole));
    if let Some(percent) = percent {
        let name = match answer.question.rate_asked {
            true => "savingsRatePercent",
            false => "sharePercent",
        };
        data[name] = money::exact_text(percent).into();
    }
    data["status"] = json!(answer.status);
    data["unknown"] = clipped(answer.question.unknown()).into();
    let plan = json!(answer.plan);
    data["plan"] = match plan.to_string().len() {
        0..=MAX_PLAN_BYTES => plan,
        _ => Value::Null,
    };
    if answer.status == Status::Unanswered {
        if answer.question.missing_services.is_empty() {
            data["total"] = Value::Null;
        }
        let nearest = answer.nearest_plans();
        data["nearest"] = json!(nearest);
    }
    data["source"] = clip(answer.source).into();
    data["paid"] = paid(answer.paid_requests);
    data["sample"] = answer.sample.into();
    data["understood"] = understood(answer);
    data
}

/// What the requests to paid sources cost.
fn paid(paid_requests: u32) -> Value {
    let cost = date_gap::REQUEST_PRICE_USD.saturating_mul(paid_requests.into());
    match paid_requests {
        0 => Value::Null,
        _ => {
            json!({"requests": paid_requests, "amount": money::exact_text(cost), "currency": "USD"})
        }
    }
}

/// One group of a table, with its part in the second grouping.
fn group_json(group: &CostGroup) -> Value {
    let mut data = json!({"key": clip(&group.key), "amount": money::exact_text(group.amount)});
    if let Some(second) = &group.second {
        data["second"] = clip(second).into();
    }
    data
}

fn clipped(names: Vec<String>) -> Vec<String> {
    names
        .iter()
        .take(MAX_LISTED)
        .map(|name| clip(name))
        .collect()
}

fn understood(answer: &AnswerParts<'_>) -> Value {
    let filter = &answer.question.filter;
    let selection = |dimension: &DimensionValues, selection: &Selection| json!({"only": clipped(dimension_names(dimension, &selection.included)), "without": clipped(dimension_names(dimension, &selection.excluded))});
    json!({
        "services": selection(&answer.ledger.services, &filter.services),
        "accounts": selection(&answer.ledger.accounts, &filter.accounts),
        "regions": selection(&answer.ledger.regions, &filter.regions),
        "tags": filter.tags.iter().take(MAX_LISTED).map(|(key, values)| json!({"key": clip(key), "values": clipped(values.iter().cloned().collect())})).collect::<Vec<_>>(),
        "notInBill": clipped(answer.question.missing_services.clone()),
        "period": answer.question.period.as_ref().map(|period| clip(&period.text)),
        "relativeTo": answer.question.period.as_ref().filter(|period| period.relative).and(answer.ledger.days).map(|(_, last)| last.to_string()),
        "grouping": if answer.question.grouping_named { grouped_by(answer.question.grouping.as_ref()) } else { Value::Null },
        "top": answer.question.top,
        "ascending": answer.question.ascending,
        "respelled": answer.question.respelled.iter().map(|(from, to)| json!({"from": clip(from), "to": clip(to)})).collect::<Vec<_>>(),
        "follows": answer.question.continues_previous,
        "notUnderstood": clipped(answer.question.not_understood.clone()),
    })
}
