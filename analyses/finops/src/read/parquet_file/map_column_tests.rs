//! Reading maps and lists in Parquet files, as exporters write tags.

use csv::StringRecord;
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};

use crate::read::parquet_file::rows::ParquetRows;
use crate::read::parquet_file::test_files::{Group, file, write};

#[test]
fn tags_are_read_from_maps_with_and_without_annotation() {
    for (key, value) in [
        ("BINARY key (UTF8)", "BINARY value (UTF8)"),
        ("BINARY key", "BINARY value"),
    ] {
        let schema = format!(
            "OPTIONAL GROUP c (MAP) {{ REPEATED GROUP key_value {{ REQUIRED {key}; OPTIONAL {value}; }} }}"
        );
        let tags = |value: &'static [u8]| {
            move |group: &mut Group<'_>| {
                // Two entries, the second without a value; then an empty map, and no map.
                for (texts, levels) in [
                    (vec![&b"team"[..], b"env"], [2, 2, 1, 0]),
                    (vec![value], [3, 2, 1, 0]),
                ] {
                    let texts: Vec<ByteArray> =
                        texts.iter().map(|text| text.to_vec().into()).collect();
                    let mut column = group.next_column().unwrap().unwrap();
                    let typed = column.typed::<ByteArrayType>();
                    typed
                        .write_batch(&texts, Some(&levels), Some(&[0, 1, 0, 0]))
                        .unwrap();
                    column.close().unwrap();
                }
            }
        };
        let mut rows =
            ParquetRows::open(file(&schema, &[&tags("Zürich".as_bytes())]), |_| true).unwrap();
        let mut record = StringRecord::new();
        for expected in [r#"{"env":null,"team":"Zürich"}"#, "{}", ""] {
            assert!(rows.next_record(&mut record).unwrap());
            let read: serde_json::Value = serde_json::from_str(&record[0]).unwrap_or_default();
            let expected: serde_json::Value = serde_json::from_str(expected).unwrap_or_default();
            assert_eq!(read, expected, "{key}");
        }
        assert!(!rows.next_record(&mut record).unwrap());
        let mut rows = ParquetRows::open(file(&schema, &[&tags(&[0xff])]), |_| true).unwrap();
        assert!(rows.next_record(&mut record).is_err(), "{key}");
    }
}

#[test]
fn maps_of_different_sizes_are_read_across_batches() {
    // Row `n` has n % 4 entries; every seventh row has no map.
    let entries = |row: usize| if row % 7 == 6 { None } else { Some(row % 4) };
    let rows = 9_000;
    let schema = "OPTIONAL GROUP c (MAP) { REPEATED GROUP key_value { REQUIRED BINARY key (UTF8); OPTIONAL INT32 value; } }
        REQUIRED INT32 n;";
    let write_all = |group: &mut Group<'_>| {
        let (mut keys, mut values) = (Vec::<ByteArray>::new(), Vec::new());
        let (mut of_keys, mut of_values, mut repeats) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..rows {
            let count = entries(row);
            for entry in 0..count.unwrap_or(0).max(1) {
                repeats.push(i16::from(entry > 0));
                match count {
                    None | Some(0) => {
                        let level = i16::from(count.is_some());
                        of_keys.push(level);
                        of_values.push(level);
                    }
                    Some(_) => {
                        keys.push(format!("k\"{entry}").as_str().into());
                        of_keys.push(2);
                        // The second entry has no value.
                        let has_value = entry != 1;
                        of_values.push(2 + i16::from(has_value));
                        if has_value {
                            values.push(row as i32);
                        }
                    }
                }
            }
        }
        let mut column = group.next_column().unwrap().unwrap();
        let typed = column.typed::<ByteArrayType>();
        typed
            .write_batch(&keys, Some(&of_keys), Some(&repeats))
            .unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let typed = column.typed::<Int32Type>();
        typed
            .write_batch(&values, Some(&of_values), Some(&repeats))
            .unwrap();
        column.close().unwrap();
        write::<Int32Type>(group, &(0..rows as i32).collect::<Vec<_>>(), None);
    };
    let mut read = ParquetRows::open(file(schema, &[&write_all, &write_all]), |_| true).unwrap();
    assert_eq!(read.header, vec!["c", "n"]);
    let mut record = StringRecord::new();
    for row in (0..rows).chain(0..rows) {
        assert!(read.next_record(&mut record).unwrap());
        let expected = entries(row).map_or(String::new(), |count| {
            let entry = |entry: usize| match entry {
                1 => r#""k\"1":null"#.to_owned(),
                _ => format!(r#""k\"{entry}":"{row}""#),
            };
            format!(
                "{{{}}}",
                (0..count).map(entry).collect::<Vec<_>>().join(",")
            )
        });
        assert_eq!(record, vec![expected, row.to_string()]);
    }
    assert!(!read.next_record(&mut record).unwrap());
}

#[test]
fn tags_are_read_from_lists_of_keys_and_values() {
    let schema =
        "REQUIRED INT32 n; OPTIONAL GROUP c (LIST) { REPEATED GROUP list { OPTIONAL GROUP element {
        REQUIRED BINARY key (UTF8); REQUIRED BINARY value (UTF8); } } }";
    let write_all = |group: &mut Group<'_>| {
        write::<Int32Type>(group, &[1], None);
        for text in ["team", "search"] {
            let mut column = group.next_column().unwrap().unwrap();
            let typed = column.typed::<ByteArrayType>();
            typed
                .write_batch(&[text.into()], Some(&[3]), Some(&[0]))
                .unwrap();
            column.close().unwrap();
        }
    };
    let mut rows = ParquetRows::open(file(schema, &[&write_all]), |_| true).unwrap();
    let mut record = StringRecord::new();
    assert!(rows.next_record(&mut record).unwrap());
    assert_eq!(record, vec!["1", r#"[{"key":"team","value":"search"}]"#]);
}
