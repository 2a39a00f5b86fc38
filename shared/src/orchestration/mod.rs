//! Steps that several functions take with the store and the queues: what an end owes, and replays.

pub mod job_end_notifier;
pub mod job_replayer;
