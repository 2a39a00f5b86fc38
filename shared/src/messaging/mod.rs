//! Queues and pushes: job ids, pages of a fan-out, deliveries, dead letters, and frames to connections.

pub mod dead_letters;
pub mod delivery_queue;
pub mod fanout_queue;
pub mod job_queue;
pub mod push;
pub mod user_messenger;
