//! Parquet files for tests, written column by column.

use std::fs::File;
use std::io::Seek;
use std::sync::Arc;

use parquet::data_type::DataType;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

/// A row group that is being written.
pub(crate) type Group<'a> = SerializedRowGroupWriter<'a, File>;

pub(crate) fn write<T: DataType>(group: &mut Group<'_>, values: &[T::T], levels: Option<&[i16]>) {
    let mut column = group.next_column().unwrap().unwrap();
    let typed = column.typed::<T>();
    typed.write_batch(values, levels, None).unwrap();
    column.close().unwrap();
}

/// A file with these columns and a row group for each function in `groups`.
pub(crate) fn file(schema: &str, groups: &[&dyn Fn(&mut Group<'_>)]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    let schema = Arc::new(parse_message_type(&format!("message bill {{ {schema} }}")).unwrap());
    let mut writer =
        SerializedFileWriter::new(file.try_clone().unwrap(), schema, Arc::default()).unwrap();
    for write in groups {
        let mut group = writer.next_row_group().unwrap();
        write(&mut group);
        group.close().unwrap();
    }
    writer.close().unwrap();
    file.rewind().unwrap();
    file
}
