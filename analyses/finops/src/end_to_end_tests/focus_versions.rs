//! Bills with the columns of each supported version of FOCUS, in CSV and Parquet, give the same figures.
//!
//! The columns are those of the specification (FOCUS 1.0, 1.1 and 1.2, "Cost and Usage"); the charges are our own.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use longhaul_worker::testing;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};

use crate::analysis::Finops;
use crate::aws::sources::AwsSources;
use crate::read::locations::BillSource;

/// The columns of FOCUS 1.0.
const FIRST: &str = "AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd
    BillingPeriodStart ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart
    CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountStatus CommitmentDiscountType
    ConsumedQuantity ConsumedUnit ContractedCost ContractedUnitPrice EffectiveCost InvoiceIssuerName ListCost ListUnitPrice
    PricingCategory PricingQuantity PricingUnit ProviderName PublisherName RegionId RegionName ResourceId ResourceName
    ResourceType ServiceCategory ServiceName SkuId SkuPriceId SubAccountId SubAccountName Tags";
/// The columns that 1.1 and 1.2 added.
const SECOND: &str = "CapacityReservationId CapacityReservationStatus CommitmentDiscountQuantity CommitmentDiscountUnit
    ServiceSubcategory SkuMeter SkuPriceDetails";
const THIRD: &str =
    "BillingAccountType InvoiceId PricingCurrency PricingCurrencyContractedUnitPrice
    PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice SubAccountType";

/// Each version's columns in alphabetical order, and one custom column of the exporter.
fn versions() -> [(&'static str, Vec<&'static str>); 3] {
    [
        ("1.0", vec![FIRST]),
        ("1.1", vec![FIRST, SECOND]),
        ("1.2", vec![FIRST, SECOND, THIRD]),
    ]
    .map(|(version, lists)| {
        let names = lists.into_iter().flat_map(str::split_whitespace);
        let mut columns: Vec<&str> = names.collect();
        columns.sort_unstable();
        columns.push("x_Discounts");
        (version, columns)
    })
}

/// Charges of May 2026, each with the columns in which they differ.
fn charges() -> Vec<Value> {
    let compute = "Amazon Elastic Compute Cloud";
    let storage = "Amazon Simple Storage Service";
    vec![
        json!({"ServiceName": compute, "BilledCost": "10.25", "EffectiveCost": "10.25", "ListCost": "12", "ConsumedQuantity": "24",
            "ConsumedUnit": "Hours", "PricingCategory": "Standard", "Tags": {"team": "search"}}),
        // Covered by a commitment; an unused hour of it; its purchase.
        json!({"ServiceName": compute, "BilledCost": "0", "EffectiveCost": "7.5", "ListCost": "12", "ConsumedQuantity": "24",
            "ConsumedUnit": "Hours", "PricingCategory": "Committed", "CommitmentDiscountStatus": "Used",
            "CommitmentDiscountId": "sp-1", "CommitmentDiscountQuantity": "24", "CommitmentDiscountUnit": "Hours",
            "Tags": {"team": "checkout"}}),
        json!({"ServiceName": compute, "BilledCost": "0", "EffectiveCost": "2.5", "ListCost": "0", "PricingCategory": "Committed",
            "CommitmentDiscountStatus": "Unused", "CommitmentDiscountId": "sp-1", "CommitmentDiscountQuantity": "8",
            "CommitmentDiscountUnit": "Hours"}),
        json!({"ServiceName": compute, "BilledCost": "100", "EffectiveCost": "0", "ListCost": "100", "ChargeCategory": "Purchase",
            "ChargeFrequency": "Recurring", "PricingCategory": "Standard", "CommitmentDiscountId": "sp-1"}),
        // An unused capacity reservation is a charge like any other.
        json!({"ServiceName": compute, "BilledCost": "1.5", "EffectiveCost": "1.5", "ListCost": "1.5", "PricingCategory": "Standard",
            "CapacityReservationId": "cr-1", "CapacityReservationStatus": "Unused"}),
        // Priced in the provider's own units, billed in money.
        json!({"ServiceName": storage, "BilledCost": "4", "EffectiveCost": "4", "ListCost": "5", "ConsumedQuantity": "4000",
            "ConsumedUnit": "GB", "PricingCategory": "Standard", "PricingCurrency": "TOKENS",
            "PricingCurrencyEffectiveCost": "4000", "PricingCurrencyContractedUnitPrice": "1",
            "PricingCurrencyListUnitPrice": "1.25", "SkuPriceDetails": {"StorageClass": "Standard"}, "Tags": {"team": "search"}}),
        json!({"ServiceName": storage, "BilledCost": "-1.25", "EffectiveCost": "-1.25", "ListCost": "-1.25",
            "ChargeClass": "Correction"}),
        json!({"ServiceName": storage, "BilledCost": "-0.5", "EffectiveCost": "-0.5", "ListCost": "-0.5",
            "ChargeCategory": "Credit"}),
        json!({"ServiceName": storage, "BilledCost": "0.33", "EffectiveCost": "0.33", "ListCost": "0.33", "ChargeCategory": "Tax",
            "InvoiceId": "2026-05-0001"}),
    ]
}

