//! The embedded cloud: the AWS services that a deployed stack uses, on one machine and on loopback.
//!
//! It depends on none of the project's other crates: shared code would share mistakes between the product and
//! the emulator that tests it.

mod aws_call;
mod aws_request;
mod browser_guard;
mod call_interceptor;
mod caller;
mod capacity;
pub mod cloud;
mod cloudwatch_logs;
mod console_host;
pub mod data_folder;
mod dynamodb;
mod endpoint;
mod error_response;
mod event_source;
mod event_source_sqs;
pub mod event_stream;
mod faults;
mod gateway;
mod initiator;
pub mod lambda;
mod loopback;
mod management_proxy;
pub mod permissions;
mod process_end;
mod s3;
mod schedule;
pub mod secret_folder;
mod secrets_manager;
mod sns_eventbridge;
mod sqs;
pub mod stack_spec;
mod sts;
pub mod template;
mod wire_log;
mod wiring_endpoint;
