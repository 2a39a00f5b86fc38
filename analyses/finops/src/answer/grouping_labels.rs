//! What a grouping is called in an answer's data and tables.

use serde_json::Value;

use crate::answer::phrases::capitalised;
use crate::bill::grouping::Grouping;
use crate::bill::ledger::Ledger;
use crate::text::sanitize::{clip, escape};

/// The name of a grouping in the data.
pub(crate) fn grouped_by(grouping: Option<&Grouping>) -> Value {
    match grouping {
        None => Value::Null,
        Some(Grouping::Service) => "service".into(),
        Some(Grouping::Account) => "account".into(),
        Some(Grouping::Region) => "region".into(),
        Some(Grouping::Day) => "day".into(),
        Some(Grouping::Week) => "week".into(),
        Some(Grouping::Month) => "month".into(),
        Some(Grouping::Quarter) => "quarter".into(),
        Some(Grouping::Year) => "year".into(),
        Some(Grouping::Weekday) => "weekday".into(),
        Some(Grouping::WeekPart) => "weekPart".into(),
        Some(Grouping::Column(column)) => column.name().into(),
        Some(Grouping::Tag(key)) => clip(&format!("tag:{key}")).into(),
    }
}

/// The heading of a grouping's column.
pub(crate) fn title(grouping: &Grouping, ledger: &Ledger) -> String {
    match grouping {
        Grouping::Service => "Service".into(),
        Grouping::Account => "Account".into(),
        Grouping::Region => "Region".into(),
        Grouping::Day => "Day".into(),
        Grouping::Week => "Week".into(),
        Grouping::Month => "Month".into(),
        Grouping::Quarter => "Quarter".into(),
        Grouping::Year => "Year".into(),
        Grouping::Weekday => "Weekday".into(),
        Grouping::WeekPart => "Part of the week".into(),
        Grouping::Column(column) => capitalised(column.words()),
        Grouping::Tag(key) => escape(ledger.tags.keys.get(key).unwrap_or(key)),
    }
}
