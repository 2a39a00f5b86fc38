//! Tests.

mod answers;
mod evaluation;
mod focus_versions;
mod many_files;
mod odd_bills;
