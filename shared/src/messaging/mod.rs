//! Queues and pushes: job ids, pages of a fan-out, deliveries, dead letters, and frames to connections.

pub mod courier;
pub mod dead_letters;
pub mod deliveries;
pub mod dispatch;
pub mod fanout;
pub mod push;
