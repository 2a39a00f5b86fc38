//! A bill in Parquet as records of text, of the columns that an answer needs. The rest of the file is not read.

use std::fs::File;
use std::sync::Arc;

use csv::StringRecord;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use serde_json::{Map, Value};

use jiff::Timestamp;

/// The first bytes of every Parquet file.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// The rows of a Parquet file.
pub(super) struct Rows {
    rows: RowIter<'static>,
    pub header: StringRecord,
}

impl Rows {
    /// Opens the file for the columns of which `needed` says so.
    pub(super) fn open(file: File, needed: impl Fn(&str) -> bool) -> Result<Self, ParquetError> {
        let reader = SerializedFileReader::new(file)?;
        let schema = reader.metadata().file_metadata().schema();
        let fields: Vec<Arc<Type>> = schema
            .get_fields()
            .iter()
            .filter(|field| needed(field.name()))
            .cloned()
            .collect();
        let header = fields.iter().map(|field| field.name()).collect();
        let projection = Type::group_type_builder(schema.name())
            .with_fields(fields)
            .build()?;
        let rows = RowIter::from_file_into(Box::new(reader)).project(Some(projection))?;
        Ok(Self { rows, header })
    }

    /// The next row in the header's order; `None` after the last.
    pub(super) fn next_record(&mut self, record: &mut StringRecord) -> Result<bool, ParquetError> {
        let Some(row) = self.rows.next() else {
            return Ok(false);
        };
        record.clear();
        let row: Row = row?;
        for (_, field) in row.get_column_iter() {
            record.push_field(&text(field));
        }
        Ok(true)
    }
}

/// A value as CSV would have it. A double is the shortest decimal that means it.
fn text(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Double(value) => value.to_string(),
        Field::Float(value) => value.to_string(),
        Field::TimestampMillis(value) => time(Timestamp::from_millisecond(*value)),
        Field::TimestampMicros(value) => time(Timestamp::from_microsecond(*value)),
        Field::MapInternal(_) | Field::Group(_) | Field::ListInternal(_) => json(field).to_string(),
        other => other.to_string(),
    }
}

fn time(timestamp: Result<Timestamp, jiff::Error>) -> String {
    timestamp.map_or_else(|_| String::new(), |timestamp| timestamp.to_string())
}

/// Tags are a map, or a list of key and value.
fn json(field: &Field) -> Value {
    match field {
        Field::MapInternal(map) => {
            let entries = map.entries().iter();
            let entries = entries.map(|(key, value)| (text(key), json(value)));
            Value::Object(entries.collect::<Map<String, Value>>())
        }
        Field::Group(row) => {
            let fields = row.get_column_iter();
            let fields = fields.map(|(name, value)| (name.clone(), json(value)));
            Value::Object(fields.collect::<Map<String, Value>>())
        }
        Field::ListInternal(list) => list.elements().iter().map(json).collect(),
        Field::Null => Value::Null,
        other => text(other).into(),
    }
}
