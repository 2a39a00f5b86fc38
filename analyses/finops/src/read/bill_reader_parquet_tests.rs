//! Reading bills in Parquet, and the errors of broken ones.

use std::io::Write;

use parquet::data_type::{ByteArrayType, DoubleType, Int64Type};

use crate::read::bill_reader::BillReader;
use crate::read::parquet_file::test_files::{Group, file, write};

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
        "The bill b.parquet: it cannot be read as Parquet."
    );
}

#[test]
fn invalid_values_are_reported_with_line_and_column() {
    let schema = |start: &str| {
        format!(
            "REQUIRED DOUBLE BilledCost; REQUIRED {start}; REQUIRED BINARY BillingCurrency; REQUIRED BINARY ServiceName;"
        )
    };
    let rows = |group: &mut Group<'_>| {
        write::<DoubleType>(group, &[0.1, 0.2], None);
        write::<Int64Type>(group, &[1_777_593_600_000, i64::MAX], None);
        write::<ByteArrayType>(group, &["USD".into(), "USD".into()], None);
        write::<ByteArrayType>(group, &["Amazon S3".into(), "".into()], None);
    };
    let millis = schema("INT64 ChargePeriodStart (TIMESTAMP_MILLIS)");
    let mut bill = BillReader::from_file(file(&millis, &[&rows]), "b".to_owned()).unwrap();
    let row = bill.next_row().unwrap().unwrap();
    assert_eq!(
        (row.service, row.currency, row.line),
        ("Amazon S3", "USD", 2)
    );
    assert_eq!(
        bill.next_row().unwrap_err().0,
        "The bill b, line 3: ChargePeriodStart is a time out of range."
    );
    let strange = schema("INT64 ChargePeriodStart (TIME_MICROS)");
    assert_eq!(
        BillReader::from_file(file(&strange, &[&rows]), "b".to_owned())
            .err()
            .unwrap()
            .0,
        "The bill b: the column ChargePeriodStart has a type that no column of a bill has."
    );
}
