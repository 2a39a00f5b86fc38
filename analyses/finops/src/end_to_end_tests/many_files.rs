//! Bills of several files, in folders by month, in CSV, gzip and Parquet, with broken and replaced ones.

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
use crate::answer::compose;
use crate::aws::sources::AwsSources;
use crate::cost_data::collected::CostData;
use crate::read::bill_failures::REPLACED_CODE;
use crate::read::bill_reader::BillReader;
use crate::read::locations::BillSource;
use crate::read::read_progress::ReadProgress;
use crate::read::{checkpoint, open_file};
use crate::sample::write_sample;
use crate::text::tokens::Tokens;

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
async fn months_in_a_folder_are_one_bill_whatever_their_format() {
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
async fn parquet_is_read_however_it_is_compressed() {
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
async fn months_that_a_question_does_not_need_are_not_read() {
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
async fn a_source_that_fails_is_named_while_the_others_answer() {
    let months = Months::new();
    let both = format!("{}, /nowhere/gone.csv", months.whole.display());
    let answer = ask(&both, "total").await.unwrap();
    let response = answer["response"].as_str().unwrap();
    assert!(
        response.contains("Left out: The bill gone.csv can't be opened"),
        "{response}"
    );
    assert_eq!(answer["cost_analysis"]["rows"], 3_000);
    let Failure::Reject { message, .. } = ask("/nowhere/gone.csv", "total").await.unwrap_err()
    else {
        panic!("trying again would not help");
    };
    assert_eq!(
        message,
        "The bill gone.csv can't be opened: entity not found."
    );
}

#[tokio::test]
async fn a_file_that_was_replaced_is_not_read_as_what_was_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bill.csv");
    std::fs::write(&path, "one").unwrap();
    let source = BillSource::parse(&path.display().to_string(), false);
    let [listed] = source.locations[0]
        .list_files()
        .await
        .unwrap()
        .try_into()
        .unwrap();
    let progress = ReadProgress::default();
    assert!(open_file::open(&listed, &progress).await.is_ok());
    std::fs::write(&path, "another").unwrap();
    assert_eq!(
        open_file::open(&listed, &progress)
            .await
            .err()
            .unwrap()
            .code(),
        REPLACED_CODE
    );
    let now = open_file::relist(&listed).await.unwrap();
    assert_ne!(now, listed);
    assert!(open_file::open(&now, &progress).await.is_ok());
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        open_file::open(&now, &progress).await.err().unwrap().code(),
        REPLACED_CODE
    );
    assert_eq!(
        open_file::relist(&now).await.err().unwrap().code(),
        REPLACED_CODE
    );
}

#[test]
fn a_broken_parquet_file_is_refused() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"PAR1 and nothing else").unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let refused = BillReader::from_file(file, "b.parquet".to_owned())
        .err()
        .unwrap();
    assert_eq!(
        refused.0,
        "The bill b.parquet: it can't be read as Parquet."
    );
}

#[test]
fn what_is_packed_answers_as_what_was_read() {
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
