//! The pure domain: jobs, events, streams, sessions, inbox, connections, topics, dead letters, ids and limits.
//!
//! Time and random bytes are arguments. Nothing here calls AWS, or reads the clock or the environment.

pub mod backoff;
pub mod connection;
pub mod dead_letter;
pub mod dialect;
pub mod event;
pub mod filters;
pub mod ids;
pub mod inbox;
pub mod job;
pub mod job_list;
pub mod job_message;
pub mod limits;
pub mod log;
pub mod queue_message;
pub mod rate;
pub mod session;
pub mod subscriber_hash;
pub mod subscription;
pub mod token_expiry;
pub mod topics;
