//! Bills of several files, in folders by month, in CSV, gzip and Parquet, with broken ones.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use longhaul_worker::analysis::Failure;
use longhaul_worker::testing;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::Value;
use tempfile::TempDir;

use crate::analysis::Finops;
use crate::aws::sources::AwsSources;
use crate::read::locations::BillSource;
use crate::sample::write_sample;

/// Asks in a new job without stored steps.
async fn ask(locations: &str, query: &str) -> Result<Value, Failure> {
    let finops = Finops::new(BillSource::parse(locations, false), AwsSources::default());
    testing::run(&finops, testing::question(query)).await.result
}

/// A small sample bill by month: the first in Parquet, the second gzipped, the others plain.
struct Months {
    folder: TempDir,
    whole: PathBuf,
}

impl Months {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join("whole.csv");
        write_sample(3_000, 1, File::create(&whole).unwrap()).unwrap();
        let text = std::fs::read_to_string(&whole).unwrap();
        let (header, rows) = text.split_once('\n').unwrap();
        let months = (6..=12)
            .map(|month| (2025, month))
            .chain((1..=5).map(|month| (2026, month)));
        for (at, (year, month)) in months.enumerate() {
            let month = format!("{year}-{month:02}");
            let own = rows.lines().filter(|row| {
                row.contains(&format!(",{month}-01T00:00:00Z,Usage"))
                    || row.contains(&format!(",{month}-01T00:00:00Z,Credit"))
            });
            let csv = std::iter::once(header)
                .chain(own)
                .collect::<Vec<_>>()
                .join("\n")
                + "\n";
            let days = folder
                .path()
                .join("data")
                .join(format!("billing_period={month}"));
            std::fs::create_dir_all(&days).unwrap();
            match at {
                0 => parquet_of(&csv, &days.join("part-0.parquet"), Compression::SNAPPY),
                1 => {
                    let file = File::create(days.join("part-0.csv.gz")).unwrap();
                    let mut packed =
                        flate2::write::GzEncoder::new(file, flate2::Compression::fast());
                    packed.write_all(csv.as_bytes()).unwrap();
                    packed.finish().unwrap();
                }
                _ => std::fs::write(days.join("part-0.csv"), csv).unwrap(),
            }
        }
        std::fs::write(folder.path().join("data/README.txt"), "no bill").unwrap();
        Self { folder, whole }
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn spoil(&self, month: &str) {
        let folder = self
            .folder
            .path()
            .join("data")
            .join(format!("billing_period={month}"));
        std::fs::write(folder.join("part-0.csv"), "ServiceName\nA\n").unwrap();
    }
}

