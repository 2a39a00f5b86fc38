//! Access to AWS: clients with one set of timeouts, signed HTTP, DynamoDB items, and queues that are read as a whole.

pub mod clients;
pub mod dynamo;
pub mod item;
pub mod queue_reader;
pub(crate) mod signed_http;
