//! Reads bills from disk and S3, and gathers what a question needs from all sources.

mod bill_failures;
mod bill_file;
pub(crate) mod bill_reader;
#[cfg(test)]
mod bill_reader_parquet_tests;
#[cfg(test)]
mod bill_reader_tests;
pub(crate) mod checkpoint;
#[cfg(test)]
mod checkpoint_tests;
pub(crate) mod gather;
pub(crate) mod locations;
mod open_file;
mod parquet_file;
pub(crate) mod read_progress;
mod s3_client;
mod s3_download;
mod tasks;
