//! The small cloud: the services of one stack in one process, on loopback, from the deployed template.
//!
//! It imports none of our other crates: an emulator that shared code would share mistakes.

pub mod plan;
pub mod sqs;
