//! The analysis `finops`: answers a question about cloud bills in FOCUS 1.0 to 1.2.
//!
//! CostData ([`supervisor`], [`source`], [`bill`]) is apart from what is pure: the question's grammar, the sums, the findings and
//! the rendering. It sends nothing anywhere, and what it can't understand it says.

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
mod question;
mod read;
mod sample;
mod text;

pub use analysis::Finops;
pub use aws::sources::AwsSources;
pub use read::locations::{BillLocation, BillSource};
pub use sample::write_sample;
