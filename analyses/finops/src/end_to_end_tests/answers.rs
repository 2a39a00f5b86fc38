//! Answers from a bill's file to the result, through the public API, compared with sums computed in another way.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use longhaul_worker::analysis::Failure;
use longhaul_worker::testing;
use serde_json::{Value, json};

use crate::analysis::Finops;
use crate::aws::sources::AwsSources;
use crate::end_to_end_tests::independent_sums::{groups, pico, sums, total};
use crate::read::locations::BillSource;
use crate::sample::write_sample;

fn ask_at(bill: &Path, sample: bool, query: &str) -> Result<Value, Failure> {
    let source = BillSource::parse(&bill.to_string_lossy(), sample);
    let finops = Finops::new(source, AwsSources::default());
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(testing::run(&finops, testing::question(query)))
        .result
}

struct Bill(tempfile::NamedTempFile);

impl Bill {
    fn sample(rows: u64) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write_sample(rows, 7, &mut file).unwrap();
        Self(file)
    }

    fn of(lines: &str) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let header = "ChargePeriodStart,ServiceName,BilledCost,BillingCurrency,SubAccountId,SubAccountName,RegionId,Tags";
        write!(file, "{header}\n{lines}").unwrap();
        Self(file)
    }

    fn ask(&self, query: &str) -> Value {
        ask_at(self.0.path(), false, query).unwrap()
    }

    /// Amounts in picounits by the value of a column, for rows whose day starts with `days`.
    fn sums(&self, days: &str, column: &str) -> BTreeMap<String, i128> {
        sums(self.0.path(), days, column)
    }
}

#[test]
fn answers_equal_independent_sums() {
    let bill = Bill::sample(6_000);
    let expected = bill.sums("2026-05", "ServiceName");
    let result = bill.ask("What did each service cost in May?");
    assert_eq!(groups(&result["cost_analysis"]), expected);
    assert_eq!(total(&result), expected.values().sum());
    assert_eq!(
        result["cost_analysis"]["period"],
        json!({"start": "2026-05-01", "end": "2026-06-01"})
    );

    let s3 = bill.ask("What was my S3 spend in May?");
    assert_eq!(total(&s3), expected["Amazon Simple Storage Service"]);
    let response = s3["response"].as_str().unwrap();
    assert!(
        response.starts_with("You were billed **") && response.contains("in May 2026"),
        "{response}"
    );

    let regions = bill.ask("cost per region in 2025");
    assert_eq!(
        groups(&regions["cost_analysis"]),
        bill.sums("2025", "RegionId")
    );
}

#[test]
fn a_real_bill_is_summed_exactly() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/focus_sample.csv");
    if !path.exists() {
        return;
    }
    let result = ask_at(&path, false, "costs by service in September 2024").unwrap();
    let expected = sums(&path, "2024-09", "ServiceName");
    assert_eq!(groups(&result["cost_analysis"]), expected);
    assert_eq!(total(&result), expected.values().sum());
    assert_eq!(result["cost_analysis"]["rows"], 1_000);
    assert_eq!(
        result["cost_analysis"]["understood"]["notUnderstood"],
        json!([])
    );
}

#[test]
fn tags_names_and_exclusions_restrict_the_sums() {
    let bill = Bill::of(concat!(
        "2026-05-01,Amazon Simple Storage Service,1,USD,11,Prod One,us-east-1,\"{\"\"team\"\": \"\"search\"\"}\"\n",
        "2026-05-02,Amazon Simple Storage Service,2,USD,22,Dev Two,eu-west-1,\"{\"\"team\"\": \"\"shop\"\"}\"\n",
        "2026-05-03,AWS Lambda,4,USD,11,Prod One,us-east-1,NULL\n",
        "2026-05-31,AWS Lambda,-8,USD,22,Dev Two,us-east-1,not json\n",
    ));
    for (query, expected) in [
        ("total", "-1"),
        ("total for team search", "1"),
        ("total S3 in eu-west-1", "2"),
        ("total in account Prod One", "5"),
        ("total of the dev account", "-6"),
        ("total without S3", "-4"),
        ("total excluding lambda and s3", "0"),
        ("total of the last 29 days", "6e0"),
        ("total between 1 and 2 May", "3"),
        ("S3 and Lambda on 3 May", "4"),
    ] {
        let result = bill.ask(query);
        let expected = crate::bill::money::parse(expected).unwrap().to_string();
        let expected = if query.contains("29 days") {
            "-4".to_string()
        } else {
            expected
        };
        assert_eq!(
            result["cost_analysis"]["total"], expected,
            "{query}: {}",
            result["response"]
        );
        assert_eq!(
            result["cost_analysis"]["understood"]["notUnderstood"],
            json!([]),
            "{query}"
        );
    }
    let teams = bill.ask("cost by team");
    assert_eq!(
        teams["cost_analysis"]["groups"],
        json!([{"key": "shop", "amount": "2"}, {"key": "search", "amount": "1"}, {"key": "(not tagged)", "amount": "-4"}])
    );
    let top = bill.ask("top 1 service");
    assert_eq!(
        top["cost_analysis"]["others"],
        json!({"groups": 1, "amount": "-4"})
    );
    let unnamed = bill.ask("cost by tag");
    assert!(
        unnamed["response"]
            .as_str()
            .unwrap()
            .contains("this bill has team")
    );
}

