//! What is made from the types of the wire protocol: schemas, the AsyncAPI document, the lists of docs/protocol.md, and a
//! check of frames against the schemas for the tests.

pub mod asyncapi;
mod catalog;
pub mod checker;
pub mod growth;
mod message_names;
pub mod reference;
pub mod schemas;
pub mod transcripts;
pub mod yaml;
