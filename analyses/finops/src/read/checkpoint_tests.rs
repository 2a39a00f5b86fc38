//! Encoding and decoding what was read of a bill, and the format in which it is stored.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::answer::compose;
use crate::cost_data::CostData;
use crate::read::bill_reader::BillReader;
use crate::read::checkpoint;
use crate::sample::write_sample;
use crate::text::tokens::Tokens;

#[test]
fn decoded_data_gives_the_same_answers() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write_sample(1_000, 1, &mut file).unwrap();
    for query in [
        "by service in May",
        "by team",
        "commitment coverage",
        "anomalies",
        "how can I save?",
    ] {
        let turns = [Tokens::of(query)];
        let mut cost_data = CostData::new(&turns);
        cost_data.files = 1;
        let mut bill = BillReader::open(file.path()).unwrap();
        while let Some(row) = bill.next_row().unwrap() {
            cost_data.add(&row).unwrap();
        }
        let packed = checkpoint::encode(&cost_data);
        assert_eq!(packed.len(), 1, "a bill of 1,000 rows fits into one step");
        let mut merged = CostData::new(&turns);
        merged
            .merge(checkpoint::decode(&packed[0]).unwrap())
            .unwrap();
        let [kept, read] = [&merged, &cost_data]
            .map(|cost_data| compose::answer(cost_data, query, &turns, false).unwrap().0);
        assert_eq!(kept["cost_analysis"], read["cost_analysis"], "{query}");
        assert_eq!(
            kept["optimization_recommendations"], read["optimization_recommendations"],
            "{query}"
        );
    }
    assert!(checkpoint::decode("no").is_none());
}

#[test]
fn stored_field_names_are_stable() {
    let mut csv = tempfile::NamedTempFile::new().unwrap();
    write_sample(6_000, 1, &mut csv).unwrap();
    let mut cost_data = CostData::new(&[Tokens::of("commitment coverage")]);
    let mut bill = BillReader::open(csv.path()).unwrap();
    while let Some(row) = bill.next_row().unwrap() {
        cost_data.add(&row).unwrap();
    }
    let stored = serde_json::to_value(&cost_data).unwrap();
    let names = |value: &Value| -> Vec<String> {
        let fields = value.as_object().unwrap();
        fields
            .keys()
            .cloned()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    };
    let first = |value: &Value| value.as_object().unwrap().values().next().unwrap().clone();
    let key = ["account", "currency", "day", "region", "service", "tags"];
    for (value, expected) in [
        (
            &stored,
            &[
                "details", "files", "ledger", "measures", "name", "notes", "requests", "traces",
            ][..],
        ),
        (
            &stored["ledger"],
            &[
                "accounts",
                "cells",
                "currencies",
                "days",
                "providers",
                "regions",
                "rows",
                "services",
                "tags",
                "without_cost",
            ],
        ),
        (&stored["ledger"]["services"], &["keys", "names"]),
        (&stored["ledger"]["tags"], &["keys", "sets", "unreadable"]),
        (&stored["ledger"]["cells"][0][0], &key),
        (&stored["ledger"]["cells"][0][1], &["rows", "sum"]),
        (&stored["measures"], &["kinds", "sums", "wanted"]),
        (
            &stored["measures"]["kinds"][0],
            &["description", "terms", "unit"],
        ),
        (&stored["measures"]["sums"][0][0][0], &key),
        (
            &stored["measures"]["sums"][0][1],
            &["cost", "effective", "list", "quantity"],
        ),
        (
            &stored["traces"],
            &["busy", "described", "largest", "unused"],
        ),
        (
            &stored["traces"]["largest"][0][1][0],
            &["amount", "cell", "line", "resource"],
        ),
        (
            &first(&stored["traces"]["described"]),
            &["cell", "days", "description"],
        ),
    ] {
        assert_eq!(names(value), expected);
    }
}
