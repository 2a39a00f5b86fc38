//! Access to AWS: clients with stated timeouts, signed HTTP, DynamoDB's items.

pub mod dynamo;
pub mod item;
pub mod sdk;
pub(crate) mod wire;
