//! A column of a Parquet file whose values are no lists and no maps, batch by batch, each value spelled as CSV
//! would have it.
//!
//! Which columns are read, and what is in them, it does not know.

use std::fmt::Write;

use jiff::Timestamp;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::record::Field;
use parquet::schema::types::ColumnDescPtr;

use super::parquet::{text, time};

/// The values of one row group's column, in their order.
pub(super) trait Cells: Send {
    /// Reads so many values, absent ones included.
    fn fill(&mut self, rows: usize) -> Result<(), ParquetError>;

    /// Appends the next value that was read; of an absent one nothing.
    fn spell(&mut self, text: &mut String) -> Result<(), ParquetError>;
}

/// How a value of a physical type is spelled.
type Spell<V> = fn(&ColumnDescPtr, &V, &mut String) -> Result<(), ParquetError>;

struct Typed<T: DataType> {
    reader: ColumnReaderImpl<T>,
    column: ColumnDescPtr,
    spell: Spell<T::T>,
    values: Vec<T::T>,
    /// For each row whether it has a value, by its definition level; nothing where each must have one.
    levels: Vec<i16>,
    row: usize,
    value: usize,
}

/// The cells of a column, whatever its type.
pub(super) fn cells(reader: ColumnReader, column: ColumnDescPtr) -> Box<dyn Cells> {
    fn typed<T: DataType>(
        reader: ColumnReaderImpl<T>,
        column: ColumnDescPtr,
        spell: Spell<T::T>,
    ) -> Box<dyn Cells> {
        Box::new(Typed {
            reader,
            column,
            spell,
            values: Vec::new(),
            levels: Vec::new(),
            row: 0,
            value: 0,
        })
    }
    match reader {
        ColumnReader::BoolColumnReader(reader) => {
            typed(reader, column, |column, value, spelled| {
                said(Field::convert_bool(column, *value), spelled)
            })
        }
        ColumnReader::Int32ColumnReader(reader) => {
            typed(reader, column, |column, value, spelled| {
                said(Field::convert_int32(column, *value), spelled)
            })
        }
        ColumnReader::Int64ColumnReader(reader) => typed(reader, column, integer),
        ColumnReader::Int96ColumnReader(reader) => {
            typed(reader, column, |column, value, spelled| {
                said(Field::convert_int96(column, *value), spelled)
            })
        }
        ColumnReader::FloatColumnReader(reader) => {
            typed(reader, column, |_, value, spelled| shortest(value, spelled))
        }
        ColumnReader::DoubleColumnReader(reader) => {
            typed(reader, column, |_, value, spelled| shortest(value, spelled))
        }
        ColumnReader::ByteArrayColumnReader(reader) => typed(reader, column, bytes),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            typed(reader, column, |column, value, spelled| {
                said(
                    Field::convert_byte_array(column, value.clone().into())?,
                    spelled,
                )
            })
        }
    }
}

impl<T: DataType> Cells for Typed<T> {
    fn fill(&mut self, rows: usize) -> Result<(), ParquetError> {
        self.values.clear();
        self.levels.clear();
        (self.row, self.value) = (0, 0);
        let levels = Some(&mut self.levels);
        let (read, ..) = self
            .reader
            .read_records(rows, levels, None, &mut self.values)?;
        match read == rows {
            true => Ok(()),
            false => Err(ParquetError::EOF("a column ends before its rows".into())),
        }
    }

    fn spell(&mut self, text: &mut String) -> Result<(), ParquetError> {
        let level = self.levels.get(self.row);
        self.row += 1;
        if level.is_some_and(|level| *level < self.column.max_def_level()) {
            return Ok(());
        }
        let value = self.values.get(self.value);
        let value = value.ok_or_else(|| ParquetError::EOF("a value is missing".into()))?;
        self.value += 1;
        (self.spell)(&self.column, value, text)
    }
}

fn said(field: Field, spelled: &mut String) -> Result<(), ParquetError> {
    spelled.push_str(&text(&field));
    Ok(())
}

/// A floating point number as the shortest decimal that means it.
fn shortest(value: &impl std::fmt::Display, spelled: &mut String) -> Result<(), ParquetError> {
    write!(spelled, "{value}").map_err(|error| ParquetError::General(error.to_string()))
}

/// The row interface of the library has no name for times in nanoseconds, which pandas writes.
fn integer(column: &ColumnDescPtr, value: &i64, spelled: &mut String) -> Result<(), ParquetError> {
    let nanos = matches!(
        column.logical_type_ref(),
        Some(LogicalType::Timestamp {
            unit: TimeUnit::NANOS,
            ..
        })
    );
    if nanos {
        spelled.push_str(&time(Timestamp::from_nanosecond((*value).into())));
        return Ok(());
    }
    said(Field::convert_int64(column, *value), spelled)
}

fn bytes(
    column: &ColumnDescPtr,
    value: &ByteArray,
    spelled: &mut String,
) -> Result<(), ParquetError> {
    let is_text = matches!(
        column.converted_type(),
        ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON
    );
    if is_text {
        spelled.push_str(value.as_utf8()?);
        return Ok(());
    }
    said(Field::convert_byte_array(column, value.clone())?, spelled)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use csv::StringRecord;
    use parquet::data_type::{
        BoolType, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type,
        Int64Type,
    };
    use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
    use parquet::schema::parser::parse_message_type;

    use super::super::parquet::Rows;
    use super::*;

    type Group<'a> = SerializedRowGroupWriter<'a, File>;

    fn write<T: DataType>(group: &mut Group<'_>, values: &[T::T], levels: Option<&[i16]>) {
        let mut column = group.next_column().unwrap().unwrap();
        let typed = column.typed::<T>();
        typed.write_batch(values, levels, None).unwrap();
        column.close().unwrap();
    }

    #[test]
    fn every_type_is_spelled_as_csv_would_have_it_and_what_is_absent_as_nothing() {
        let schema = "message bill { OPTIONAL DOUBLE cost; REQUIRED INT64 list (DECIMAL(18,6)); REQUIRED INT64 start (TIMESTAMP(NANOS,true));
            OPTIONAL BINARY service (UTF8); OPTIONAL FIXED_LEN_BYTE_ARRAY(4) effective (DECIMAL(9,2)); OPTIONAL BOOLEAN flag;
            REQUIRED INT32 count; }";
        let file = tempfile::tempfile().unwrap();
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer =
            SerializedFileWriter::new(file.try_clone().unwrap(), schema, Arc::default()).unwrap();
        // Two row groups, of which the second is longer than a batch.
        for rows in [3, 5_000] {
            let half: Vec<i16> = (0..rows).map(|row| (row % 2) as i16).collect();
            let half = Some(&half[..]);
            let (whole, some) = (rows as usize, (rows / 2) as usize);
            let mut group = writer.next_row_group().unwrap();
            write::<DoubleType>(&mut group, &vec![0.1; some], half);
            write::<Int64Type>(&mut group, &vec![-1_500_000; whole], None);
            write::<Int64Type>(&mut group, &vec![1_777_593_600_000_000_000; whole], None);
            write::<ByteArrayType>(&mut group, &vec!["Zürich".into(); some], half);
            let cents = FixedLenByteArray::from(1_234_i32.to_be_bytes().to_vec());
            write::<FixedLenByteArrayType>(&mut group, &vec![cents; some], half);
            write::<BoolType>(&mut group, &vec![true; some], half);
            write::<Int32Type>(&mut group, &(0..rows).collect::<Vec<i32>>(), None);
            group.close().unwrap();
        }
        writer.close().unwrap();
        let mut rows = Rows::open(file, |column| column != "flag").unwrap();
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
}
