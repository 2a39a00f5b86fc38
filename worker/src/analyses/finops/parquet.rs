//! A bill in Parquet as records of text, of the columns that an answer needs. The rest of the file is not read.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use csv::StringRecord;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use parquet::schema::types::{ColumnDescPtr, Type};
use serde_json::{Map, Value};

use jiff::Timestamp;

use super::columns::{Cells, cells};

/// The first bytes of every Parquet file.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// Rows that are decoded at once.
const BATCH: usize = 4_096;

/// The rows of a Parquet file: plain columns by themselves, which is many times faster, and those of lists and
/// maps by the library's rows.
pub(super) struct Rows {
    file: SerializedFileReader<File>,
    plain: Vec<Plain>,
    /// The plain columns' cells of the row group that is being read.
    cells: Vec<Box<dyn Cells>>,
    nested: Option<RowIter<'static>>,
    pub header: StringRecord,
    /// The row group that is next, and the rows that are left of the one before.
    group: usize,
    left: usize,
    /// Rows that are decoded and not given yet.
    ready: usize,
    spelled: String,
}

/// A column, and its place in the file.
struct Plain {
    at: usize,
    column: ColumnDescPtr,
}

/// Where the values of the columns are of which `needed` says so, by the footer alone.
pub(super) fn chunks(
    file: &File,
    needed: impl Fn(&str) -> bool,
) -> Result<Vec<Range<u64>>, ParquetError> {
    let reader = SerializedFileReader::new(file.try_clone()?)?;
    needed_chunks(reader.metadata(), &needed)
}

fn needed_chunks(
    metadata: &ParquetMetaData,
    needed: impl Fn(&str) -> bool,
) -> Result<Vec<Range<u64>>, ParquetError> {
    let columns = metadata
        .row_groups()
        .iter()
        .flat_map(|group| group.columns());
    let of_needed = columns.filter(|column| {
        let path = column.column_path().parts();
        path.first().is_some_and(|name| needed(name))
    });
    let place = |column: &ColumnChunkMetaData| {
        let start = column.dictionary_page_offset();
        let start = u64::try_from(start.unwrap_or_else(|| column.data_page_offset())).ok()?;
        let length = u64::try_from(column.compressed_size()).ok()?;
        Some(start..start.checked_add(length)?)
    };
    let nowhere = || ParquetError::General("a column chunk is nowhere".into());
    of_needed
        .map(|column| place(column).ok_or_else(nowhere))
        .collect()
}

impl Rows {
    /// Opens the file for the columns of which `needed` says so.
    pub(super) fn open(file: File, needed: impl Fn(&str) -> bool) -> Result<Self, ParquetError> {
        let other = file.try_clone()?;
        let reader = SerializedFileReader::new(file)?;
        // A place that can't be would be a panic of the library.
        needed_chunks(reader.metadata(), &needed)?;
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let plain: Vec<Plain> = schema
            .columns()
            .iter()
            .enumerate()
            .filter(|(_, column)| column.path().parts().len() == 1 && column.max_rep_level() == 0)
            .filter(|(_, column)| needed(column.name()))
            .map(|(at, column)| Plain {
                at,
                column: Arc::clone(column),
            })
            .collect();
        let is_plain = |name: &str| plain.iter().any(|plain| plain.column.name() == name);
        let root = schema.root_schema();
        let fields: Vec<Arc<Type>> = root
            .get_fields()
            .iter()
            .filter(|field| needed(field.name()) && !is_plain(field.name()))
            .cloned()
            .collect();
        let names = plain.iter().map(|plain| plain.column.name());
        let header = names
            .chain(fields.iter().map(|field| field.name()))
            .collect();
        let nested = match fields.is_empty() {
            true => None,
            false => {
                let projection = Type::group_type_builder(root.name())
                    .with_fields(fields)
                    .build()?;
                let rows = RowIter::from_file_into(Box::new(SerializedFileReader::new(other)?));
                Some(rows.project(Some(projection))?)
            }
        };
        Ok(Self {
            file: reader,
            plain,
            cells: Vec::new(),
            nested,
            header,
            group: 0,
            left: 0,
            ready: 0,
            spelled: String::new(),
        })
    }

    /// The next row in the header's order; `false` after the last.
    pub(super) fn next_record(&mut self, record: &mut StringRecord) -> Result<bool, ParquetError> {
        if self.ready == 0 && !self.decode()? {
            return Ok(false);
        }
        self.ready -= 1;
        record.clear();
        for cells in &mut self.cells {
            self.spelled.clear();
            cells.spell(&mut self.spelled)?;
            record.push_field(&self.spelled);
        }
        if let Some(nested) = &mut self.nested {
            let row = nested.next();
            let row = row.ok_or_else(|| ParquetError::EOF("rows end too early".into()))??;
            for (_, field) in row.get_column_iter() {
                record.push_field(&text(field));
            }
        }
        Ok(true)
    }

    /// Decodes the next rows; `false` after the last.
    fn decode(&mut self) -> Result<bool, ParquetError> {
        while self.left == 0 {
            if self.group == self.file.num_row_groups() {
                return Ok(false);
            }
            let group = self.file.get_row_group(self.group)?;
            self.group += 1;
            self.left = group.metadata().num_rows().try_into().unwrap_or_default();
            self.cells.clear();
            for Plain { at, column } in &self.plain {
                let reader = group.get_column_reader(*at)?;
                self.cells.push(cells(reader, Arc::clone(column)));
            }
        }
        let rows = self.left.min(BATCH);
        for cells in &mut self.cells {
            cells.fill(rows)?;
        }
        self.left -= rows;
        self.ready = rows;
        Ok(true)
    }
}

/// A value as CSV would have it. A double is the shortest decimal that means it.
pub(super) fn text(field: &Field) -> String {
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

pub(super) fn time(timestamp: Result<Timestamp, jiff::Error>) -> String {
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