/// A charge's value in a column.
fn value(charge: &Value, column: &str) -> Value {
    let same = match column {
        "BillingCurrency" | "PricingCurrency" => "USD",
        "BillingPeriodStart" => "2026-05-01T00:00:00Z",
        "BillingPeriodEnd" => "2026-06-01T00:00:00Z",
        "ChargePeriodStart" => "2026-05-20T00:00:00Z",
        "ChargePeriodEnd" => "2026-05-21T00:00:00Z",
        "ChargeCategory" => "Usage",
        "ChargeFrequency" => "Usage-Based",
        "SubAccountId" | "BillingAccountId" => "100000000001",
        "SubAccountName" | "BillingAccountName" => "production",
        "RegionId" => "eu-central-1",
        "RegionName" => "Europe (Frankfurt)",
        "ProviderName" | "PublisherName" | "InvoiceIssuerName" => "AWS",
        _ => return charge[column].clone(),
    };
    match &charge[column] {
        Value::Null => same.into(),
        own => own.clone(),
    }
}

fn write_csv(path: &Path, columns: &[&str]) {
    let mut csv = csv::Writer::from_path(path).unwrap();
    csv.write_record(columns).unwrap();
    for charge in charges() {
        let cell = |column: &&str| match value(&charge, column) {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        };
        csv.write_record(columns.iter().map(cell)).unwrap();
    }
    csv.flush().unwrap();
}

fn is_number(column: &str) -> bool {
    let endings = ["Cost", "Price", "Quantity"];
    endings.iter().any(|ending| column.ends_with(ending))
}

fn is_time(column: &str) -> bool {
    column.ends_with("Start") || column.ends_with("End")
}

fn is_map(column: &str) -> bool {
    ["Tags", "SkuPriceDetails", "x_Discounts"].contains(&column)
}

