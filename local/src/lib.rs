//! The small cloud: what a deployed stack gets from AWS, on one machine and on loopback.
//!
//! It imports none of the project's other crates: an emulator that shared code would share mistakes.

pub mod plan;
pub mod template;
