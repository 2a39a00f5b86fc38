//! How bills come from S3: bodies that break off on the way, and of Parquet what is needed.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::finops::bills::{asks, months, with_bucket, with_exports};

/// The bytes of each answer that brought something of an object, in their order.
fn fetched(log: &Path) -> Result<Vec<u64>> {
    let calls = std::fs::read_to_string(log)?;
    let calls = calls.lines().map(serde_json::from_str);
    let calls = calls.collect::<Result<Vec<Value>, _>>()?;
    let gets = calls
        .iter()
        .filter(|call| call["operation"] == "GetObject" && call["caller"] == "longhaul-worker");
    gets.map(|call| call["responseBytes"].as_u64().context("no bytes"))
        .collect()
}

fn cut(pick: &str, number: u64, after: u64) -> Value {
    json!({
        "service": "s3", "operation": "GetObject", "caller": "longhaul-worker", pick: number,
        "effect": {"cutAfter": after},
    })
}

#[tokio::test]
async fn a_body_that_breaks_off_is_gone_on_with_where_it_broke() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let stack = with_bucket(&["--wire-log", log.to_str().context("a path")?]).await?;
    // May is read first, by itself.
    stack
        .set_faults(json!([cut("number", 1, 1_000), cut("number", 2, 500)]))
        .await?;
    let events = asks(&stack).await?.until("job_completed").await?;
    let completed = events.last().context("no end")?;
    assert_eq!(completed["usage"]["attempts"], 1);
    assert_eq!(months(completed), Some(3));
    let bytes = fetched(&log)?;
    assert_eq!(bytes.len(), 5);
    assert_eq!(bytes[1..3], [bytes[0] - 1_000, bytes[0] - 1_500]);

    // What never comes whole is worth another attempt: each of three files breaks off five times.
    stack.set_faults(json!([cut("limit", 15, 0)])).await?;
    let completed = asks(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    assert_eq!(completed["usage"]["attempts"], 2);
    assert_eq!(months(&completed), Some(3));
    Ok(())
}

/// Charges of 1 dollar each, beside a column as wide as an export's widest are.
fn write_wide(path: &Path, rows: usize) -> Result<()> {
    let schema = "message bill {
        REQUIRED BINARY ServiceName (UTF8); REQUIRED BINARY BillingCurrency (UTF8); REQUIRED BINARY x_wide (UTF8);
        REQUIRED INT64 ChargePeriodStart (TIMESTAMP_MILLIS); REQUIRED DOUBLE BilledCost; }";
    let schema = Arc::new(parse_message_type(schema)?);
    let mut writer = SerializedFileWriter::new(File::create(path)?, schema, Arc::default())?;
    let texts = |text: &str| vec![ByteArray::from(text); rows];
    let wide = |row: usize| {
        let digest = format!("{:x}", Sha256::digest(row.to_le_bytes()));
        ByteArray::from(digest.repeat(32).as_str())
    };
    for _ in 0..2 {
        let mut group = writer.next_row_group()?;
        let mut columns = 0;
        while let Some(mut column) = group.next_column()? {
            fn write<T: DataType>(
                column: &mut parquet::file::writer::SerializedColumnWriter<'_>,
                values: &[T::T],
            ) -> Result<()> {
                column.typed::<T>().write_batch(values, None, None)?;
                Ok(())
            }
            match columns {
                0 => write::<ByteArrayType>(&mut column, &texts("Amazon Simple Storage Service"))?,
                1 => write::<ByteArrayType>(&mut column, &texts("USD"))?,
                2 => write::<ByteArrayType>(&mut column, &(0..rows).map(wide).collect::<Vec<_>>())?,
                3 => write::<Int64Type>(&mut column, &vec![1_777_593_600_000; rows])?,
                _ => write::<DoubleType>(&mut column, &vec![1.0; rows])?,
            }
            columns += 1;
            column.close()?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

#[tokio::test]
async fn of_parquet_the_needed_columns_are_fetched_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("wire.log");
    let period = folder.path().join("exports/focus/billing_period=2026-05");
    std::fs::create_dir_all(&period)?;
    let path = period.join("wide.snappy.parquet");
    write_wide(&path, 1_000)?;
    let size = std::fs::metadata(&path)?.len();
    let exports = folder.path().join("exports");
    let stack = with_exports(&exports, &["--wire-log", log.to_str().context("a path")?]).await?;
    // The second answer brings the first columns.
    stack.set_faults(json!([cut("number", 2, 10)])).await?;
    let completed = asks(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    let analysis = &completed["result"]["cost_analysis"];
    assert_eq!(analysis["rows"], 2_000, "{completed}");
    assert_eq!(analysis["groups"][0]["amount"], "2000", "{completed}");
    let bytes = fetched(&log)?;
    let all: u64 = bytes.iter().sum();
    assert!(size > 4_000_000 && all < size / 10, "{bytes:?} of {size}");
    Ok(())
}

#[tokio::test]
async fn what_only_has_parquets_name_is_read_as_what_it_is_or_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let period = folder.path().join("focus/billing_period=2026-05");
    std::fs::create_dir_all(&period)?;
    let csv =
        "ServiceName,BillingCurrency,ChargePeriodStart,BilledCost\nAmazon S3,USD,2026-05-01,1.25\n";
    let footer = [&b"PAR1"[..], &[7; 100], &90_u32.to_le_bytes(), b"PAR1"].concat();
    // Of the third the footer would begin before the file does.
    let long = [&b"PAR1"[..], &u32::MAX.to_le_bytes(), b"PAR1"].concat();
    for (name, bytes) in [
        ("a.parquet", csv.as_bytes()),
        ("b.parquet", &footer),
        ("c.parquet", &long),
        ("d.parquet", b"x"),
        ("e.parquet", b""),
        ("f.csv", b""),
    ] {
        std::fs::write(period.join(name), bytes)?;
    }
    let stack = with_exports(folder.path(), &[]).await?;
    let completed = asks(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    assert_eq!(completed["result"]["cost_analysis"]["rows"], 1);
    assert_eq!(completed["result"]["cost_analysis"]["total"], "1.25");
    let response = completed["result"]["response"].as_str().unwrap_or_default();
    for said in [
        "The bill b.parquet: it can't be read as Parquet.",
        "The bill c.parquet: it can't be read as Parquet.",
        "The bill d.parquet has no column BilledCost",
        "The bill e.parquet has no column BilledCost",
        "The bill f.csv has no column BilledCost",
    ] {
        assert!(response.contains(said), "{response}");
    }
    Ok(())
}
