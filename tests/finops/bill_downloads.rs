//! Downloads of bills from S3: interrupted bodies, and only the needed columns of Parquet.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::finops::bills::{
    month_count, stack_with_bucket, stack_with_exports, submit_total_by_month,
};
use crate::support::wire_log::WireLog;

/// The size in bytes of each `GetObject` response to the worker, in order.
fn downloaded_sizes(wire_log: &WireLog) -> Result<Vec<u64>> {
    let calls = wire_log.calls()?;
    let gets = calls
        .iter()
        .filter(|call| call["operation"] == "GetObject" && call["caller"] == "longhaul-worker");
    gets.map(|call| call["responseBytes"].as_u64().context("no bytes"))
        .collect()
}

fn cut_fault(selection: &str, number: u64, after: u64) -> Value {
    json!({
        "service": "s3", "operation": "GetObject", "caller": "longhaul-worker", selection: number,
        "effect": {"cutAfter": after},
    })
}

#[tokio::test]
async fn an_interrupted_download_resumes() -> Result<()> {
    let wire_log = WireLog::new()?;
    let stack = stack_with_bucket(&wire_log.options()?).await?;
    // May is read first, alone.
    stack
        .set_faults(json!([
            cut_fault("number", 1, 1_000),
            cut_fault("number", 2, 500)
        ]))
        .await?;
    let events = submit_total_by_month(&stack)
        .await?
        .until("job_completed")
        .await?;
    let completed = events.last().context("no end")?;
    assert_eq!(completed["usage"]["attempts"], 1);
    assert_eq!(month_count(completed), Some(3));
    let bytes = downloaded_sizes(&wire_log)?;
    assert_eq!(bytes.len(), 5);
    assert_eq!(bytes[1..3], [bytes[0] - 1_000, bytes[0] - 1_500]);

    // After five interruptions of a file the job is retried: here of each of three files.
    stack.set_faults(json!([cut_fault("limit", 15, 0)])).await?;
    let completed = submit_total_by_month(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    assert_eq!(completed["usage"]["attempts"], 2);
    assert_eq!(month_count(&completed), Some(3));
    Ok(())
}

/// Writes charges of 1 dollar each, and a column as wide as the widest of an export.
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
async fn only_the_needed_parquet_columns_are_downloaded() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let wire_log = WireLog::new()?;
    let period = folder.path().join("exports/focus/billing_period=2026-05");
    std::fs::create_dir_all(&period)?;
    let path = period.join("wide.snappy.parquet");
    write_wide(&path, 1_000)?;
    let size = std::fs::metadata(&path)?.len();
    let exports = folder.path().join("exports");
    let stack = stack_with_exports(&exports, &wire_log.options()?).await?;
    // The second response has the first columns.
    stack
        .set_faults(json!([cut_fault("number", 2, 10)]))
        .await?;
    let completed = submit_total_by_month(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    let analysis = &completed["result"]["cost_analysis"];
    assert_eq!(analysis["rows"], 2_000, "{completed}");
    assert_eq!(analysis["groups"][0]["amount"], "2000", "{completed}");
    let bytes = downloaded_sizes(&wire_log)?;
    let all: u64 = bytes.iter().sum();
    assert!(size > 4_000_000 && all < size / 10, "{bytes:?} of {size}");
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_not_parquet_is_read_as_csv_or_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let period = folder.path().join("focus/billing_period=2026-05");
    std::fs::create_dir_all(&period)?;
    let csv =
        "ServiceName,BillingCurrency,ChargePeriodStart,BilledCost\nAmazon S3,USD,2026-05-01,1.25\n";
    let footer = [&b"PAR1"[..], &[7; 100], &90_u32.to_le_bytes(), b"PAR1"].concat();
    // The third file's footer would start before the file.
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
    let stack = stack_with_exports(folder.path(), &[]).await?;
    let completed = submit_total_by_month(&stack).await?.until_end().await?;
    assert_eq!(completed["type"], "job_completed", "{completed}");
    assert_eq!(completed["result"]["cost_analysis"]["rows"], 1);
    assert_eq!(completed["result"]["cost_analysis"]["total"], "1.25");
    let response = completed["result"]["response"].as_str().unwrap_or_default();
    for sentence in [
        "The bill b.parquet: it cannot be read as Parquet.",
        "The bill c.parquet: it cannot be read as Parquet.",
        "The bill d.parquet has no column BilledCost",
        "The bill e.parquet has no column BilledCost",
        "The bill f.csv has no column BilledCost",
    ] {
        assert!(response.contains(sentence), "{response}");
    }
    Ok(())
}