/// Some columns of a CSV bill as Parquet: text, a timestamp and doubles, as AWS exports them.
fn parquet_of(csv: &str, path: &Path, compression: Compression) {
    let schema = "message bill {
        REQUIRED BINARY ServiceName (UTF8); REQUIRED BINARY BillingCurrency (UTF8); REQUIRED BINARY SubAccountId (UTF8);
        REQUIRED BINARY SubAccountName (UTF8); REQUIRED BINARY RegionId (UTF8); REQUIRED BINARY x_unknown (UTF8);
        REQUIRED INT64 ChargePeriodStart (TIMESTAMP_MILLIS); OPTIONAL DOUBLE BilledCost; }";
    let names = [
        "ServiceName",
        "BillingCurrency",
        "SubAccountId",
        "SubAccountName",
        "RegionId",
        "ResourceId",
        "ChargePeriodStart",
        "BilledCost",
    ];
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let column = |name: &str| {
        let at = header.iter().position(|column| column == name).unwrap();
        rows.iter()
            .map(move |row| row[at].to_owned())
            .collect::<Vec<_>>()
    };
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder().set_compression(compression);
    let properties = Arc::new(properties.build());
    let mut writer =
        SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for name in names {
        let mut written = group.next_column().unwrap().unwrap();
        let values = column(name);
        match name {
            "BilledCost" => {
                let values: Vec<f64> = values.iter().map(|value| value.parse().unwrap()).collect();
                let present = vec![1; values.len()];
                written
                    .typed::<DoubleType>()
                    .write_batch(&values, Some(&present), None)
                    .unwrap();
            }
            "ChargePeriodStart" => {
                let time =
                    |value: &String| value.parse::<jiff::Timestamp>().unwrap().as_millisecond();
                let values: Vec<i64> = values.iter().map(time).collect();
                written
                    .typed::<Int64Type>()
                    .write_batch(&values, None, None)
                    .unwrap();
            }
            _ => {
                let values: Vec<ByteArray> =
                    values.iter().map(|value| value.as_str().into()).collect();
                written
                    .typed::<ByteArrayType>()
                    .write_batch(&values, None, None)
                    .unwrap();
            }
        }
        written.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

#[tokio::test]
async fn months_in_a_folder_are_one_bill_in_any_format() {
    let months = Months::new();
    for query in [
        "by service",
        "costs per account in June 2025",
        "May vs April by region",
        "EC2 by month",
        "forecast for June",
    ] {
        let [mut parts, mut whole] = [
            ask(&months.data(), query).await.unwrap(),
            ask(&months.whole.display().to_string(), query)
                .await
                .unwrap(),
        ];
        for answer in [&mut parts, &mut whole] {
            answer["cost_analysis"]["source"] = Value::Null;
        }
        assert_eq!(parts["cost_analysis"], whole["cost_analysis"], "{query}");
    }
    let all = ask(&months.data(), "total").await.unwrap();
    assert_eq!(all["cost_analysis"]["source"], "12 files");
    assert_eq!(all["cost_analysis"]["rows"], 3_000);
}

#[tokio::test]
async fn parquet_is_read_with_every_compression() {
    let folder = tempfile::tempdir().unwrap();
    let mut csv = Vec::new();
    write_sample(500, 1, &mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    let asked = async |name: &str| {
        let path = folder.path().join(name).display().to_string();
        let mut answer = ask(&path, "by service").await.unwrap();
        answer["cost_analysis"]["source"] = Value::Null;
        answer["cost_analysis"].take()
    };
    std::fs::write(folder.path().join("bill.csv"), &csv).unwrap();
    let plain = asked("bill.csv").await;
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::ZSTD(Default::default()),
    ] {
        let path = folder.path().join("bill.parquet");
        parquet_of(&csv, &path, compression);
        assert_eq!(asked("bill.parquet").await, plain, "{compression}");
    }
}

#[tokio::test]
async fn months_that_are_not_needed_are_not_read() {
    let months = Months::new();
    months.spoil("2025-08");
    let april = ask(&months.data(), "S3 in April").await.unwrap();
    let response = april["response"].as_str().unwrap();
    assert!(
        response.contains("files of other months were not needed"),
        "{response}"
    );
    assert!(!response.contains("Left out"), "{response}");
    // The broken month is needed here; the other months are answered.
    let all = ask(&months.data(), "total").await.unwrap();
    let response = all["response"].as_str().unwrap();
    assert!(
        response.contains("Left out: The bill part-0.csv has no column BilledCost"),
        "{response}"
    );
    assert_eq!(all["cost_analysis"]["source"], "11 files");
}

#[tokio::test]
async fn a_failed_source_is_named_and_the_others_answer() {
    let months = Months::new();
    let both = format!("{}, /nowhere/gone.csv", months.whole.display());
    let answer = ask(&both, "total").await.unwrap();
    let response = answer["response"].as_str().unwrap();
    assert!(
        response.contains("Left out: The bill gone.csv cannot be opened"),
        "{response}"
    );
    assert_eq!(answer["cost_analysis"]["rows"], 3_000);
    let Failure::Reject { message, .. } = ask("/nowhere/gone.csv", "total").await.unwrap_err()
    else {
        panic!("trying again would not help");
    };
    assert_eq!(
        message,
        "The bill gone.csv cannot be opened: entity not found."
    );
}