/// Doubles, times in milliseconds and maps of text, as AWS exports them.
fn write_parquet(path: &Path, columns: &[&str]) {
    let types = columns.iter().map(|column| match *column {
        column if is_time(column) => {
            format!("OPTIONAL INT64 {column} (TIMESTAMP_MILLIS);")
        }
        column if is_number(column) => format!("OPTIONAL DOUBLE {column};"),
        column if is_map(column) => format!(
            "OPTIONAL GROUP {column} (MAP) {{ REPEATED GROUP key_value {{ REQUIRED BINARY key (UTF8); OPTIONAL BINARY value (UTF8); }} }}"
        ),
        column => format!("OPTIONAL BINARY {column} (UTF8);"),
    });
    let schema = format!("message bill {{ {} }}", types.collect::<String>());
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let mut writer =
        SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let charges = charges();
    for column in columns {
        let values: Vec<Value> = charges.iter().map(|charge| value(charge, column)).collect();
        let levels = |present: i16| -> Vec<i16> {
            let level = |value: &Value| if value.is_null() { 0 } else { present };
            values.iter().map(level).collect()
        };
        if is_map(column) {
            // Each map has one entry or is absent.
            let entries = || values.iter().filter_map(Value::as_object).flatten();
            let keys = entries().map(|(key, _)| key.as_str());
            write::<ByteArrayType>(&mut group, keys.map(ByteArray::from).collect(), &levels(2));
            let found = entries().filter_map(|(_, value)| value.as_str());
            write::<ByteArrayType>(&mut group, found.map(ByteArray::from).collect(), &levels(3));
            continue;
        }
        let present = values.iter().filter_map(Value::as_str);
        let levels = levels(1);
        if is_time(column) {
            let millis = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
            write::<Int64Type>(&mut group, present.map(millis).collect(), &levels);
        } else if is_number(column) {
            let values = present.map(|text| text.parse().unwrap());
            write::<DoubleType>(&mut group, values.collect(), &levels);
        } else {
            write::<ByteArrayType>(&mut group, present.map(ByteArray::from).collect(), &levels);
        }
    }
    group.close().unwrap();
    writer.close().unwrap();
}

/// Writes the next column. Where rows may have several values, each has one here.
fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: Vec<T::T>,
    levels: &[i16],
) {
    let mut column = group.next_column().unwrap().unwrap();
    let starts = vec![0; levels.len()];
    let typed = column.typed::<T>();
    typed
        .write_batch(&values, Some(levels), Some(&starts))
        .unwrap();
    column.close().unwrap();
}

async fn ask(bill: &Path, query: &str) -> Value {
    let finops = Finops::new(
        BillSource::parse(&bill.display().to_string(), false),
        AwsSources::default(),
    );
    let run = testing::run(&finops, testing::question(query)).await;
    let mut answer = run.result.unwrap();
    answer["cost_analysis"]["source"] = Value::Null;
    answer["cost_analysis"].take()
}

#[tokio::test]
async fn every_focus_version_gives_the_same_figures_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    for (version, columns) in versions() {
        let expected = match version {
            "1.0" => 43,
            "1.1" => 50,
            _ => 57,
        };
        assert_eq!(columns.len(), expected + 1, "{version}");
        let files = ["csv", "parquet"].map(|format| folder.path().join(format!("bill.{format}")));
        write_csv(&files[0], &columns);
        write_parquet(&files[1], &columns);
        for file in &files {
            let about = format!("{version}, {}", file.display());
            let services = ask(file, "by service in May 2026").await;
            assert_eq!(services["rows"], 9, "{about}");
            assert_eq!(
                (&services["currency"], &services["total"]),
                (&json!("USD"), &json!("114.33")),
                "{about}"
            );
            // The provider's own units are not a currency of the bill.
            assert_eq!(services["otherCurrencies"], json!([]), "{about}");
            let amounts = |analysis: &Value| -> Vec<Value> {
                let groups = analysis["groups"].as_array().unwrap();
                groups.iter().map(|group| group["amount"].clone()).collect()
            };
            assert_eq!(amounts(&services), ["111.75", "2.58"], "{about}");
            let teams = ask(file, "by tag team").await;
            assert_eq!(amounts(&teams), ["100.08", "14.25", "0"], "{about}");
            let accounts = ask(file, "by account").await;
            let expected = json!([{"key": "production (100000000001)", "amount": "114.33"}]);
            assert_eq!(accounts["groups"], expected, "{about}");
            let coverage = ask(file, "commitment coverage in May 2026").await;
            let figures = &coverage["coverage"];
            for (figure, expected) in [
                ("covered", "12"),
                ("onDemand", "13.5"),
                ("used", "7.5"),
                ("unused", "2.5"),
                ("utilisationPercent", "75"),
            ] {
                assert_eq!(figures[figure], expected, "{about}: {figure}");
            }
        }
    }
}
