//! Reads a Parquet column of maps, such as tags, as the JSON objects that CSV would have.
//!
//! It walks the columns of the keys and of the values side by side.

use parquet::errors::ParquetError;
use parquet::schema::types::SchemaDescriptor;

use crate::read::parquet_file::scalar_column::{CellError, CellReader, MISSING};

/// The position of a map's key column in the file, which the value column follows, and the definition levels of the
/// map.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MapColumn {
    pub keys: usize,
    /// The lowest definition levels at which a row has a map, and a map has an entry.
    present: i16,
    entry: i16,
}

impl MapColumn {
    /// The top-level column of this name, if it is a map whose keys are scalar and required and whose values are
    /// scalar.
    pub(crate) fn of(schema: &SchemaDescriptor, name: &str) -> Option<Self> {
        let of_name = |column: &usize| schema.column(*column).path().parts()[0] == name;
        let leaves: Vec<usize> = (0..schema.num_columns()).filter(of_name).collect();
        let [keys, values] = leaves[..] else {
            return None;
        };
        let [key, value] = [keys, values].map(|at| schema.column(at));
        let plain = |column: &parquet::schema::types::ColumnDescPtr| {
            column.path().parts().len() == 3 && column.max_rep_level() == 1
        };
        let root = schema.root_schema().get_fields().iter();
        let group = root.into_iter().find(|field| field.name() == name)?;
        let is_map = matches!(
            group.get_basic_info().converted_type(),
            parquet::basic::ConvertedType::MAP | parquet::basic::ConvertedType::MAP_KEY_VALUE
        );
        let present = i16::from(group.is_optional());
        let entry = present + 1;
        let fits = is_map && plain(&key) && plain(&value) && key.max_def_level() == entry;
        fits.then_some(Self {
            keys,
            present,
            entry,
        })
    }
}

/// The maps of one row group.
pub(crate) struct MapCells {
    map_column: MapColumn,
    keys: Box<dyn CellReader>,
    values: Box<dyn CellReader>,
    text: String,
}

impl MapCells {
    pub(crate) fn new(
        map_column: MapColumn,
        keys: Box<dyn CellReader>,
        values: Box<dyn CellReader>,
    ) -> Self {
        Self {
            map_column,
            keys,
            values,
            text: String::new(),
        }
    }

    /// Writes one entry. Returns whether there is one; an absent or empty map has a placeholder.
    fn entry(&mut self, first: bool, out: &mut String) -> Result<bool, CellError> {
        let (level, _) = self.keys.levels().ok_or(MISSING)?;
        let there = level >= self.map_column.entry;
        self.text.clear();
        self.keys.write_text(&mut self.text)?;
        if there {
            out.push_str(if first { "" } else { "," });
            quote(&self.text, out)?;
            out.push(':');
        }
        self.text.clear();
        let has_value = self.values.write_text(&mut self.text)?;
        match (there, has_value) {
            (true, true) => quote(&self.text, out)?,
            (true, false) => out.push_str("null"),
            (false, _) => {}
        }
        Ok(there)
    }
}

impl CellReader for MapCells {
    fn fill(&mut self, rows: usize) -> Result<(), ParquetError> {
        self.keys.fill(rows)?;
        self.values.fill(rows)
    }

    fn write_text(&mut self, out: &mut String) -> Result<bool, CellError> {
        let (level, _) = self.keys.levels().ok_or(MISSING)?;
        let present = level >= self.map_column.present;
        if present {
            out.push('{');
        }
        let mut first = true;
        loop {
            first &= !self.entry(first, out)?;
            let continues =
                |levels: Option<(i16, i16)>| levels.is_some_and(|(_, repeats)| repeats > 0);
            match (
                continues(self.keys.levels()),
                continues(self.values.levels()),
            ) {
                (true, true) => {}
                (false, false) => break,
                _ => return Err("a map whose keys and values differ in number"),
            }
        }
        if present {
            out.push('}');
        }
        Ok(present)
    }

    fn levels(&self) -> Option<(i16, i16)> {
        self.keys.levels()
    }
}

/// Writes a text as a JSON string.
fn quote(text: &str, out: &mut String) -> Result<(), CellError> {
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return Ok(());
    }
    out.push_str(&serde_json::to_string(text).map_err(|_| MISSING)?);
    Ok(())
}
