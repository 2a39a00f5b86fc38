//! Steps that several functions take with the store and the queues: what an end owes, and replays.

pub mod announce;
pub mod replay;