#[test]
fn currencies_are_never_added() {
    let bill =
        Bill::of("2026-05-01,A,1,USD,,,,\n2026-05-01,A,2,EUR,,,,\n2026-05-02,B,0.001,EUR,,,,\n");
    let result = bill.ask("by service");
    let cost = &result["cost_analysis"];
    assert_eq!(
        (&cost["currency"], &cost["total"]),
        (&json!("EUR"), &json!("2.001"))
    );
    assert_eq!(cost["otherCurrencies"][0]["total"], "1");
    assert_eq!(cost["currenciesLeftOut"], 0);
    let response = result["response"].as_str().unwrap();
    assert!(
        response.contains("**2.00 EUR** and **1.00 USD**") && response.contains("| B | 0.0010 |"),
        "{response}"
    );
}

#[test]
fn currencies_beyond_the_limit_are_left_out_with_a_note() {
    let rows: String = (0..400)
        .map(|row| format!("2026-05-01,A,1,C{row},,,,\n"))
        .collect();
    let result = Bill::of(&rows).ask("total");
    assert_eq!(result["cost_analysis"]["currenciesLeftOut"], 388);
    let response = result["response"].as_str().unwrap();
    assert!(
        response.contains("388 more currencies are left out"),
        "{response}"
    );
}

#[test]
fn missing_services_and_periods_are_named() {
    let bill = Bill::of("2026-05-01,AWS Lambda,1,USD,,,,\n");
    let result = bill.ask("How much was RDS?");
    assert_eq!(result["cost_analysis"]["total"], "0");
    let response = result["response"].as_str().unwrap();
    assert!(
        response.contains("Amazon Relational Database Service is not in this bill."),
        "{response}"
    );
    let result = bill.ask("total in May 2020");
    let response = result["response"].as_str().unwrap();
    assert!(response.starts_with("The bill has no charges for all services in May 2020; it covers 2026-05-01 to 2026-05-01."), "{response}");
    let result = bill.ask("quux frobnicate?");
    let response = result["response"].as_str().unwrap();
    assert!(
        response.starts_with(
            "I can't answer this as it is asked: I do not know what \"quux frobnicate\" means"
        ),
        "{response}"
    );
    assert_eq!(result["cost_analysis"]["status"], "unanswered");
    assert_eq!(
        result["cost_analysis"]["unknown"],
        json!(["quux frobnicate"])
    );
    assert_eq!(result["cost_analysis"]["total"], json!(null));
    assert!(
        Bill::of("").ask("S3")["response"]
            .as_str()
            .unwrap()
            .contains("has no rows")
    );
}

#[test]
fn hostile_names_are_escaped_and_the_result_stays_small() {
    let hostile = r#"<img src=x onerror=alert(1)>|**[x](http://evil.example)**"#;
    let rows: String = (0..3_000)
        .map(|row| {
            format!(
                "2026-05-01,\"{row}{hostile}{}\",{row}.5,CUR{},,,,\n",
                "é".repeat(300),
                row % 3
            )
        })
        .collect();
    let result = Bill::of(&rows).ask(&format!("{hostile} {}", "\u{1}\"<b> x|".repeat(5_000)));
    let response = result["response"].as_str().unwrap();
    assert!(!response.contains("<img") && !response.contains("://") && !response.contains("<b>"));
    assert!(!response.contains("**[x]"));
    let size = serde_json::to_vec(&result).unwrap().len();
    assert!(size < 100 * 1024, "{size}");
    let cost = &result["cost_analysis"];
    assert!(cost["groups"].as_array().unwrap().len() > 20);
    let others = pico(cost["others"]["amount"].as_str().unwrap());
    assert_eq!(groups(cost).values().sum::<i128>() + others, total(&result));
}

