//! The rows of a Parquet file as records of text, with only the columns that are needed.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use csv::StringRecord;
use jiff::Timestamp;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor, Type};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::read::parquet_file::map_column::{MapCells, MapColumn};
use crate::read::parquet_file::scalar_column::{
    CellError, CellReader, ValueKind, date, open_column, time, utf8,
};

/// The first and last bytes of every Parquet file.
pub(crate) const MAGIC: &[u8] = b"PAR1";

/// Rows that are decoded at once.
const ROWS_PER_BATCH: usize = 4_096;

/// The rows of a Parquet file. Scalar columns and maps are decoded here, which is many times faster; other columns,
/// such as lists, by the library's row reader.
pub(crate) struct ParquetRows {
    file: SerializedFileReader<File>,
    columns: Vec<ProjectedColumn>,
    /// The cells of these columns in the current row group.
    cells: Vec<Box<dyn CellReader>>,
    nested: Option<RowIter<'static>>,
    pub header: StringRecord,
    /// Which columns are wanted as numbers, and the numbers of the last returned row.
    as_numbers: Vec<bool>,
    numbers: Vec<Option<Decimal>>,
    /// The next row group, and the rows of the current one that are not decoded yet.
    next_group: usize,
    left_in_group: usize,
    /// Rows that are decoded and not returned yet.
    decoded: usize,
    /// The last returned row, counted from 1.
    row: u64,
    text: String,
}

/// A column that is read, and its position in the file.
struct ProjectedColumn {
    at: usize,
    column: ColumnDescPtr,
    kind: ValueKind,
    /// The position and the value column, where this one holds the keys of maps.
    map: Option<(MapColumn, ColumnDescPtr, ValueKind)>,
}

impl ProjectedColumn {
    /// The column of this name if it is a scalar or a map; `None` where the library's row reader has to read it. A
    /// value type that no bill has is an error.
    fn of(schema: &SchemaDescriptor, name: &str) -> Result<Option<Self>, ParquetReadError> {
        let (mut leaves, mut last) = (Vec::new(), 0);
        for (at, column) in schema.columns().iter().enumerate() {
            if column
                .path()
                .parts()
                .first()
                .is_some_and(|first| first == name)
            {
                let kind = ValueKind::of(column)
                    .ok_or_else(|| ParquetReadError::ColumnType(name.to_owned()))?;
                leaves.push((Arc::clone(column), kind));
                last = at;
            }
        }
        let plain = |column: &ColumnDescPtr| {
            column.path().parts().len() == 1 && column.max_rep_level() == 0
        };
        Ok(match (&leaves[..], MapColumn::of(schema, name)) {
            ([(column, kind)], _) if plain(column) => Some(Self {
                at: last,
                column: Arc::clone(column),
                kind: *kind,
                map: None,
            }),
            ([(column, kind), (values, of_values)], Some(map_column)) => Some(Self {
                at: map_column.keys,
                column: Arc::clone(column),
                kind: *kind,
                map: Some((map_column, Arc::clone(values), *of_values)),
            }),
            _ => None,
        })
    }

    fn cells(&self, group: &dyn RowGroupReader) -> Result<Box<dyn CellReader>, ParquetError> {
        let own = open_column(group.get_column_reader(self.at)?, self.kind, &self.column);
        let Some((map_column, column, kind)) = &self.map else {
            return Ok(own);
        };
        let values = open_column(group.get_column_reader(self.at + 1)?, *kind, column);
        Ok(Box::new(MapCells::new(*map_column, own, values)))
    }
}

/// Why a file cannot be read.
#[derive(Debug)]
pub(crate) enum ParquetReadError {
    /// It violates the format.
    File(ParquetError),
    /// The values of this column have a type that no column of a bill has.
    ColumnType(String),
    /// The value of this column is invalid in this row, counted from 1.
    Value {
        column: String,
        row: u64,
        problem: CellError,
    },
}

impl From<std::io::Error> for ParquetReadError {
    fn from(error: std::io::Error) -> Self {
        Self::File(error.into())
    }
}

impl From<ParquetError> for ParquetReadError {
    fn from(error: ParquetError) -> Self {
        Self::File(error)
    }
}

/// The byte ranges of the columns that `needed` selects, read from the footer.
pub(crate) fn column_chunk_ranges(
    file: &File,
    needed: impl Fn(&str) -> bool,
) -> Result<Vec<Range<u64>>, ParquetError> {
    let reader = SerializedFileReader::new(file.try_clone()?)?;
    needed_chunk_ranges(reader.metadata(), &needed)
}

fn needed_chunk_ranges(
    metadata: &ParquetMetaData,
    needed: impl Fn(&str) -> bool,
) -> Result<Vec<Range<u64>>, ParquetError> {
    let columns = metadata
        .row_groups()
        .iter()
        .flat_map(|group| group.columns());
    let needed_columns = columns.filter(|column| {
        let path = column.column_path().parts();
        path.first().is_some_and(|name| needed(name))
    });
    let byte_range = |column: &ColumnChunkMetaData| {
        let start = column.dictionary_page_offset();
        let start = u64::try_from(start.unwrap_or_else(|| column.data_page_offset())).ok()?;
        let length = u64::try_from(column.compressed_size()).ok()?;
        Some(start..start.checked_add(length)?)
    };
    let impossible = || ParquetError::General("a column chunk has an impossible position".into());
    needed_columns
        .map(|column| byte_range(column).ok_or_else(impossible))
        .collect()
}

