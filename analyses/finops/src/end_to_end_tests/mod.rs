//! Tests of the whole analysis, from files to answers.

mod answers;
mod evaluation;
mod focus_versions;
mod independent_sums;
mod many_files;
mod odd_bills;
mod plans;
