//! The small cloud: what a template deploys to AWS, run whole on one machine. It imports none of
//! the project's other crates: an emulator that shared their code would share their mistakes.

pub mod event_source;
pub mod gateway;
pub mod lambda;
pub mod plan;
pub mod schedule;