#[test]
fn unreadable_and_inexact_bills_are_rejected() {
    let bill = Bill::of("2026-05-01,A,one,USD,,,,\n");
    let name = bill
        .0
        .path()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned();
    let message = format!(
        "The bill {name}, line 2: BilledCost is \"one\", which is not a decimal that can be represented exactly."
    );
    let expected = Failure::Reject {
        code: "BILL_UNREADABLE",
        message,
    };
    assert_eq!(ask_at(bill.0.path(), false, "total").unwrap_err(), expected);
    let digits = Bill::of(
        "2026-05-01,A,70000000000000000000,USD,,,,\n2026-05-01,A,0.0000000000000000001,USD,,,,\n",
    );
    let Failure::Reject { message, .. } = ask_at(digits.0.path(), false, "total").unwrap_err()
    else {
        panic!("retrying would not help");
    };
    assert!(
        message.contains("too many digits to be added exactly"),
        "{message}"
    );
}

#[test]
fn the_sample_bill_has_its_spike_trend_and_idle_address() {
    let bill = Bill::sample(20_000);
    let lines = std::fs::read_to_string(bill.0.path()).unwrap();
    assert_eq!(lines.lines().count(), 20_001);
    let mut again = Vec::new();
    write_sample(20_000, 7, &mut again).unwrap();
    assert!(again == lines.as_bytes());

    let result = ask_at(bill.0.path(), true, "How much in total?").unwrap();
    assert!(
        result["response"]
            .as_str()
            .unwrap()
            .contains("generated sample bill")
    );
    let advice = result["optimization_recommendations"].as_array().unwrap();
    let kinds: Vec<&str> = advice
        .iter()
        .map(|advice| advice["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["spike", "idle_resource"]);
    assert!(
        advice[0]["title"]
            .as_str()
            .unwrap()
            .ends_with("on 2026-03-17")
    );
    // The rows given as evidence are in the bill at the lines that they name.
    for row in advice
        .iter()
        .flat_map(|advice| advice["evidence"].as_array().unwrap())
    {
        if let Some(line) = row["line"].as_u64() {
            let text = lines
                .lines()
                .nth(usize::try_from(line).unwrap() - 1)
                .unwrap();
            assert!(
                text.contains(row["date"].as_str().unwrap())
                    && text.contains(row["resource"].as_str().unwrap()),
                "{row}"
            );
        }
    }
    let quiet = bill.ask("DynamoDB by month");
    assert_eq!(quiet["optimization_recommendations"], json!([]));
    let months = groups(&quiet["cost_analysis"]);
    assert!(months["2026-05"] > 3 * months["2025-06"]);
    for rows in [0, 1, 364, 4_999] {
        let mut small = Vec::new();
        write_sample(rows, 1, &mut small).unwrap();
        assert_eq!(
            small.iter().filter(|byte| **byte == b'\n').count() as u64,
            rows + 1
        );
    }
}

#[test]
fn a_resource_without_consumption_for_many_days_is_idle() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "ChargePeriodStart,ServiceName,BilledCost,BillingCurrency,ResourceId,ConsumedQuantity,ChargeCategory").unwrap();
    for day in 1..=20 {
        for (resource, consumed) in [
            ("idle", "0"),
            ("busy", if day == 9 { "5" } else { "0" }),
            ("unknown", "NULL"),
        ] {
            writeln!(
                file,
                "2026-05-{day:02},A,0.1,USD,{resource},{consumed},Usage"
            )
            .unwrap();
        }
    }
    let advice = |query: &str| {
        ask_at(file.path(), false, query).unwrap()["optimization_recommendations"].clone()
    };
    let found = advice("total");
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!(
        (&found[0]["kind"], &found[0]["amount"]),
        (&json!("idle_resource"), &json!("2"))
    );
    assert!(
        found[0]["title"]
            .as_str()
            .unwrap()
            .starts_with("idle looks idle")
    );
    assert_eq!(advice("total from 1 to 13 May"), json!([]));
}
