//! Every family of questions on unusual bills: tiny, huge, empty, with several currencies.

use std::io::Write;

use longhaul_worker::testing;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::analysis::Finops;
use crate::answer::compose;
use crate::aws::sources::AwsSources;
use crate::cost_data::CostData;
use crate::read::bill_reader::BillReader;
use crate::read::locations::BillSource;
use crate::text::tokens::Tokens;

const QUESTIONS: [&str; 16] = [
    "compare May with April",
    "why did it rise?",
    "trend",
    "trend in May",
    "forecast",
    "forecast to 31 December 2026",
    "forecast for 2199",
    "anomalies",
    "unit cost",
    "cost per GB",
    "cost per user with 3 users",
    "budget of 100 USD in May",
    "monthly budget of 1 USD",
    "commitment coverage",
    "how can I save?",
    "and in June?",
];

fn ask(rows: &str, turns: &[&str]) -> Option<Value> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let header = "ChargePeriodStart,ServiceName,BilledCost,BillingCurrency,ConsumedQuantity,ConsumedUnit,ListCost,EffectiveCost,CommitmentDiscountStatus,ChargeDescription,ChargeCategory";
    write!(file, "{header}\n{rows}").unwrap();
    let turns: Vec<Tokens> = turns.iter().map(|turn| Tokens::of(turn)).collect();
    let mut cost_data = CostData::new(&turns);
    let mut bill = BillReader::open(file.path()).unwrap();
    while let Some(row) = bill.next_row().unwrap() {
        cost_data.add(&row).ok()?;
    }
    let answer = compose::answer(&cost_data, "", &turns, false);
    answer.ok().map(|(answer, _)| answer)
}

#[test]
fn every_family_answers_an_empty_bill_and_a_bill_of_one_day() {
    for question in QUESTIONS {
        for rows in ["", "2026-05-31,AWS Lambda,1,USD,1,GB,1,1,,,Usage\n"] {
            let answer = ask(rows, &[question]).unwrap();
            assert!(
                !answer["response"].as_str().unwrap().is_empty(),
                "{question}"
            );
        }
    }
}

#[test]
fn other_currencies_are_left_out_with_a_note() {
    let rows = "2026-04-30,A,1,USD,,,,,,,\n2026-05-30,A,2,USD,,,,,,,\n2026-05-31,A,7,EUR,,,,,,,\n";
    let answer = ask(rows, &["compare May with April"]).unwrap();
    let comparison = &answer["cost_analysis"]["comparison"];
    assert_eq!(
        (&comparison["currency"], &comparison["change"]),
        (&json!("USD"), &json!("1"))
    );
    let response = answer["response"].as_str().unwrap();
    assert!(
        response.contains("Only the charges in USD are included, not the bill's other currencies."),
        "{response}"
    );
}

#[test]
fn missing_parts_of_a_question_are_named() {
    let rows = "2026-05-31,AWS Lambda,1,USD,1,GB,1,1,,,Usage\n";
    for (question, said) in [
        ("stay within the budget", "Give the budget as an amount"),
        ("cost per hour", "has no such unit for all services"),
        ("forecast", "There is no forecast for all services"),
        ("trend", "too few days"),
        ("compare Lambda", "I do not know what \"compare\" means"),
    ] {
        let answer = ask(rows, &[question]).unwrap();
        let response = answer["response"].as_str().unwrap();
        assert!(response.contains(said), "{question}: {response}");
    }
}

#[tokio::test]
async fn a_bill_with_too_many_sums_is_refused() {
    let mut bill = tempfile::NamedTempFile::new().unwrap();
    let header = "BilledCost,BillingCurrency,ChargePeriodStart,ServiceName,SubAccountId";
    writeln!(bill, "{header}").unwrap();
    for account in 0..60_000 {
        writeln!(bill, "1,USD,2026-05-01T00:00:00Z,AWS Lambda,{account}").unwrap();
    }
    let source = BillSource::parse(&bill.path().to_string_lossy(), false);
    let finops = Finops::new(source, AwsSources::default());
    let run = testing::run(&finops, testing::question("What did we spend?")).await;
    let failure = run.result.unwrap_err();
    assert_eq!(failure.code(), "BILL_UNREADABLE");
    assert!(
        failure.message().contains("50000 combinations"),
        "{failure:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_bill_makes_a_family_panic(
        rows in prop::collection::vec((0u32..60, prop::sample::select(vec![
            "0", "1", "-3.5", "79228162514264337593543950335", "-79228162514264337593543950335", "0.0000000000000000000000000001",
        ]), prop::sample::select(vec!["0", "0.0000000000000000000000000001", "79228162514264337593543950335"]),
        prop::sample::select(vec!["", "Used", "Unused"])), 0..40)
    ) {
        let day = |day: u32| format!("2026-0{}-{:02}", 4 + day / 30, 1 + day % 30);
        let lines: String = rows.iter().map(|(at, cost, quantity, status)| format!(
            "{},AWS Lambda,{cost},USD,{quantity},GB,{cost},{cost},{status},Standard storage,Usage\n", day(*at)
        )).collect();
        for question in QUESTIONS {
            ask(&lines, &[question]);
        }
    }

    #[test]
    fn random_words_make_no_family_panic(
        turns in prop::collection::vec(prop::collection::vec(prop::sample::select(vec![
            "compare", "why", "forecast", "next", "month", "budget", "of", "$5,000", "1.5", "million", "per", "gb", "with",
            "May", "april", "and", "only", "in", "to", "the", "year", "before", "same", "last", "end", "q3", "2026", "unit",
            "cost", "30", "days", "trend", "over", "save", "covered", "spikes", "a", "than", "than", "9999", "week", "end",
        ]), 0..9), 1..4)
    ) {
        let turns: Vec<String> = turns.iter().map(|words| words.join(" ")).collect();
        let turns: Vec<&str> = turns.iter().map(String::as_str).collect();
        ask("2026-04-30,AWS Lambda,1,USD,1,GB,1,1,,,Usage\n2026-05-31,AWS Lambda,3,USD,1,GB,1,1,,,Usage\n", &turns);
    }
}
