//! The analysis `finops`: answers questions about cloud bills in FOCUS 1.0 to 1.2.
//!
//! The folders `text`, `bill`, `question`, `plan`, `cost_data`, `observations` and `answer` are pure: no file,
//! network, clock or SDK. `read` reads bills from disk and S3, and `aws` calls AWS's cost services. Nothing of a
//! bill is sent anywhere.

mod analysis;
mod answer;
mod aws;
mod bill;
mod cost_data;
#[cfg(test)]
mod end_to_end_tests;
mod failures;
mod observations;
mod plan;
#[cfg(test)]
mod purity_tests;
mod question;
mod read;
mod sample;
mod text;

pub use analysis::Finops;
pub use aws::sources::AwsSources;
pub use question::query_plan::schema as plan_schema;
pub use read::locations::{BillLocation, BillSource};
pub use sample::write_sample;
