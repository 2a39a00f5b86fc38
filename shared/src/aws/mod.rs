//! Access to AWS: clients with stated timeouts, signed HTTP, DynamoDB's items.

pub mod clients;
pub mod dynamo;
pub mod item;
pub(crate) mod signed_http;
