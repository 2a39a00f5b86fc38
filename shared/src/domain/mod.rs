//! The pure domain: jobs, their events and streams, topics, ids and limits.
//!
//! Time, random bytes and rows are arguments. Nothing here calls AWS, reads the clock or the environment.

pub mod event;
pub mod filters;
pub mod ids;
pub mod job;
pub mod limits;
pub mod stream;
pub mod topics;
