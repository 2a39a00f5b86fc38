//! An answer as data: what a program reads of it. It shows amounts exactly and names as they are.

use serde_json::{Value, json};

use crate::answer::grouping_labels::grouped_by;
use crate::answer::phrases::{LISTED, names};
use crate::answer::sections::{Answer, Shown};
use crate::bill::charge_filter::Choice;
use crate::bill::dimension_values::Names;
use crate::bill::money;
use crate::plan::date_gap;
use crate::text::sanitize::clip;

/// The `cost_analysis` of a result. The first currency stands at its top, the others in `otherCurrencies`.
pub(crate) fn cost_analysis(answer: &Answer<'_>, shown: &[Shown<'_>]) -> Value {
    let section = |shown: &Shown<'_>| {
        let mut data = json!({
            "currency": clip(&shown.section.currency),
            "total": money::exact(shown.section.total),
            "rows": shown.section.rows,
            "groups": shown.groups.iter().map(|group| json!({
                "key": clip(&group.key), "amount": money::exact(group.amount),
            })).collect::<Vec<_>>(),
            "others": shown.others.map(|(groups, amount)| json!({"groups": groups, "amount": money::exact(amount)})),
        });
        if let Some(daily) = answer.daily(shown.section) {
            data["average"] = money::exact(daily).into();
        }
        data
    };
    let days = answer.question.scope.days.or_else(|| {
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
    if let Some(finding) = &answer.finding {
        data[family] = finding.data.clone();
    }
    data["source"] = clip(answer.source).into();
    data["paid"] = paid(answer.requests);
    data["sample"] = answer.sample.into();
    data["understood"] = understood(answer);
    data
}

/// What the sources that are paid by the request have cost.
fn paid(requests: u32) -> Value {
    let cost = date_gap::PRICE.saturating_mul(requests.into());
    match requests {
        0 => Value::Null,
        _ => json!({"requests": requests, "amount": money::exact(cost), "currency": "USD"}),
    }
}

fn understood(answer: &Answer<'_>) -> Value {
    let scope = &answer.question.scope;
    let clipped = |names: Vec<String>| {
        names
            .iter()
            .take(LISTED)
            .map(|name| clip(name))
            .collect::<Vec<_>>()
    };
    let choice = |dimension: &Names, choice: &Choice| json!({"only": clipped(names(dimension, &choice.only)), "without": clipped(names(dimension, &choice.never))});
    json!({
        "services": choice(&answer.ledger.services, &scope.services),
        "accounts": choice(&answer.ledger.accounts, &scope.accounts),
        "regions": choice(&answer.ledger.regions, &scope.regions),
        "tags": scope.tags.iter().take(LISTED).map(|(key, values)| json!({"key": clip(key), "values": clipped(values.iter().cloned().collect())})).collect::<Vec<_>>(),
        "notInBill": clipped(answer.question.absent.clone()),
        "period": answer.question.period.as_ref().map(|period| clip(&period.words)),
        "relativeTo": answer.question.period.as_ref().filter(|period| period.relative).and(answer.ledger.days).map(|(_, last)| last.to_string()),
        "grouping": if answer.question.grouping_asked { grouped_by(answer.question.grouping.as_ref()) } else { Value::Null },
        "top": answer.question.top,
        "ascending": answer.question.ascending,
        "follows": answer.question.follows,
        "notUnderstood": clipped(answer.question.ignored.clone()),
    })
}
