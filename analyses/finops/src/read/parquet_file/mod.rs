//! Reads bills in Parquet: only the columns that are needed, as the records of text that CSV would have.

mod map_column;
#[cfg(test)]
mod map_column_tests;
pub(crate) mod rows;
mod scalar_column;
#[cfg(test)]
mod scalar_column_tests;
#[cfg(test)]
pub(crate) mod test_files;