impl ParquetRows {
    /// Opens the file for the columns that `needed` selects.
    pub(crate) fn open(
        file: File,
        needed: impl Fn(&str) -> bool,
    ) -> Result<Self, ParquetReadError> {
        let other = file.try_clone()?;
        let reader = SerializedFileReader::new(file)?;
        // The library panics at impossible positions, row counts and types, so they are checked first.
        needed_chunk_ranges(reader.metadata(), &needed)?;
        for group in reader.metadata().row_groups() {
            row_count(group)?;
        }
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let root = schema.root_schema();
        let (mut columns, mut names, mut fields) = (Vec::new(), Vec::new(), Vec::new());
        for field in root
            .get_fields()
            .iter()
            .filter(|field| needed(field.name()))
        {
            match ProjectedColumn::of(&schema, field.name())? {
                Some(column) => {
                    columns.push(column);
                    names.push(field.name());
                }
                None => fields.push(Arc::clone(field)),
            }
        }
        names.extend(fields.iter().map(|field| field.name()));
        let header = StringRecord::from(names);
        let numbers = vec![None; header.len()];
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
            columns,
            cells: Vec::new(),
            nested,
            header,
            as_numbers: vec![false; numbers.len()],
            numbers,
            next_group: 0,
            left_in_group: 0,
            decoded: 0,
            row: 0,
            text: String::new(),
        })
    }

    /// Selects the columns, by position in the header, that are wanted as numbers. A value that is exact as a
    /// number is then returned by [`ParquetRows::number`] and has no text.
    pub(crate) fn read_as_numbers(&mut self, positions: impl IntoIterator<Item = usize>) {
        for at in positions {
            self.as_numbers[at] = true;
        }
    }

    /// The number at this position of the last returned row, where it has no text.
    pub(crate) fn number(&self, at: usize) -> Option<Decimal> {
        self.numbers[at]
    }

    /// Reads the next row in the header's order; `false` after the last.
    pub(crate) fn next_record(
        &mut self,
        record: &mut StringRecord,
    ) -> Result<bool, ParquetReadError> {
        if self.decoded == 0 && !self.decode()? {
            return Ok(false);
        }
        self.decoded -= 1;
        self.row += 1;
        record.clear();
        for (at, cells) in self.cells.iter_mut().enumerate() {
            self.text.clear();
            self.numbers[at] = match self.as_numbers[at] {
                true => cells.number(),
                false => None,
            };
            if self.numbers[at].is_some() {
                record.push_field("");
                continue;
            }
            if let Err(problem) = cells.write_text(&mut self.text) {
                return Err(self.value_error(record.len(), problem));
            }
            record.push_field(&self.text);
        }
        if let Some(nested) = &mut self.nested {
            let row = nested.next();
            let row = row.ok_or_else(|| {
                ParquetError::EOF("a file has fewer rows than its footer says".into())
            })??;
            for (_, field) in row.get_column_iter() {
                match text(field) {
                    Ok(text) => record.push_field(&text),
                    Err(problem) => return Err(self.value_error(record.len(), problem)),
                }
            }
        }
        Ok(true)
    }

    /// The error for an invalid value at this position of the header.
    fn value_error(&self, at: usize, problem: CellError) -> ParquetReadError {
        ParquetReadError::Value {
            column: self.header.get(at).unwrap_or_default().to_owned(),
            row: self.row,
            problem,
        }
    }

    /// Decodes the next rows; `false` after the last.
    fn decode(&mut self) -> Result<bool, ParquetError> {
        while self.left_in_group == 0 {
            if self.next_group == self.file.num_row_groups() {
                return Ok(false);
            }
            let group = self.file.get_row_group(self.next_group)?;
            self.next_group += 1;
            self.left_in_group = row_count(group.metadata())?;
            self.cells.clear();
            for column in &self.columns {
                self.cells.push(column.cells(group.as_ref())?);
            }
        }
        let rows = self.left_in_group.min(ROWS_PER_BATCH);
        for cells in &mut self.cells {
            cells.fill(rows)?;
        }
        self.left_in_group -= rows;
        self.decoded = rows;
        Ok(true)
    }
}

fn row_count(group: &RowGroupMetaData) -> Result<usize, ParquetError> {
    let rows = usize::try_from(group.num_rows());
    rows.map_err(|_| ParquetError::General("a row group has a negative number of rows".into()))
}

/// A value within a list or a map.
fn text(field: &Field) -> Result<String, CellError> {
    let mut out = String::new();
    match field {
        Field::Null => {}
        Field::Str(text) => out.push_str(text),
        Field::Bytes(bytes) => out.push_str(utf8(bytes.data())?),
        Field::Double(value) => out = value.to_string(),
        Field::Float(value) => out = value.to_string(),
        Field::Date(days) => out = date((*days).into())?.to_string(),
        Field::TimestampMillis(value) => time(Timestamp::from_millisecond(*value), &mut out)?,
        Field::TimestampMicros(value) => time(Timestamp::from_microsecond(*value), &mut out)?,
        Field::MapInternal(_) | Field::Group(_) | Field::ListInternal(_) => {
            out = json(field)?.to_string();
        }
        other => out = other.to_string(),
    }
    Ok(out)
}

/// Tags are a map, or a list of keys and values.
fn json(field: &Field) -> Result<Value, CellError> {
    match field {
        Field::MapInternal(map) => {
            let mut entries = Map::new();
            for (key, value) in map.entries() {
                entries.insert(text(key)?, json(value)?);
            }
            Ok(entries.into())
        }
        Field::Group(row) => {
            let mut fields = Map::new();
            for (name, value) in row.get_column_iter() {
                fields.insert(name.clone(), json(value)?);
            }
            Ok(fields.into())
        }
        Field::ListInternal(list) => list.elements().iter().map(json).collect(),
        Field::Null => Ok(Value::Null),
        other => Ok(text(other)?.into()),
    }
}
