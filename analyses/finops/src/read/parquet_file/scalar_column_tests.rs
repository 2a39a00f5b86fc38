//! Reading Parquet columns of each type that exporters write, and invalid values, types and footers.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use csv::StringRecord;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray,
    FixedLenByteArrayType, FloatType, Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::file::metadata::{ParquetMetaDataWriter, RowGroupMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::read::parquet_file::rows::{ParquetReadError, ParquetRows};
use crate::read::parquet_file::test_files::{Group, file, write};

/// Every value of the only column, which has this type.
fn column_texts<T: DataType>(
    column: &str,
    values: &[T::T],
) -> Result<Vec<String>, ParquetReadError> {
    let file = file(
        &format!("REQUIRED {column};"),
        &[&|group: &mut Group<'_>| write::<T>(group, values, None)],
    );
    let mut rows = ParquetRows::open(file, |_| true)?;
    let (mut record, mut all) = (StringRecord::new(), Vec::new());
    while rows.next_record(&mut record)? {
        all.push(record[0].to_owned());
    }
    Ok(all)
}

#[track_caller]
fn assert_invalid(read: Result<Vec<String>, ParquetReadError>, wanted_row: u64, wanted: &str) {
    match read {
        Err(ParquetReadError::Value {
            column,
            row,
            problem,
        }) => {
            assert_eq!((column.as_str(), row, problem), ("c", wanted_row, wanted));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_of_every_type_are_text_as_in_csv_and_absent_ones_are_empty() {
    let schema = "OPTIONAL DOUBLE cost; REQUIRED INT64 list (DECIMAL(18,6)); REQUIRED INT64 start (TIMESTAMP(NANOS,true));
        OPTIONAL BINARY service (UTF8); OPTIONAL FIXED_LEN_BYTE_ARRAY(4) effective (DECIMAL(9,2)); OPTIONAL BOOLEAN flag;
        REQUIRED INT32 count;";
    let rows = |rows: i32| {
        move |group: &mut Group<'_>| {
            let half: Vec<i16> = (0..rows).map(|row| (row % 2) as i16).collect();
            let half = Some(&half[..]);
            let (whole, some) = (rows as usize, (rows / 2) as usize);
            write::<DoubleType>(group, &vec![0.1; some], half);
            write::<Int64Type>(group, &vec![-1_500_000; whole], None);
            write::<Int64Type>(group, &vec![1_777_593_600_000_000_000; whole], None);
            write::<ByteArrayType>(group, &vec!["Zürich".into(); some], half);
            let cents = FixedLenByteArray::from(1_234_i32.to_be_bytes().to_vec());
            write::<FixedLenByteArrayType>(group, &vec![cents; some], half);
            write::<BoolType>(group, &vec![true; some], half);
            write::<Int32Type>(group, &(0..rows).collect::<Vec<i32>>(), None);
        }
    };
    // Two row groups; the second is longer than a batch.
    let file = file(schema, &[&rows(3), &rows(5_000)]);
    let mut rows = ParquetRows::open(file, |column| column != "flag").unwrap();
    assert_eq!(
        rows.header,
        vec!["cost", "list", "start", "service", "effective", "count"]
    );
    let mut record = StringRecord::new();
    for row in (0..3).chain(0..5_000) {
        assert!(rows.next_record(&mut record).unwrap());
        let [cost, service, effective] = match row % 2 {
            0 => ["", "", ""],
            _ => ["0.1", "Zürich", "12.34"],
        };
        let (start, count) = ("2026-05-01T00:00:00Z", row.to_string());
        let expected = [cost, "-1.500000", start, service, effective, &count];
        assert_eq!(record, expected[..]);
    }
    assert!(!rows.next_record(&mut record).unwrap());
}

#[test]
fn times_are_read_in_each_unit_and_out_of_range_ones_are_reported() {
    let may = ["2026-05-01T00:00:00Z"];
    let millis = 1_777_593_600_000;
    for (column, factor) in [
        ("INT64 c (TIMESTAMP_MILLIS)", 1),
        ("INT64 c (TIMESTAMP(MILLIS,false))", 1),
        ("INT64 c (TIMESTAMP_MICROS)", 1_000),
        ("INT64 c (TIMESTAMP(MICROS,true))", 1_000),
        ("INT64 c (TIMESTAMP(NANOS,false))", 1_000_000),
    ] {
        let read = column_texts::<Int64Type>(column, &[millis * factor]);
        assert_eq!(read.unwrap(), may, "{column}");
        if factor < 1_000_000 {
            let read = column_texts::<Int64Type>(column, &[0, i64::MAX]);
            assert_invalid(read, 2, "a time out of range");
        }
    }
    // The Julian day of 1970-01-01 is 2,440,588.
    let at = |day: u32, nanos: u64| {
        let mut value = Int96::new();
        value.set_data(nanos as u32, (nanos >> 32) as u32, day);
        value
    };
    let day = 2_440_588 + (millis / 86_400_000) as u32;
    let read = column_texts::<Int96Type>("INT96 c", &[at(day, 0), at(day, 3_600_000_000_000)]);
    assert_eq!(read.unwrap(), [may[0], "2026-05-01T01:00:00Z"]);
    let read = column_texts::<Int96Type>("INT96 c", &[at(day, 0), at(u32::MAX / 2, 0)]);
    assert_invalid(read, 2, "a time out of range");
    let read = column_texts::<Int32Type>("INT32 c (DATE)", &[20_574, -1, 0]);
    assert_eq!(read.unwrap(), ["2026-05-01", "1969-12-31", "1970-01-01"]);
    let read = column_texts::<Int32Type>("INT32 c (DATE)", &[0, 0, i32::MAX]);
    assert_invalid(read, 3, "a time out of range");
}

#[test]
fn decimals_and_numbers_are_exact_in_every_storage_type() {
    let read = column_texts::<Int32Type>("INT32 c (DECIMAL(9,4))", &[12_345, -5, 0, i32::MIN]);
    assert_eq!(
        read.unwrap(),
        ["1.2345", "-0.0005", "0.0000", "-214748.3648"]
    );
    let read = column_texts::<Int64Type>("INT64 c (DECIMAL(18,0))", &[-7, i64::MAX]);
    assert_eq!(read.unwrap(), ["-7", "9223372036854775807"]);
    let binary = |bytes: &[u8]| ByteArray::from(bytes.to_vec());
    let long = [&[0xff; 20][..], &[0x85]].concat();
    let read = column_texts::<ByteArrayType>(
        "BINARY c (DECIMAL(38,2))",
        &[
            binary(&[0x7b]),
            binary(&[0x85]),
            binary(&[4, 0xd2]),
            binary(&long),
        ],
    );
    assert_eq!(read.unwrap(), ["1.23", "-1.23", "12.34", "-1.23"]);
    for bytes in [&[1; 17][..], &[&[0; 1][..], &[0xff; 16]].concat(), &[]] {
        let read = column_texts::<ByteArrayType>("BINARY c (DECIMAL(38,2))", &[binary(bytes)]);
        assert_invalid(read, 1, "a decimal with too many digits");
    }
    let read = column_texts::<Int32Type>("INT32 c (INTEGER(32,false))", &[-1, 1]);
    assert_eq!(read.unwrap(), ["4294967295", "1"]);
    let read = column_texts::<Int64Type>("INT64 c (INTEGER(64,false))", &[-1]);
    assert_eq!(read.unwrap(), ["18446744073709551615"]);
    let read = column_texts::<Int32Type>("INT32 c (INTEGER(8,true))", &[-8]);
    assert_eq!(read.unwrap(), ["-8"]);
    let read = column_texts::<FloatType>("FLOAT c", &[0.1, -2.0, 1e-7]);
    assert_eq!(read.unwrap(), ["0.1", "-2", "0.0000001"]);
    let read = column_texts::<BoolType>("BOOLEAN c", &[true, false]);
    assert_eq!(read.unwrap(), ["true", "false"]);
}

#[test]
fn text_is_read_with_and_without_annotation() {
    for column in [
        "BINARY c",
        "BINARY c (UTF8)",
        "BINARY c (JSON)",
        "BINARY c (ENUM)",
    ] {
        let read = column_texts::<ByteArrayType>(column, &["Zürich".into(), "".into()]);
        assert_eq!(read.unwrap(), ["Zürich", ""], "{column}");
        let broken = ByteArray::from(vec![0xff, 0xfe]);
        let read = column_texts::<ByteArrayType>(column, &["".into(), broken]);
        assert_invalid(read, 2, "not UTF-8 text");
    }
    let fixed = |bytes: &[u8]| FixedLenByteArray::from(bytes.to_vec());
    let read = column_texts::<FixedLenByteArrayType>("FIXED_LEN_BYTE_ARRAY(3) c", &[fixed(b"USD")]);
    assert_eq!(read.unwrap(), ["USD"]);
    let read = column_texts::<FixedLenByteArrayType>(
        "FIXED_LEN_BYTE_ARRAY(16) c (UUID)",
        &[fixed(&[0x1f; 16])],
    );
    assert_eq!(read.unwrap(), ["1f1f1f1f-1f1f-1f1f-1f1f-1f1f1f1f1f1f"]);
}

#[test]
fn exact_numbers_are_returned_without_text() {
    let schema = "OPTIONAL DOUBLE a; REQUIRED INT64 b (DECIMAL(18,6)); REQUIRED DOUBLE c;";
    let write_all = |group: &mut Group<'_>| {
        write::<DoubleType>(group, &[12.5, 1e-9], Some(&[1, 0, 1]));
        write::<Int64Type>(group, &[-1_500_000, 0, i64::MAX], None);
        write::<DoubleType>(group, &[0.1, 0.2, 0.3], None);
    };
    let mut rows = ParquetRows::open(file(schema, &[&write_all]), |_| true).unwrap();
    rows.read_as_numbers([0, 1]);
    let mut record = StringRecord::new();
    let number = |text: &str| (text.parse().ok(), "".to_owned());
    let text = |text: &str| (None, text.to_owned());
    // A value with too many places is a text, and so is a value of a column that is not wanted as numbers.
    for expected in [
        [number("12.5"), number("-1.5"), text("0.1")],
        [text(""), number("0"), text("0.2")],
        [
            text("0.000000001"),
            number("9223372036854.775807"),
            text("0.3"),
        ],
    ] {
        assert!(rows.next_record(&mut record).unwrap());
        let read = [0, 1, 2].map(|at| (rows.number(at), record[at].to_owned()));
        assert_eq!(read, expected);
    }
}

#[test]
fn unsupported_column_types_are_refused_by_name() {
    fn assert_refused<T: DataType>(schema: &str, value: T::T) {
        match column_texts::<T>(schema, &[value]) {
            Err(ParquetReadError::ColumnType(column)) => assert_eq!(column, "c"),
            other => panic!("{schema}: {other:?}"),
        }
    }
    assert_refused::<Int32Type>("INT32 c (TIME_MILLIS)", 0);
    assert_refused::<Int64Type>("INT64 c (TIME_MICROS)", 0);
    assert_refused::<Int64Type>("INT64 c (TIME(NANOS,true))", 0);
    assert_refused::<ByteArrayType>("BINARY c (BSON)", "".into());
    let twelve = FixedLenByteArray::from(vec![0; 12]);
    assert_refused::<FixedLenByteArrayType>("FIXED_LEN_BYTE_ARRAY(12) c (INTERVAL)", twelve);
    // Also in a map; the type of a column that is not needed does not matter.
    let schema = "REQUIRED INT32 a; OPTIONAL GROUP c (MAP) { REPEATED GROUP key_value { REQUIRED BINARY key (UTF8);
        OPTIONAL INT32 value (TIME_MILLIS); } }";
    let nothing = || file(schema, &[]);
    let refused = ParquetRows::open(nothing(), |_| true).err().unwrap();
    assert!(matches!(refused, ParquetReadError::ColumnType(column) if column == "c"));
    assert!(ParquetRows::open(nothing(), |column| column == "a").is_ok());
}

/// The same file with another footer for its row groups.
fn forged(mut file: File, change: impl Fn(RowGroupMetaData) -> RowGroupMetaData) -> File {
    let reader = SerializedFileReader::new(file.try_clone().unwrap()).unwrap();
    let metadata = reader.metadata().clone();
    let groups = metadata.row_groups().iter().cloned().map(change).collect();
    let metadata = metadata.into_builder().set_row_groups(groups).build();
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    let length: [u8; 4] = bytes[bytes.len() - 8..][..4].try_into().unwrap();
    bytes.truncate(bytes.len() - 8 - u32::from_le_bytes(length) as usize);
    let mut forged = tempfile::tempfile().unwrap();
    forged.write_all(&bytes).unwrap();
    ParquetMetaDataWriter::new(forged.try_clone().unwrap(), &metadata)
        .finish()
        .unwrap();
    forged.seek(SeekFrom::Start(0)).unwrap();
    forged
}

#[test]
fn impossible_footers_are_refused() {
    let whole = || {
        file(
            "REQUIRED INT32 c;",
            &[&|group: &mut Group<'_>| write::<Int32Type>(group, &[1, 2, 3], None)],
        )
    };
    let read = |file: File| -> Result<usize, ParquetReadError> {
        let mut rows = ParquetRows::open(file, |_| true)?;
        let (mut record, mut read) = (StringRecord::new(), 0);
        while rows.next_record(&mut record)? {
            read += 1;
        }
        Ok(read)
    };
    assert_eq!(read(forged(whole(), |group| group)).unwrap(), 3);
    let rows = |rows: i64| {
        move |group: RowGroupMetaData| group.into_builder().set_num_rows(rows).build().unwrap()
    };
    let place = |group: RowGroupMetaData| {
        let columns = group.columns().iter().cloned();
        let columns = columns.map(|column| column.into_builder().set_data_page_offset(-5));
        let columns =
            columns.map(|column| column.set_dictionary_page_offset(None).build().unwrap());
        let columns = columns.collect();
        group
            .into_builder()
            .set_column_metadata(columns)
            .build()
            .unwrap()
    };
    for broken in [
        forged(whole(), rows(-1)),
        forged(whole(), rows(i64::MIN)),
        forged(whole(), rows(4)),
        forged(whole(), place),
    ] {
        assert!(matches!(read(broken), Err(ParquetReadError::File(_))));
    }
}
