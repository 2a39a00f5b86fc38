//! The DynamoDB tables, one module each, and the results bucket.

pub mod connections;
pub mod event_log;
pub mod inbox;
pub mod jobs;
pub mod quota;
pub mod recordings;
pub mod results;
pub mod sessions;
pub mod subscriptions;
pub(crate) mod user_row;
