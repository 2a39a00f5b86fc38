//! Sums of a CSV bill, computed without the code under test, and the figures of an answer to compare with them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

pub(super) fn sums(path: &Path, days: &str, column: &str) -> BTreeMap<String, i128> {
    let mut sums = BTreeMap::new();
    for row in csv::Reader::from_path(path)
        .unwrap()
        .deserialize::<BTreeMap<String, String>>()
    {
        let row = row.unwrap();
        if row["ChargePeriodStart"].starts_with(days) {
            *sums.entry(row[column].clone()).or_default() += pico(&row["BilledCost"]);
        }
    }
    sums
}

/// A decimal without exponent and with at most twelve places, as an integer.
pub(super) fn pico(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= 12, "{text}");
    let digits = format!("{whole}{fraction:0<12}");
    digits.parse().unwrap()
}

pub(super) fn groups(cost: &Value) -> BTreeMap<String, i128> {
    let group = |group: &Value| {
        let key = group["key"].as_str().unwrap().to_string();
        (key, pico(group["amount"].as_str().unwrap()))
    };
    cost["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(group)
        .collect()
}

pub(super) fn total(result: &Value) -> i128 {
    pico(result["cost_analysis"]["total"].as_str().unwrap())
}
