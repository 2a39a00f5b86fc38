//! The embedded cloud: the AWS services that a deployed stack uses, on one machine and on loopback.
//!
//! It imports none of the project's other crates: an emulator that shared code would share mistakes.

mod aws_call;
mod call_interceptor;
mod caller;
mod capacity;
pub mod cloud;
pub mod data;
mod dynamodb;
mod endpoint;
mod error_response;
mod event_source;
mod event_source_sqs;
pub mod event_stream;
mod faults;
mod gateway;
pub mod lambda;
mod loopback;
mod management_proxy;
mod pages;
pub mod permissions;
pub mod plan;
mod s3;
mod schedule;
mod sns_eventbridge;
mod sqs;
pub mod template;
mod wire_log;
mod wiring;
