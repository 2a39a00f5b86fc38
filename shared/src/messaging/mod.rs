//! Sends to queues (job ids, dead letters, pages of a fan-out, deliveries) and pushes frames to connections.

pub mod dead_letter_queue;
pub mod delivery_queue;
pub mod fanout_queue;
pub mod inbox_bound;
pub mod job_queue;
pub mod push;
pub mod user_messenger;
